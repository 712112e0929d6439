//! Where the lake is, checked.

use std::fmt;
use std::path::PathBuf;

use tributary_store_s3::{Encryption, Options, Spill};

use crate::file::{Encryption as Named, LakeS3Section, LakeSection};
use crate::location::Location;
use crate::plan::SpoolPlan;

/// A checked `[lake]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LakePlan {
    /// A folder of this machine, as it was written.
    Folder(PathBuf),
    /// A place in S3.
    S3(Box<Options>),
}

impl LakePlan {
    /// What the section means, with the spool beside it; its location was walked before.
    pub(crate) fn new(section: LakeSection, spool: Option<&SpoolPlan>) -> Self {
        match Location::read(&section.location) {
            Ok(Location::S3 { bucket, prefix }) => {
                Self::S3(Box::new(options(bucket, prefix, section.s3.unwrap_or_default(), spool)))
            }
            Ok(Location::Folder(folder)) => Self::Folder(folder),
            Err(_) => Self::Folder(section.location.into()),
        }
    }
}

fn options(bucket: String, prefix: String, section: LakeS3Section, spool: Option<&SpoolPlan>) -> Options {
    let tag = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let part_size = section.part_size.map(|size| usize::try_from(size.bytes()).unwrap_or(usize::MAX));
    let defaults = Options::new(bucket, prefix);
    Options {
        connection: section.reach.connection(),
        path_style: section.path_style.unwrap_or(false),
        encryption: section.encryption.map(|named| match named {
            Named::S3 => Encryption::S3,
            Named::Kms => {
                Encryption::Kms { key: section.kms_key.clone(), bucket_key: section.bucket_key.unwrap_or(true) }
            }
        }),
        storage_class: section.storage_class.map(|class| class.as_str().to_owned()),
        tags: section.tags.iter().flatten().filter_map(tag).collect(),
        part_size: part_size.unwrap_or(defaults.part_size),
        spill: spool.map_or(Spill::Nowhere, |spool| Spill::Disk(spool.folder.clone())),
        exclusive: section.exclusive.unwrap_or(false),
        ..defaults
    }
}

impl fmt::Display for LakePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::S3(options) => f.write_str(&options.location()),
        }
    }
}
