//! Which files there are, which split each of them is, and where it resumes.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glob::MatchOptions;
use tributary_core::{Checkpoint, Position, SplitId, UnreadInput};
use tributary_framing::Packing;
use twox_hash::XxHash3_64;

use crate::{Error, OnChanged, Options};

/// The path that means standard input.
const STANDARD_INPUT: &str = "-";

/// How much of a file's beginning tells it from others.
const HEAD: u64 = 4 << 10;

/// Where the bytes of an input come from.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
}

/// An input that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) place: Place,
    /// The path as it was given.
    pub(crate) name: Arc<str>,
    pub(crate) split: SplitId,
    /// The committed position.
    pub(crate) from: Position,
    /// `None`: not known before its first bytes are read.
    pub(crate) packing: Option<Packing>,
    /// Its length when it was found, in bytes as they lie there.
    pub(crate) length: u64,
    /// Somebody may be writing to it: its last record may be incomplete.
    pub(crate) may_grow: bool,
    /// It is not begun before a whole record of it is there: what is shorter does not tell a file from another one.
    pub(crate) holds_on: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) inputs: VecDeque<Input>,
    pub(crate) unread: Vec<UnreadInput>,
}

/// The part of a split's name that tells one content of a path from another: `<head length>-<hash>[-z<length>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    head: u64,
    hash: u64,
    packed_length: Option<u64>,
}

impl Identity {
    fn of(head: &[u8], packed_length: Option<u64>) -> Self {
        Self { head: head.len() as u64, hash: XxHash3_64::oneshot(head), packed_length }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let head = parts.next()?.parse().ok()?;
        let hash = parts.next().filter(|hash| hash.len() == 16)?;
        let packed_length = match parts.next() {
            None => None,
            Some(text) => Some(text.strip_prefix('z')?.parse().ok()?),
        };
        Some(Self { head, hash: u64::from_str_radix(hash, 16).ok()?, packed_length })
    }

    /// Whether a file that begins with `head` may be a later state of this one.
    fn begins(&self, head: &[u8]) -> bool {
        usize::try_from(self.head)
            .ok()
            .and_then(|length| head.get(..length))
            .is_some_and(|beginning| XxHash3_64::oneshot(beginning) == self.hash)
    }

    fn split(&self, source: &str, path: &str) -> SplitId {
        let Self { head, hash, packed_length } = self;
        let packed = packed_length.map_or_else(String::new, |length| format!("-z{length}"));
        SplitId::new(format!("{source}/{path}@{head}-{hash:016x}{packed}"))
    }
}

/// What the checkpoint knows of one path.
type Known<'a> = Vec<(Identity, &'a SplitId, &'a Position)>;

fn known_by_path<'a>(source: &str, checkpoint: &'a Checkpoint) -> HashMap<&'a str, Known<'a>> {
    let mut known: HashMap<&str, Known<'_>> = HashMap::new();
    for (split, position) in checkpoint.positions() {
        let local = split.as_str().strip_prefix(source).and_then(|rest| rest.strip_prefix('/'));
        if let Some((path, identity)) = local.and_then(|local| local.rsplit_once('@'))
            && let Some(identity) = Identity::parse(identity)
        {
            known.entry(path).or_default().push((identity, split, position));
        }
    }
    known
}

/// What the last look at the same paths has found.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// How many there were.
    count: u64,
    known: HashMap<PathBuf, Look>,
}

/// A file as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Look {
    stamp: Stamp,
    /// It was read to its end.
    is_done: bool,
}

/// What changes when somebody writes to a file or puts another one in its place: when it was written to and changed, in
/// nanoseconds, its length, which file it is. Only compared with itself: whose clock it is does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    written: (i64, i64),
    changed: (i64, i64),
    length: u64,
    file: (u64, u64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            file: (metadata.dev(), metadata.ino()),
        })
    }
}

/// Finds the inputs of `options` and what `checkpoint` says of each.
pub(crate) fn choose(options: &Options, checkpoint: &Checkpoint, looks: &mut Looks) -> Result<Chosen, Error> {
    looks.count += 1;
    let source = options.name.as_str();
    if options.paths.is_empty() {
        return Err(Error::NoPaths { name: options.name.clone() });
    }
    let known = known_by_path(source, checkpoint);
    let mut chosen = Chosen::default();
    let (mut seen, mut looked) = (BTreeSet::new(), HashMap::new());
    for pattern in &options.paths {
        let paths = match matches(options, pattern) {
            // What was no mistake at first is no reason to end later.
            Err(error) if looks.count > 1 => {
                chosen.unread.push(UnreadInput { name: pattern.clone(), reason: error.to_string() });
                continue;
            }
            paths => paths?,
        };
        for path in paths {
            if !seen.insert(path.clone()) {
                continue;
            }
            let Some(name) = path.to_str() else {
                let name = path.to_string_lossy().into_owned();
                chosen.unread.push(UnreadInput { name, reason: "its name is not UTF-8".to_owned() });
                continue;
            };
            if options.share.is_some_and(|share| !share.takes(name)) {
                continue;
            }
            if pattern == STANDARD_INPUT {
                chosen.inputs.push_back(standard_input(options));
                continue;
            }
            // Before it is read: what is written meanwhile is another state.
            let stamp = options.poll.and_then(|_| Stamp::of(&path));
            let before = looks.known.get(&path).filter(|before| Some(before.stamp) == stamp);
            if let Some(before) = before.filter(|before| before.is_done) {
                looked.insert(path, *before);
                continue;
            }
            let may_grow = options.poll.is_some() && before.is_none();
            if let Some(stamp) = stamp {
                looked.insert(path.clone(), Look { stamp, is_done: false });
            }
            let known = known.get(name).map_or(&[][..], Vec::as_slice);
            match identify(options, name, known) {
                Ok(Found::Read(input)) if may_grow && input.packing != Some(Packing::Plain) => {}
                Ok(Found::Read(input)) => {
                    let holds_on = options.poll.is_some() && matches!(input.from, Position::Start);
                    chosen.inputs.push_back(Input { may_grow, holds_on, ..input });
                }
                Ok(Found::Done) => {
                    if let Some(look) = looked.get_mut(&path) {
                        look.is_done = !may_grow;
                    }
                }
                Ok(Found::Shrunk) => {
                    let reason = "it is shorter than what was already read of it".to_owned();
                    chosen.unread.push(UnreadInput { name: name.to_owned(), reason });
                }
                Ok(Found::Changed(how)) => {
                    return Err(Error::Changed { name: source.to_owned(), path: name.to_owned(), how });
                }
                Err(error) => {
                    chosen.unread.push(UnreadInput { name: name.to_owned(), reason: error.to_string() });
                }
            }
        }
    }
    looks.known = looked;
    Ok(chosen)
}

