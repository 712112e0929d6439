//! Slices, pages, places.

use std::time::Duration;

use tributary_core::{Checkpoint, Position, Source, Timestamp};
use tributary_source_cases::{Cases, CasesSource, Options};
use tributary_testkit::{CasesServer, HistoryOrder};

use crate::{NOW, commit, ids, options, play, read, server, sorted};

/// Three cases, of which one has three pages.
fn filled() -> CasesServer {
    let server = server();
    {
        let mut domain = server.domain();
        for number in 0..60 {
            domain.change("b", &format!("b-{number:02}"), NOW - 500_000 + number, "open");
        }
        domain.change("a", "a-0", NOW - 400_000, "open");
        domain.change("c", "c-0", NOW - 300_000, "open");
    }
    server
}

/// A million cases are no more than one.
#[test]
fn a_sweep_goes_by_the_ids_of_cases_and_its_place_is_small() {
    play("sweeps::a_sweep_goes_by_the_ids_of_cases_and_its_place_is_small", async {
        let server = filled();
        let batches = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap();
        assert_eq!(sorted(ids(&batches)), server.domain().event_ids());
        let records: Vec<usize> = batches.iter().map(|batch| batch.records.len()).collect();
        assert_eq!(records, [1, 3, 1, 0], "a record a page, and the end of the sweep");
        let places: Vec<String> = batches
            .iter()
            .flat_map(|batch| batch.delta.spans())
            .map(|(split, span)| format!("{split} {span}"))
            .collect();
        assert_eq!(
            places[0],
            "audit/cases@d-1 (start..polled until 1970-01-01T00:00:00.000000Z, and until 2026-10-31T23:59:00.000000Z up to a)"
        );
        assert!(places[3].ends_with("up to c..polled until 2026-10-31T23:59:00.000000Z)"), "{}", places[3]);
        let histories = server.domain().calls().iter().filter(|call| call.operation == "GetCaseAuditEvents").count();
        assert_eq!(histories, 5);
    });
}

#[test]
fn every_place_is_one_to_go_on_from() {
    play("sweeps::every_place_is_one_to_go_on_from", async {
        let server = filled();
        let options = options(&server);
        let all = read(&options, &Checkpoint::default(), usize::MAX).await.unwrap();
        for taken in 0..=all.len() {
            let checkpoint = all[..taken].iter().fold(Checkpoint::default(), |at, batch| commit(&at, batch));
            let rest = read(&options, &checkpoint, usize::MAX).await.unwrap();
            assert_eq!(sorted([ids(&all[..taken]), ids(&rest)].concat()), server.domain().event_ids(), "{taken}");
            rest.iter().fold(checkpoint, |at, batch| commit(&at, batch));
        }
    });
}

/// What is younger than `settle` is left for the next sweep, whatever the moment; so is what comes during a sweep.
#[test]
fn an_event_is_in_one_slice() {
    play("sweeps::an_event_is_in_one_slice", async {
        let server = filled();
        let until = NOW - 60_000;
        {
            let mut domain = server.domain();
            for (number, moment) in [until - 1, until - 1, until, until, until + 1].into_iter().enumerate() {
                domain.change("c", &format!("c-{}", number + 1), moment, "closed");
            }
            // While the cases are read: the domain, a search, and the first history come before.
            domain.at_call(4, |domain| domain.change("b", "b-late", NOW, "closed"));
        }
        let options = options(&server);
        let first = read(&options, &Checkpoint::default(), usize::MAX).await.unwrap();
        let taken = ids(&first);
        assert!(taken.contains(&"c-1".to_owned()) && taken.contains(&"c-2".to_owned()), "{taken:?}");
        assert_eq!(taken.len(), 64, "{taken:?}");
        let at = first.iter().fold(Checkpoint::default(), |at, batch| commit(&at, batch));
        // The clock of the service is read to a second.
        server.domain().set_now(NOW + 61_000);
        let second = read(&options, &at, usize::MAX).await.unwrap();
        assert_eq!(ids(&second), ["b-late", "c-3", "c-4", "c-5"]);
        let at = second.iter().fold(at, |at, batch| commit(&at, batch));
        assert_eq!(ids(&read(&options, &at, usize::MAX).await.unwrap()), Vec::<String>::new());
    });
}

/// A token leads to a place in a list from whose beginning cases go away while it is read.
#[test]
fn no_case_is_passed_over_while_others_move() {
    play("sweeps::no_case_is_passed_over_while_others_move", async {
        for order in [HistoryOrder::OldestFirst, HistoryOrder::NewestFirst] {
            let server = server();
            {
                let mut domain = server.domain();
                domain.order = order;
                for case in 0..450_i64 {
                    // Many of one moment, too.
                    domain.change(
                        &format!("case-{case:03}"),
                        &format!("e-{case}"),
                        NOW - 900_000 + case / 150 * 1_000,
                        "open",
                    );
                }
                for call in 2..7_u64 {
                    domain.at_call(call, move |domain| {
                        for case in 0..20 {
                            let (case, event) =
                                (format!("case-{:03}", call * 20 + case), format!("moved-{call}-{case}"));
                            domain.change(&case, &event, NOW, "closed");
                        }
                    });
                }
            }
            let all = server.domain().event_ids();
            let batches = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap();
            assert_eq!(sorted(ids(&batches)), all, "{order:?}");
        }
    });
}

