//! CRC-64/NVME as S3 writes it, and the tag of an object of parts.
//!
//! Source: Amazon S3 User Guide, "Checking object integrity".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use tributary_core::Digest;

/// A checksum as the headers `x-amz-checksum-…` hold it: base64 of its bytes, the highest first.
pub(crate) fn header(sum: u64) -> String {
    STANDARD.encode(sum.to_be_bytes())
}

/// What such a header says; `None` for anything else.
pub(crate) fn digest(header: &str) -> Option<Digest> {
    let bytes = STANDARD.decode(header).ok()?;
    Some(Digest::from_crc64(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// The header that says what the digest says.
pub(crate) fn header_of(digest: Digest) -> Option<String> {
    let text = digest.to_string();
    let sum = u64::from_str_radix(text.strip_prefix("crc64nvme:")?, 16).ok()?;
    Some(header(sum))
}

/// The tag that S3 gives an object of these parts: the MD5 of their MD5s, and how many they are. `None` when a tag is
/// no MD5, as under SSE-KMS.
pub(crate) fn composite_tag(parts: &[String]) -> Option<String> {
    let mut all = Md5::new();
    for part in parts {
        all.update(md5_of(part)?);
    }
    let sum = all.finalize();
    Some(format!("{}-{}", hexadecimal(&sum), parts.len()))
}

/// Tags travel with quotation marks or without.
pub(crate) fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

fn md5_of(tag: &str) -> Option<[u8; 16]> {
    let tag = bare(tag);
    if tag.len() != 32 {
        return None;
    }
    u128::from_str_radix(tag, 16).ok().map(u128::to_be_bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back() {
        // The check value of CRC-64/NVME, in the catalogue's order of bytes.
        assert_eq!(header(0xae8b_1486_0a79_9888), "rosUhgp5mIg=");
        assert_eq!(digest("rosUhgp5mIg="), Some(Digest::from_crc64(0xae8b_1486_0a79_9888)));
        assert_eq!(header_of(Digest::from_crc64(7)).as_deref().and_then(digest), Some(Digest::from_crc64(7)));
        for wrong in ["", "rosUhgp5", "ros!hgp5mIg=", "rosUhgp5mIg=-2"] {
            assert_eq!(digest(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_tag_of_an_object_is_the_md5_of_the_md5s() {
        // md5(md5("a") + md5("b")), by `printf a | md5sum` and `xxd -r -p`.
        let parts = ["\"0cc175b9c0f1b6a831c399e269772661\"", "92eb5ffee6ae2fec3ad71c777531578f"].map(str::to_owned);
        assert_eq!(composite_tag(&parts).as_deref(), Some("96e024ba2074fe77e8e965ba43a704be-2"));
        assert_eq!(composite_tag(&["kms".to_owned()]), None);
    }
}