fn standard_input(options: &Options) -> Input {
    Input {
        place: Place::StandardInput,
        name: STANDARD_INPUT.into(),
        split: SplitId::new(format!("{}/{STANDARD_INPUT}@{}", options.name, options.nonce)),
        from: Position::Start,
        packing: None,
        length: 0,
        may_grow: false,
        holds_on: false,
    }
}

/// The files that a path or pattern names, in order.
fn matches(options: &Options, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    if pattern == STANDARD_INPUT {
        return Ok(vec![PathBuf::from(pattern)]);
    }
    let source = || options.name.clone();
    // Patterns lose a leading `./` in matching: so do paths, that one file has one name.
    let pattern = pattern.trim_start_matches("./");
    let no_match = || Error::NoMatch { name: source(), pattern: pattern.to_owned() };
    let path = Path::new(pattern);
    // A file of exactly this name goes before what the name could mean as a pattern.
    if fs::symlink_metadata(path).is_ok() {
        if path.is_dir() {
            let path = pattern.trim_end_matches('/').to_owned();
            return Err(Error::Directory { name: source(), path });
        }
        return Ok(vec![path.to_owned()]);
    }
    let rule = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let found = glob::glob_with(pattern, rule).map_err(|cause| Error::BadPattern {
        name: source(),
        pattern: pattern.to_owned(),
        cause,
    })?;
    // A folder that cannot be listed has a path too: reading it says why.
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.unwrap_or_else(|error| error.path().to_owned())).collect();
    paths.retain(|path| !path.is_dir() || fs::read_dir(path).is_err());
    if paths.is_empty() && !options.optional && options.poll.is_none() {
        return Err(no_match());
    }
    paths.sort();
    Ok(paths)
}

enum Found {
    Read(Input),
    Done,
    Shrunk,
    Changed(&'static str),
}

fn identify(options: &Options, name: &str, known: &[(Identity, &SplitId, &Position)]) -> io::Result<Found> {
    let path = Path::new(name);
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(Found::Done);
    }
    let packing = Packing::of(&head);
    let packed_length = (packing != Packing::Plain).then_some(length);
    let identity = Identity::of(&head, packed_length);
    let same = |(known, ..): &&(Identity, &SplitId, &Position)| match packed_length {
        // An archive is the same only as a whole.
        Some(_) => *known == identity,
        None => known.packed_length.is_none() && known.begins(&head),
    };
    // Of several that fit, the one that knows most of the beginning.
    let (split, from) = match known.iter().filter(same).max_by_key(|(identity, ..)| identity.head) {
        Some((_, split, position)) => ((*split).clone(), (*position).clone()),
        None => {
            let changed = !known.is_empty() && !known.iter().any(|(identity, ..)| identity.begins(&head));
            if changed && options.on_changed == OnChanged::Fail {
                return Ok(Found::Changed("it begins differently"));
            }
            if changed {
                tracing::warn!(path = name, "the beginning of a file has changed; it is read as a new file");
            }
            (identity.split(&options.name, name), Position::Start)
        }
    };
    match (&from, packed_length) {
        (Position::End, _) => return Ok(Found::Done),
        (&Position::Offset(offset), None) if offset == length => return Ok(Found::Done),
        (&Position::Offset(offset), None) if offset > length => {
            return Ok(match options.on_changed {
                OnChanged::Read => Found::Shrunk,
                OnChanged::Fail => Found::Changed("it is shorter than what was already read of it"),
            });
        }
        _ => {}
    }
    let (place, name) = (Place::File(path.to_owned()), name.into());
    Ok(Found::Read(Input {
        place,
        name,
        split,
        from,
        packing: Some(packing),
        length,
        may_grow: false,
        holds_on: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_round_trip_through_split_names() {
        for packed_length in [None, Some(77)] {
            let identity = Identity::of(b"{\"a\":1}", packed_length);
            let split = identity.split("events", "in/a@b.json");
            let checkpoint: Checkpoint = [(split, Position::Offset(7))].into_iter().collect();
            let known = known_by_path("events", &checkpoint);
            assert_eq!(known["in/a@b.json"][0].0, identity);
            assert!(known_by_path("event", &checkpoint).is_empty());
        }
        for bad in ["", "7", "7-12", "x-0123456789abcdef", "7-0123456789abcdef-9", "7-0123456789abcdeg"] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }
}