/// Each that comes moves one over to the page that is asked for next.
#[test]
fn what_comes_between_pages_doubles_nothing() {
    play("sweeps::what_comes_between_pages_doubles_nothing", async {
        let server = filled();
        {
            let mut domain = server.domain();
            domain.order = HistoryOrder::NewestFirst;
            for call in 4..6 {
                domain.at_call(call, move |domain| {
                    for number in 0..3 {
                        domain.change("b", &format!("new-{call}-{number}"), NOW, "closed");
                    }
                });
            }
        }
        let all = server.domain().event_ids();
        let batches = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap();
        assert_eq!(sorted(ids(&batches)), all);
    });
}

#[test]
fn what_this_client_does_not_know_is_handed_on() {
    play("sweeps::what_this_client_does_not_know_is_handed_on", async {
        let server = server();
        let event = serde_json::json!({
            "eventId": "e-1",
            "type": "Case.Split",
            "relatedItemType": "Hologram",
            "performedTime": "2026-10-01T00:00:00.123Z",
            "fields": [{ "eventFieldId": "f", "newValue": { "listValue": ["a"] }, "reason": "x" }],
            "performedBy": { "iamPrincipalArn": "arn:aws:iam::123456789012:role/cases" },
            "splitMetadata": { "into": 2 },
        });
        server.domain().tell("a", NOW - 500_000, event.clone());
        let batches = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap();
        let record: serde_json::Value = serde_json::from_slice(batches[0].records[0].body.bytes()).unwrap();
        assert_eq!(record, serde_json::json!({ "domainId": "d-1", "caseId": "a", "auditEvents": [event] }));
    });
}

/// The list says where a run that was never there begins; whoever adds to it gets what is new in it from the beginning.
#[test]
fn cases_may_be_listed_and_have_a_beginning() {
    play("sweeps::cases_may_be_listed_and_have_a_beginning", async {
        let server = filled();
        let listed = |cases: &[&str]| Options {
            cases: Cases::Listed(cases.iter().map(|case| (*case).to_owned()).collect()),
            since: Some(Timestamp::from_micros((NOW - 400_000) * 1_000)),
            ..options(&server)
        };
        let batches = read(&listed(&["b", "a"]), &Checkpoint::default(), usize::MAX).await.unwrap();
        assert_eq!(ids(&batches), ["a-0"], "those of b are older");
        let at = batches.iter().fold(Checkpoint::default(), |at, batch| commit(&at, batch));
        assert_eq!(ids(&read(&listed(&["a", "c"]), &at, usize::MAX).await.unwrap()), ["a-0", "c-0"]);
        assert!(server.domain().calls().iter().all(|call| call.operation != "SearchCases"));
    });
}

/// A stream in which nothing happens hands on nothing; one in which something does goes on from what it handed on.
#[test]
fn a_stream_sweeps_again() {
    play("sweeps::a_stream_sweeps_again", async {
        let server = filled();
        let options = Options { poll: Some(Duration::from_millis(20)), batch_bytes: 8 << 20, ..options(&server) };
        let mut source = CasesSource::open(options, &Checkpoint::default()).await.unwrap();
        let first = source.next().await.unwrap().unwrap();
        assert_eq!(ids(std::slice::from_ref(&first)).len(), 62);
        let quiet = tokio::time::timeout(Duration::from_millis(300), source.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        let sweeps = || server.domain().calls().iter().filter(|call| call.operation == "GetDomain").count();
        assert!(sweeps() > 2, "{}", sweeps());
        server.domain().set_now(NOW + 100_000);
        server.domain().change("a", "a-1", NOW + 1_000, "closed");
        let second = source.next().await.unwrap().unwrap();
        assert_eq!(ids(std::slice::from_ref(&second)), ["a-1"]);
        let at = commit(&commit(&Checkpoint::default(), &first), &second);
        let (_, place) = at.positions().next().unwrap();
        let Position::Polled(polled) = place else { panic!("{place}") };
        assert_eq!((polled.since.millis(), &polled.sweep), (NOW + 40_000, &None));
        assert!(source.lag().is_some());
    });
}

/// The moments between which the calls come.
#[test]
fn calls_are_paced() {
    play("sweeps::calls_are_paced", async {
        let server = filled();
        let options = Options { rate: 20.try_into().unwrap(), ..options(&server) };
        let begun = std::time::Instant::now();
        read(&options, &Checkpoint::default(), usize::MAX).await.unwrap();
        // Seven calls, of which the first waits for nothing.
        assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
        assert_eq!(server.domain().calls().len(), 7);
    });
}
