//! Answers that are none.

use tributary_core::{Checkpoint, Fault, Source};
use tributary_source_cases::{Cases, CasesSource, Options};
use tributary_testkit::CasesFault;

use crate::{NOW, ids, options, play, read, server, sorted};

fn fault(operation: &'static str, code: &'static str, status: u16, every: u64) -> CasesFault {
    CasesFault { operation: Some(operation), code, status, every }
}

#[test]
fn throttled_calls_are_made_again() {
    play("faults::throttled_calls_are_made_again", async {
        let server = server();
        {
            let mut domain = server.domain();
            for case in 0..10 {
                domain.change(&format!("case-{case}"), &format!("e-{case}"), NOW - 500_000, "open");
            }
            domain.faults = vec![
                CasesFault { operation: None, code: "ThrottlingException", status: 429, every: 3 },
                CasesFault { operation: None, code: "InternalServerException", status: 500, every: 7 },
            ];
        }
        let batches = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap();
        let domain = server.domain();
        assert_eq!(sorted(ids(&batches)), domain.event_ids());
        assert!(domain.calls().iter().filter(|call| call.status != 200).count() > 4);
    });
}

/// Each says what has to be granted.
#[test]
fn what_is_not_allowed_is_said_with_the_cure() {
    play("faults::what_is_not_allowed_is_said_with_the_cure", async {
        for operation in ["GetDomain", "SearchCases", "GetCaseAuditEvents"] {
            let server = server();
            server.domain().change("a", "e", NOW - 500_000, "open");
            server.domain().faults = vec![fault(operation, "AccessDeniedException", 403, 1)];
            let failure = read(&options(&server), &Checkpoint::default(), usize::MAX).await.unwrap_err();
            assert_eq!((failure.fault(), failure.code()), (Fault::Config, "source-cases/denied"));
            assert!(failure.to_string().contains(&format!("grant cases:{operation} on the domain")), "{failure}");
            let probed = CasesSource::probe(options(&server)).await.unwrap_err();
            assert_eq!(probed.code(), "source-cases/denied");
        }
    });
}

#[test]
fn a_domain_that_is_not_there_is_said() {
    play("faults::a_domain_that_is_not_there_is_said", async {
        let server = server();
        let options = Options { domain: "d-2".to_owned(), ..options(&server) };
        let failure = read(&options, &Checkpoint::default(), usize::MAX).await.unwrap_err();
        assert_eq!((failure.fault(), failure.code()), (Fault::Config, "source-cases/no-domain"));
        assert_eq!(CasesSource::probe(options).await.unwrap_err().code(), "source-cases/no-domain");
    });
}

/// It was found, and when its turn comes it is no more.
#[test]
fn a_case_that_was_deleted_stops_nothing() {
    play("faults::a_case_that_was_deleted_stops_nothing", async {
        let server = server();
        {
            let mut domain = server.domain();
            for case in ["a", "b", "c"] {
                domain.change(case, &format!("{case}-0"), NOW - 500_000, "open");
            }
            domain.at_call(4, |domain| domain.delete("b"));
        }
        let mut source = CasesSource::open(options(&server), &Checkpoint::default()).await.unwrap();
        let mut batches = Vec::new();
        while let Some(batch) = source.next().await.unwrap() {
            batches.push(batch);
        }
        assert_eq!(ids(&batches), ["a-0", "c-0"]);
        assert!(source.unread().is_empty());
    });
}

/// Somebody wrote its name.
#[test]
fn a_listed_case_that_is_not_there_is_named() {
    play("faults::a_listed_case_that_is_not_there_is_named", async {
        let server = server();
        server.domain().change("a", "a-0", NOW - 500_000, "open");
        let cases = Cases::Listed(["a".to_owned(), "gone".to_owned()].into());
        let mut source =
            CasesSource::open(Options { cases, ..options(&server) }, &Checkpoint::default()).await.unwrap();
        let mut batches = Vec::new();
        while let Some(batch) = source.next().await.unwrap() {
            batches.push(batch);
        }
        assert_eq!(ids(&batches), ["a-0"]);
        let unread = source.unread();
        assert_eq!(unread.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["gone"]);
        assert!(unread[0].reason.contains("correct cases"), "{unread:?}");
    });
}

#[test]
fn a_probe_says_what_it_found() {
    play("faults::a_probe_says_what_it_found", async {
        let server = server();
        assert!(CasesSource::probe(options(&server)).await.unwrap().contains("no case was found"));
        server.domain().change("a", "a-0", NOW - 500_000, "open");
        assert!(CasesSource::probe(options(&server)).await.unwrap().contains("read 1 events of the case a"));
    });
}
