//! Where the choices of a schedule come from.

/// Makes the choices.
pub(crate) trait Chooser {
    /// One of `options` (at least 1). Small numbers are the usual thing, large ones the faults.
    fn choose(&mut self, options: usize) -> usize;

    /// Whether a fault is due, where `choose` is not exhaustive.
    fn wants_fault(&mut self) -> bool;

    /// Whether every alternative is to be offered.
    fn is_exhaustive(&self) -> bool;

    /// How to get this schedule again.
    fn describe(&self) -> String;
}

/// All schedules, depth first.
#[derive(Default)]
pub(crate) struct Exhaustive {
    /// Of each choice: what was taken, of how many.
    taken: Vec<(usize, usize)>,
    depth: usize,
}

impl Exhaustive {
    /// Goes on to the next schedule; `false` after the last.
    pub(crate) fn next_schedule(&mut self) -> bool {
        self.depth = 0;
        while let Some((choice, options)) = self.taken.pop() {
            if choice + 1 < options {
                self.taken.push((choice + 1, options));
                return true;
            }
        }
        false
    }
}

impl Chooser for Exhaustive {
    fn choose(&mut self, options: usize) -> usize {
        if self.depth == self.taken.len() {
            self.taken.push((0, options));
        }
        let (choice, of) = self.taken[self.depth];
        assert_eq!(of, options, "the script is not deterministic");
        self.depth += 1;
        choice
    }

    fn wants_fault(&mut self) -> bool {
        true
    }

    fn is_exhaustive(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("choices {:?}", self.taken.iter().map(|(choice, _)| choice).collect::<Vec<_>>())
    }
}

/// Schedules by seed: xorshift64*.
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

impl Chooser for Random {
    fn choose(&mut self, options: usize) -> usize {
        usize::try_from(self.draw() % options as u64).unwrap()
    }

    fn wants_fault(&mut self) -> bool {
        self.draw().is_multiple_of(12)
    }

    fn is_exhaustive(&self) -> bool {
        false
    }

    fn describe(&self) -> String {
        format!("seed {}", self.seed)
    }
}
