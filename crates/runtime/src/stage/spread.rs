//! Who is found in several scopes at once, though all of one's events belong in one: a topic that is not keyed as it should.

use std::collections::BTreeMap;

use tributary_core::{ScopeId, Subject};

/// So many subjects are remembered, some 100 bytes each; those beyond are not looked at.
const MOST: usize = 50_000;

/// Where subjects were seen.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    seen: BTreeMap<u64, Seen>,
    is_told: bool,
}

#[derive(Debug)]
struct Seen {
    scope: ScopeId,
    key: Option<u64>,
    is_spread: bool,
}

impl Spread {
    /// Whoever is in `subjects` was seen in `scope`; how many of them are now known to be in several. One that came by the
    /// same key is not: it moved when its topic was given more partitions.
    pub(crate) fn look(&mut self, scope: &ScopeId, subjects: &[Subject]) -> u64 {
        let mut spread = 0;
        for subject in subjects {
            let is_full = self.seen.len() >= MOST;
            let Some(seen) = self.seen.get_mut(&subject.id) else {
                if !is_full {
                    let seen = Seen { scope: scope.clone(), key: subject.key, is_spread: false };
                    self.seen.insert(subject.id, seen);
                }
                continue;
            };
            let is_elsewhere = seen.scope != *scope;
            if is_elsewhere && !seen.is_spread && (seen.key.is_none() || seen.key != subject.key) {
                seen.is_spread = true;
                spread += 1;
                if !self.is_told {
                    self.is_told = true;
                    tell(&seen.scope, scope);
                }
            }
            if is_elsewhere {
                (seen.scope, seen.key) = (scope.clone(), subject.key);
            }
        }
        spread
    }
}

fn tell(one: &ScopeId, other: &ScopeId) {
    tracing::warn!(
        %one,
        %other,
        "events of one agent are in both: duplicates among them are not found. Produce them with the agent's ARN as key"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(id: u64, key: Option<u64>) -> Subject {
        Subject { id, key }
    }

    #[test]
    fn who_is_in_several_scopes_is_counted_once() {
        let [a, b] = ["split:calls/events/0", "split:calls/events/1"].map(ScopeId::new);
        let mut spread = Spread::default();
        let agents = [subject(1, None), subject(2, Some(7)), subject(3, Some(8)), subject(4, None)];
        assert_eq!(spread.look(&a, &agents), 0);
        assert_eq!(spread.look(&a, &agents), 0, "without a key, but in one split");
        // The second moved with its key; the third has another key there.
        assert_eq!(spread.look(&b, &[subject(1, None), subject(2, Some(7)), subject(3, Some(9))]), 2);
        assert_eq!(spread.look(&a, &agents), 0, "none is counted again");
        assert_eq!(spread.look(&b, &[subject(4, Some(1))]), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let scope = ScopeId::new("split:calls/events/0");
        let mut spread = Spread::default();
        for id in 0..MOST as u64 + 10 {
            spread.look(&scope, &[subject(id, None)]);
        }
        assert_eq!(spread.seen.len(), MOST);
    }
}
