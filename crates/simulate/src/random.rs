//! The only source of chance, so that a seed means the same stream for ever, on every machine.
//!
//! xoshiro256** by David Blackman and Sebastiano Vigna (2018, public domain), seeded by their SplitMix64, as its
//! authors advise. Only integers are drawn: no floating point takes part in the schedule.

/// A xoshiro256** generator.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: [u64; 4],
}

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Random {
    /// The generator of `seed` for one `stream`: streams of a seed are independent of each other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut start = seed;
        let mut state = split_mix(&mut start) ^ stream.wrapping_mul(0xd134_2543_de82_ef95);
        Self { state: std::array::from_fn(|_| split_mix(&mut state)) }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        let result = self.state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = self.state[1] << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number from 0 up to, not including, `bound` (0 when `bound` is 0).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A number between `low` and `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// Milliseconds of a span between `low` and `high` seconds, short ones more often.
    pub(crate) fn seconds(&mut self, low: i64, high: i64) -> i64 {
        let (one, other) = (self.between(low * 1_000, high * 1_000), self.between(low * 1_000, high * 1_000));
        one.min(other)
    }

    /// Whether something that happens `per_mille` times in a thousand happens now.
    pub(crate) fn chance(&mut self, per_mille: usize) -> bool {
        self.below(1_000) < per_mille
    }

    /// The text of a version 4 UUID (RFC 9562).
    pub(crate) fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        let bits = (bits & !(0xf000 << 64) & !(0xc000 << 48)) | (0x4000 << 64) | (0x8000 << 48);
        let mut text = [b'-'; 36];
        let mut nibble = 128;
        for (place, digit) in text.iter_mut().enumerate() {
            if !matches!(place, 8 | 13 | 18 | 23) {
                nibble -= 4;
                *digit = HEX[((bits >> nibble) & 15) as usize];
            }
        }
        text
    }

    /// Overwrites `digits` (at most 16) with lower-case hexadecimal digits.
    pub(crate) fn overwrite_hex(&mut self, digits: &mut [u8]) {
        let mut bits = self.next();
        for digit in digits {
            *digit = HEX[(bits & 15) as usize];
            bits >>= 4;
        }
    }
}

/// A UUID as text.
pub(crate) type Uuid = [u8; 36];

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A rate between 0 and 1 as the threshold that a 64-bit draw must stay below.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate(u64);

impl Rate {
    pub(crate) fn new(rate: f64) -> Self {
        // Exact for 0 and 1; `as` holds the product inside the range.
        Self((rate * u64::MAX as f64) as u64)
    }

    pub(crate) fn happens(self, random: &mut Random) -> bool {
        self.0 != 0 && random.next() <= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_mix_gives_the_published_numbers() {
        // The reference implementation's first outputs for seed 1234567.
        let mut state = 1_234_567;
        let first: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn xoshiro_gives_the_published_numbers() {
        // The reference implementation's first outputs for the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..4).map(|_| random.next()).collect();
        assert_eq!(first, [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn uuids_have_their_version_and_variant() {
        let mut random = Random::new(1, 2);
        for _ in 0..100 {
            let text = random.uuid();
            assert_eq!(text[14], b'4');
            assert!(b"89ab".contains(&text[19]));
            let is_uuid = |(place, byte): (usize, &u8)| match place {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => HEX.contains(byte),
            };
            assert!(text.iter().enumerate().all(is_uuid), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn rates_hold_at_their_ends() {
        let mut random = Random::new(1, 1);
        assert!((0..1_000).all(|_| !Rate::new(0.0).happens(&mut random)));
        assert!((0..1_000).all(|_| Rate::new(1.0).happens(&mut random)));
    }
}
