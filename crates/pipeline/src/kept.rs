//! What was asked of a service, kept in a file: answers outlive a service that does not answer.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tributary_aws::Connection;
use tributary_core::Timestamp;

use crate::moment::read_moment;

/// Where answers are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptIn {
    /// The file.
    pub file: PathBuf,
    /// Whose they are, by option: those of another domain or account are none.
    pub of: BTreeMap<String, String>,
    /// How old they may be before it is asked again.
    pub refresh: Duration,
}

/// Whom is asked, by option.
pub(crate) fn whom(named: Option<(&'static str, String)>, connection: &Connection) -> BTreeMap<String, String> {
    let Connection { region, endpoint, profile, role, authorities: _ } = connection;
    let role = role.as_ref().map(|role| role.arn.clone());
    let all =
        [("region", region.clone()), ("endpoint", endpoint.clone()), ("profile", profile.clone()), ("role", role)];
    let all = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
    all.chain(named).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept<T> {
    of: BTreeMap<String, String>,
    /// When they were asked for, as RFC 3339 has it.
    asked_at: String,
    /// What was answered.
    #[serde(flatten)]
    pub said: T,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// What was answered just now.
    pub(crate) fn new(kept: &KeptIn, now: Timestamp, said: T) -> Self {
        Self { of: kept.of.clone(), asked_at: now.to_string(), said }
    }

    /// What is kept; `None` where nothing is, or what somebody else was answered.
    ///
    /// # Errors
    /// Why the file cannot be read.
    pub fn read(place: &KeptIn) -> Result<Option<Self>, String> {
        let text = match std::fs::read_to_string(&place.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let kept: Self = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        read_moment(&kept.asked_at).ok_or_else(|| format!("asked_at is no moment: {:?}", kept.asked_at))?;
        Ok(Some(kept).filter(|kept| kept.of == place.of))
    }

    /// Keeps it in `file`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, file: &Path, nonce: &str) -> io::Result<()> {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut beside = file.as_os_str().to_owned();
        beside.push(format!(".{nonce}"));
        let written = std::fs::File::create(&beside).and_then(|mut into| {
            io::Write::write_all(&mut into, &serde_json::to_vec_pretty(self).map_err(io::Error::other)?)?;
            into.sync_all()
        });
        let kept = written.and_then(|()| std::fs::rename(&beside, file));
        if kept.is_err() {
            std::fs::remove_file(&beside).ok();
        }
        kept
    }

    /// How old it is.
    pub fn age(&self, now: Timestamp) -> Duration {
        let asked = read_moment(&self.asked_at).unwrap_or(Timestamp::from_micros(0));
        Duration::from_micros(u64::try_from(now.micros() - asked.micros()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases_api::CaseNames;

    #[test]
    fn what_is_kept_is_read_back_by_whom_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let of = |domain: &str| BTreeMap::from([("domain".to_owned(), domain.to_owned())]);
        let file = folder.path().join("deep/names.json");
        let place = KeptIn { file, of: of("d-1"), refresh: Duration::ZERO };
        assert_eq!(Kept::<CaseNames>::read(&place).unwrap(), None);
        let asked = Timestamp::from_micros(1_793_491_200_000_000);
        let templates = BTreeMap::from([("t".to_owned(), "Loss".to_owned())]);
        let names = Kept::new(&place, asked, CaseNames { templates, ..CaseNames::default() });
        names.write(&place.file, "1").unwrap();
        let kept = Kept::read(&place).unwrap().unwrap();
        assert_eq!((&kept, kept.age(asked.plus_micros(90_000_000))), (&names, Duration::from_secs(90)));
        assert_eq!(kept.age(asked.plus_micros(-1)), Duration::ZERO);
        assert_eq!(std::fs::read_dir(place.file.parent().unwrap()).unwrap().count(), 1);
        let other = KeptIn { of: of("d-2"), ..place.clone() };
        assert_eq!(Kept::<CaseNames>::read(&other).unwrap(), None);
        std::fs::write(&place.file, "{").unwrap();
        assert!(Kept::<CaseNames>::read(&place).is_err());
    }
}
