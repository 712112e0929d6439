//! What was typed about S3.

use serde::Deserialize;
use tributary_core::Timestamp;

use super::{ReachSection, Size, Time, word};
use crate::moment::read_moment;

/// `[sources.NAME.s3]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Section {
    /// `s3://bucket/prefix`.
    pub location: String,
    /// Patterns of keys below it.
    pub keys: Option<Vec<String>>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Only keys before this one.
    pub end_before: Option<String>,
    /// Only objects that were written then or later.
    pub modified_since: Option<Moment>,
    /// Only objects that were written before.
    pub modified_before: Option<Moment>,
    /// Whether who reads pays.
    pub requester_pays: Option<bool>,
    /// Objects that are read at once.
    pub concurrency: Option<usize>,
    /// The largest record that is kept whole.
    pub record_limit: Option<Size>,
    /// Whether there may be no object.
    pub optional: Option<bool>,
    /// How often a stream lists the objects.
    pub poll: Option<Time>,
    /// Whether the bucket stands in the path.
    pub path_style: Option<bool>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}

/// A day or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Moment(Timestamp);

impl Moment {
    /// When it is.
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        read_moment(&text).map(Self).ok_or_else(|| format!("{text:?} is no moment"))
    }
}

/// `[lake.s3]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeS3Section {
    /// Whether the bucket stands in the path.
    pub path_style: Option<bool>,
    /// How objects are encrypted.
    #[serde(default, deserialize_with = "word")]
    pub encryption: Option<Encryption>,
    /// The key of SSE-KMS.
    pub kms_key: Option<String>,
    /// Whether a key of the bucket stands in for KMS.
    pub bucket_key: Option<bool>,
    /// The storage class of data files.
    #[serde(default, deserialize_with = "word")]
    pub storage_class: Option<StorageClass>,
    /// Tags of data files, `name=value`.
    pub tags: Option<Vec<String>>,
    /// The size of parts.
    pub part_size: Option<Size>,
    /// Nobody else writes to this lake.
    pub exclusive: Option<bool>,
    /// How the service is reached.
    #[serde(flatten)]
    pub reach: ReachSection,
}

/// `lake.s3.storage_class`: those whose objects are read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum StorageClass {
    /// For what is read often.
    #[serde(rename = "STANDARD")]
    Standard,
    /// Moves by itself to cheaper tiers.
    #[serde(rename = "INTELLIGENT_TIERING")]
    IntelligentTiering,
    /// Read seldom.
    #[serde(rename = "STANDARD_IA")]
    StandardIa,
    /// Read seldom, in one zone.
    #[serde(rename = "ONEZONE_IA")]
    OnezoneIa,
    /// Read about once in three months.
    #[serde(rename = "GLACIER_IR")]
    GlacierIr,
}

impl StorageClass {
    /// As S3 spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::StandardIa => "STANDARD_IA",
            Self::OnezoneIa => "ONEZONE_IA",
            Self::GlacierIr => "GLACIER_IR",
        }
    }
}

/// `lake.s3.encryption`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// SSE-S3.
    S3,
    /// SSE-KMS.
    Kms,
}
