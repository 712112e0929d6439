//! CRC-64/NVME and the length, counted on the way.

use tributary_core::{Digest, Ticket};

/// The checksum and length of the bytes so far.
pub(crate) struct Checksum {
    crc: crc64fast_nvme::Digest,
    bytes: u64,
}

impl Checksum {
    pub(crate) fn new() -> Self {
        Self { crc: crc64fast_nvme::Digest::new(), bytes: 0 }
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.crc.write(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::from_crc64(self.crc.sum64())
    }

    /// What is needed to complete the upload of this name, which has no parts.
    pub(crate) fn ticket(&self, upload: String) -> Ticket {
        Ticket { upload, parts: Vec::new(), bytes: self.bytes, digest: self.digest() }
    }
}

/// The digest of bytes at hand.
pub fn digest_of(bytes: &[u8]) -> Digest {
    let mut checksum = Checksum::new();
    checksum.add(bytes);
    checksum.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        // CRC RevEng catalogue, CRC-64/NVME: the checksum of "123456789".
        assert_eq!(digest_of(b"123456789"), Digest::from_crc64(0xae8b_1486_0a79_9888));
    }
}
