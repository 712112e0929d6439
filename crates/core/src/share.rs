//! Which of several workers reads an input.

use twox_hash::XxHash3_64;

/// One of several workers that share the inputs of a pipeline among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    worker: u64,
    of: u64,
}

impl Share {
    /// Worker `worker` of `of`, counted from 1; `None` when there is no such worker.
    pub fn new(worker: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&worker).then_some(Self { worker, of })
    }

    /// Whether an input of this name is this worker's: exactly one of them takes it, whatever else there is. Standard
    /// input is the first one's.
    pub fn takes(self, name: &str) -> bool {
        let turn = if name == "-" { 0 } else { XxHash3_64::oneshot(name.as_bytes()) % self.of };
        turn + 1 == self.worker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_one_worker() {
        for of in 1..9 {
            let workers: Vec<Share> = (1..=of).filter_map(|worker| Share::new(worker, of)).collect();
            let mut turns = vec![0; workers.len()];
            for name in (0..1_000).map(|number| format!("in/{number}.gz")).chain(["-".to_owned()]) {
                let takers: Vec<usize> = (0..workers.len()).filter(|worker| workers[*worker].takes(&name)).collect();
                let [taker] = takers.as_slice() else { panic!("{name}: {takers:?}") };
                turns[*taker] += 1;
            }
            assert!(turns.iter().all(|turn| *turn > 1_000 / of / 2), "{turns:?}");
        }
        assert_eq!((Share::new(0, 4), Share::new(5, 4), Share::new(1, 0)), (None, None, None));
    }
}
