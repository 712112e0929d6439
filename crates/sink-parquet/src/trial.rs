//! Whether coding a column pays: judged by its rows, and tried again now and then.

use crate::dictionary::Dictionary;

/// Different strings after which it is judged whether they repeat.
const STRINGS: u64 = 8_192;

/// Bytes of different strings after which it is judged as well: lists of queues are a kilobyte each.
const BYTES: u64 = 4 << 20;

/// So many rows stay as they come when coding did not pay, then it is tried again: a trial is a small part of them.
const PAUSE: u64 = 131_072;

/// How coding one column goes. Counts go on when a new generation begins: generations are short where nothing repeats.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trial {
    /// Rows that were coded.
    rows: u64,
    /// Different strings, and their bytes, of the generations before.
    strings: u64,
    bytes: u64,
    /// Of the generation that grows: what was there when the trial began, and what was there last.
    base: Held,
    last: Held,
    /// Rows that are still left alone.
    paused: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    strings: u64,
    bytes: u64,
}

impl Trial {
    /// Whether the column is left as it comes for now.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.paused > 0
    }

    /// Counts rows that were left as they came.
    pub(crate) fn pass(&mut self, rows: usize) {
        self.paused = self.paused.saturating_sub(rows as u64);
    }

    /// Counts rows that were coded over `dictionary`, and judges.
    pub(crate) fn judge(&mut self, rows: usize, dictionary: &Dictionary) {
        self.rows += rows as u64;
        self.last = Held { strings: dictionary.len() as u64, bytes: dictionary.text_bytes() as u64 };
        let strings = self.strings + self.last.strings - self.base.strings;
        let bytes = self.bytes + self.last.bytes - self.base.bytes;
        if strings <= STRINGS && bytes <= BYTES {
            return;
        }
        let is_in_vain = strings * 3 > self.rows;
        // What is judged next are the rows to come.
        *self =
            Self { base: self.last, last: self.last, paused: if is_in_vain { PAUSE } else { 0 }, ..Self::default() };
    }

    /// The dictionary begins empty again.
    pub(crate) fn begin_generation(&mut self) {
        self.strings += self.last.strings - self.base.strings;
        self.bytes += self.last.bytes - self.base.bytes;
        (self.base, self.last) = (Held::default(), Held::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes `rows` rows in batches of 100, of which each `every`th has a new string, over generations of 1,000 rows.
    fn after(rows: usize, every: usize) -> Trial {
        let (mut trial, mut dictionary) = (Trial::default(), Dictionary::default());
        for batch in 0..rows / 100 {
            if batch % 10 == 0 {
                dictionary = Dictionary::default();
                trial.begin_generation();
            }
            for at in 0..100 / every {
                dictionary.push(at.to_string().as_bytes());
            }
            trial.judge(100, &dictionary);
        }
        trial
    }

    #[test]
    fn what_never_repeats_is_found_out_across_generations_and_tried_again() {
        let mut trial = after(8_300, 1);
        assert!(trial.is_in_vain());
        trial.pass(PAUSE as usize - 1);
        assert!(trial.is_in_vain());
        trial.pass(1);
        assert!(!trial.is_in_vain());
    }

    #[test]
    fn what_repeats_stays_coded() {
        assert!(!after(100_000, 4).is_in_vain());
    }

    #[test]
    fn long_strings_are_judged_sooner() {
        let (mut trial, mut dictionary) = (Trial::default(), Dictionary::default());
        for _ in 0..4_300 {
            dictionary.push(&[b'x'; 1_000]);
        }
        trial.judge(4_300, &dictionary);
        assert!(trial.is_in_vain());
    }
}
