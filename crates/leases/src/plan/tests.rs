//! Laws of the plan, on facts of every kind.

use proptest::prelude::*;

use super::*;

const WORKERS: [&str; 4] = ["ann", "bob", "cyd", "dan"];

/// What a plan is made from, owned.
#[derive(Clone, Debug)]
struct Case {
    live: BTreeSet<String>,
    leases: Vec<Lease>,
    run_out: BTreeSet<String>,
    readable: BTreeSet<String>,
    left: BTreeSet<String>,
    partings: BTreeMap<String, Parting>,
}

impl Case {
    fn facts<'a>(&'a self, reports: &'a BTreeMap<String, Report>) -> Facts<'a> {
        Facts {
            me: WORKERS[0],
            live: &self.live,
            leases: &self.leases,
            run_out: &self.run_out,
            readable: &self.readable,
            reports,
            left: &self.left,
            partings: &self.partings,
            first: 101,
            tolerance: 0.1,
        }
    }
}

fn worker() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(&WORKERS[..]).prop_map(str::to_owned))
}

fn lease() -> impl Strategy<Value = Lease> {
    let rate = prop_oneof![Just(0), 0_u64..1_000_000, Just(u64::MAX)];
    (worker(), worker(), 1_u64..100, rate).prop_map(|(owner, wanted_by, counter, rate)| Lease {
        owner,
        wanted_by,
        counter,
        rate,
        ..Lease::default()
    })
}

fn some_of(keys: Vec<String>) -> impl Strategy<Value = BTreeSet<String>> {
    let size = keys.len();
    prop::sample::subsequence(keys, 0..=size).prop_map(|keys| keys.into_iter().collect())
}

fn case() -> impl Strategy<Value = Case> {
    let keys: Vec<String> = (0..24).map(|number| format!("{number:02}")).collect();
    let parting = prop_oneof![Just(Parting::Release), Just(Parting::End)];
    (
        prop::collection::vec(lease(), 0..20),
        some_of(WORKERS.iter().map(|worker| (*worker).to_owned()).collect()),
        [some_of(keys.clone()), some_of(keys.clone()), some_of(keys.clone())],
        prop::collection::btree_map(prop::sample::select(keys), parting, 0..4),
    )
        .prop_map(|(mut leases, mut live, [run_out, readable, left], partings)| {
            live.insert(WORKERS[0].to_owned());
            leases.iter_mut().enumerate().for_each(|(number, lease)| lease.key = format!("{number:02}"));
            Case { live, leases, run_out, readable, left, partings }
        })
}

proptest! {
    /// Each change is of one row, as it was seen, and counts up by one.
    #[test]
    fn changes_fit_what_was_seen(case in case()) {
        let reports = BTreeMap::new();
        let mut rows: BTreeMap<String, Lease> = case.leases.iter().map(|row| (row.key.clone(), row.clone())).collect();
        let plan = plan(&case.facts(&reports));
        let keys: BTreeSet<&str> = plan.changes.iter().map(Change::key).collect();
        prop_assert_eq!(keys.len(), plan.changes.len());
        for change in plan.changes {
            if let Change::Replace { seen, lease } = &change {
                prop_assert_eq!(lease.counter, seen + 1);
            }
            prop_assert!(change.apply(&mut rows));
        }
    }

    /// A lease of somebody else that has not run out is asked for at most, by who was not asked before, and stays his.
    #[test]
    fn nothing_is_taken_from_who_may_live(case in case()) {
        let reports = BTreeMap::new();
        let before: BTreeMap<&str, &Lease> = case.leases.iter().map(|row| (row.key.as_str(), row)).collect();
        let facts = case.facts(&reports);
        for change in plan(&facts).changes {
            let Some(old) = before.get(change.key()) else { continue };
            let Some(owner) = facts.owner(old).filter(|owner| *owner != facts.me) else { continue };
            let Change::Replace { lease, .. } = &change else { panic!("{change:?} of {owner}'s") };
            let expected = Lease {
                wanted_by: Some(facts.me.to_owned()), counter: old.counter + 1, ..(*old).clone()
            };
            prop_assert_eq!(lease, &expected);
            prop_assert_eq!(facts.asker(old), None);
        }
    }

    /// What is free is taken or left to somebody else; what was left before is taken.
    #[test]
    fn nothing_free_is_forgotten(case in case()) {
        let reports = BTreeMap::new();
        let facts = case.facts(&reports);
        let plan = plan(&facts);
        let taken: BTreeSet<&str> = plan.changes.iter().map(Change::key).collect();
        let free = case.leases.iter().filter(|row| facts.owner(row).is_none()).map(|row| &row.key);
        let absent = case.readable.iter().filter(|key| !case.leases.iter().any(|row| row.key == **key));
        for key in free.chain(absent) {
            prop_assert!(taken.contains(key.as_str()) != plan.left.contains(key));
            prop_assert!(!(plan.left.contains(key) && case.left.contains(key)));
            prop_assert!(case.live.len() > 1 || taken.contains(key.as_str()));
        }
    }

    /// Everything of one's own is renewed, or given up when it was to be.
    #[test]
    fn ones_own_is_renewed_or_given_up(case in case()) {
        let reports = BTreeMap::from([("00".to_owned(), Report { rate: 77, checkpoint: Some("495".to_owned()) })]);
        let facts = case.facts(&reports);
        let plan = plan(&facts);
        for row in case.leases.iter().filter(|row| row.owner.as_deref() == Some(facts.me)) {
            let change = plan.changes.iter().find(|change| change.key() == row.key);
            match (case.partings.get(&row.key), change) {
                (Some(Parting::End), Some(Change::Delete { seen, .. })) => prop_assert_eq!(*seen, row.counter),
                (Some(Parting::Release), Some(Change::Replace { lease, .. })) => {
                    prop_assert_eq!(lease.owner.as_deref(), facts.asker(row));
                    prop_assert_eq!(&lease.wanted_by, &None);
                }
                (None, Some(Change::Replace { lease, .. })) => {
                    prop_assert_eq!(&lease.owner, &row.owner);
                    prop_assert_eq!(lease.wanted_by.as_deref(), facts.asker(row));
                    let report = Report { rate: row.rate, checkpoint: row.checkpoint.clone() };
                    let report = reports.get(&row.key).cloned().unwrap_or(report);
                    prop_assert_eq!((lease.rate, &lease.checkpoint), (report.rate, &report.checkpoint));
                }
                other => panic!("{row:?}: {other:?}"),
            }
        }
    }
}
