//! What a scope inherits: the state of those that it took over from, and when those need theirs no more.

use std::collections::BTreeMap;

use tributary_core::{Lineage, ScopeId, ScopeState, StateKind};

/// The states of scopes, as they were recovered.
pub(crate) type States = BTreeMap<ScopeId, Vec<ScopeState>>;

/// Which scopes took over from which.
#[derive(Debug, Default)]
pub(crate) struct Heirs {
    parents: Lineage,
    children: Lineage,
}

impl Heirs {
    /// By the parents of each.
    pub(crate) fn new(parents: Lineage) -> Self {
        let mut children = Lineage::new();
        for (child, its) in &parents {
            for parent in its {
                children.entry(parent.clone()).or_default().push(child.clone());
            }
        }
        Self { parents, children }
    }

    /// What a scope without a state of its own begins with. A parent that never had one passes on what its own parents left.
    pub(crate) fn inherited(&self, id: &ScopeId, states: &States) -> Vec<ScopeState> {
        let mut found: Vec<&ScopeId> = Vec::new();
        let mut open: Vec<&ScopeId> = self.parents.get(id).into_iter().flatten().collect();
        while let Some(ancestor) = open.pop() {
            // Two ways may lead to one.
            if found.contains(&ancestor) {
                continue;
            }
            found.push(ancestor);
            if !states.contains_key(ancestor) {
                open.extend(self.parents.get(ancestor).into_iter().flatten());
            }
        }
        let all = found.into_iter().filter_map(|ancestor| states.get(ancestor)).flatten();
        let mut inherited: Vec<ScopeState> = all.cloned().collect();
        // Everything of one parent is a change to what the other knew.
        inherited.iter_mut().skip(1).for_each(|state| state.kind = StateKind::Delta);
        inherited
    }

    /// The scopes whose every heir has a state of its own, or is outlived itself.
    pub(crate) fn outlived<'a>(&'a self, states: &'a States) -> impl Iterator<Item = &'a ScopeId> {
        self.children.keys().filter(|id| states.contains_key(*id) && self.is_outlived(id, states))
    }

    fn is_outlived(&self, id: &ScopeId, states: &States) -> bool {
        let Some(children) = self.children.get(id) else { return false };
        children.iter().all(|child| states.contains_key(child) || self.is_outlived(child, states))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// 0 became 1 and 2; 1 became 3; 2 and 3 became 4.
    fn heirs() -> Heirs {
        let lineage = [("1", &["0"][..]), ("2", &["0"]), ("3", &["1"]), ("4", &["3", "2"])];
        let scopes = |ids: &[&str]| ids.iter().copied().map(ScopeId::new).collect();
        Heirs::new(lineage.into_iter().map(|(child, parents)| (ScopeId::new(child), scopes(parents))).collect())
    }

    fn states(ids: &[&'static str]) -> States {
        let state =
            |id: &'static str| vec![ScopeState { kind: StateKind::Full, bytes: Bytes::from_static(id.as_bytes()) }];
        ids.iter().map(|&id| (ScopeId::new(id), state(id))).collect()
    }

    fn inherited(of: &str, from: &[&'static str]) -> Vec<Bytes> {
        let mut bytes: Vec<Bytes> =
            heirs().inherited(&ScopeId::new(of), &states(from)).into_iter().map(|state| state.bytes).collect();
        bytes.sort();
        bytes
    }

    #[test]
    fn state_goes_to_the_heirs() {
        assert_eq!(inherited("1", &["0"]), ["0"]);
        assert_eq!(inherited("4", &["0", "2", "3"]), ["2", "3"], "both parents of a merge");
        assert_eq!(inherited("4", &["0", "2"]), ["0", "2"], "3 and 1 never had any");
        assert_eq!(inherited("4", &["0"]), ["0"], "two ways lead to it");
        assert!(inherited("0", &["1"]).is_empty());
    }

    #[test]
    fn a_state_is_kept_until_all_heirs_have_theirs() {
        let heirs = heirs();
        let outlived = |from: &[&'static str]| {
            let states = states(from);
            heirs.outlived(&states).map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(outlived(&["0", "1"]).is_empty(), "2 has none yet");
        assert_eq!(outlived(&["0", "1", "2"]), ["0"]);
        assert_eq!(outlived(&["0", "2", "3"]), ["0"], "1 passed on what it never had");
        assert_eq!(outlived(&["0", "2", "3", "4"]), ["0", "2", "3"]);
    }
}
