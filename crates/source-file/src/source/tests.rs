use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tributary_core::{Body, Position, RecordLimit};

use super::*;
use crate::OnChanged;

/// A folder of inputs and what was committed of them.
struct Fixture {
    folder: TempDir,
    options: Options,
    checkpoint: Checkpoint,
}

/// A record as the tests look at it: the file's name, its offset, its text.
type Seen = (String, u64, String);

impl Fixture {
    fn new(pattern: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(pattern).to_str().unwrap().to_owned();
        let mut options = Options::new("events", vec![path]);
        options.record_limit = RecordLimit::new(0);
        Self { folder, options, checkpoint: Checkpoint::default() }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn append(&self, name: &str, bytes: &str) {
        let mut file = fs::OpenOptions::new().append(true).open(self.folder.path().join(name)).unwrap();
        file.write_all(bytes.as_bytes()).unwrap();
    }

    fn open(&self) -> Result<FileSource, Error> {
        FileSource::open(self.options.clone(), &self.checkpoint)
    }

    /// Reads everything and commits it.
    fn run(&mut self) -> (Vec<Seen>, Vec<UnreadInput>) {
        let mut source = self.open().unwrap();
        let batches = drain(&mut source);
        for batch in &batches {
            self.checkpoint = commit(&self.checkpoint, batch);
        }
        (batches.iter().flat_map(seen).collect(), source.unread())
    }

    /// The texts of what is new.
    fn texts(&mut self) -> Vec<String> {
        let (seen, unread) = self.run();
        assert_eq!(unread, []);
        seen.into_iter().map(|(_, _, text)| text).collect()
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn drain(source: &mut FileSource) -> Vec<RawBatch> {
    block_on(async {
        let mut batches = Vec::new();
        while let Some(batch) = source.next().await.unwrap() {
            batches.push(batch);
        }
        assert!(source.next().await.unwrap().is_none(), "the end stays the end");
        batches
    })
}

/// Applies a batch and demands that it follows on: no overlap, no gap.
fn commit(checkpoint: &Checkpoint, batch: &RawBatch) -> Checkpoint {
    let advanced = checkpoint.advance(&batch.delta).unwrap();
    assert_eq!(advanced.gaps, []);
    advanced.checkpoint
}

fn seen(batch: &RawBatch) -> Vec<Seen> {
    let each = |record: &tributary_core::Record| {
        let text = String::from_utf8_lossy(record.body.bytes());
        let text = match &record.body {
            Body::Whole(_) => text.into_owned(),
            Body::Truncated(_) => format!("!{text}"),
            Body::TooLong { length, .. } => format!("#{length}"),
            Body::Damaged { why, .. } => format!("?{why}"),
        };
        let Position::Offset(offset) = record.position else { panic!("{}", record.position) };
        let name = Path::new(&*record.origin).file_name().unwrap().to_str().unwrap().to_owned();
        assert!(record.split.as_str().starts_with(&format!("events/{}@", record.origin)));
        (name, offset, text)
    };
    batch.records.iter().map(each).collect()
}

fn seen_damage(batch: &RawBatch) -> bool {
    seen(batch).iter().any(|(_, _, text)| text.starts_with('?'))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::stream::encode_all(text.as_bytes(), 1).unwrap()
}

fn event(number: usize) -> String {
    format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(number % 97))
}

/// The conformance of a source: reopening at the checkpoint of any batch yields exactly the rest, positions rise,
/// every byte is accounted for.
fn conforms(name: &str, bytes: &[u8], count: usize) {
    let mut fixture = Fixture::new(name);
    fixture.write(name, bytes);
    fixture.options.batch_bytes = 3_000;
    let batches = drain(&mut fixture.open().unwrap());
    assert!(batches.len() > 3, "{name}: {} batches", batches.len());
    let all: Vec<Seen> = batches.iter().flat_map(seen).collect();
    assert_eq!(
        all.iter().map(|(_, _, text)| text.clone()).collect::<Vec<_>>(),
        (0..count).map(event).collect::<Vec<_>>()
    );
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1), "{name}: positions rise");
    let mut read = 0;
    for batch in &batches {
        assert_eq!(batch.scope, ScopeId::new("source:events"));
        fixture.checkpoint = commit(&fixture.checkpoint, batch);
        read += batch.records.len();
        let mut rest = fixture.open().unwrap();
        block_on(rest.release(&fixture.checkpoint)).unwrap();
        let rest: Vec<Seen> = drain(&mut rest).iter().flat_map(seen).collect();
        assert_eq!(rest, all[read..], "{name} after {read}");
    }
    assert_eq!(read, count);
    let position = fixture.checkpoint.positions().next().unwrap().1.clone();
    let plain = tributary_framing::Packing::of(bytes) == tributary_framing::Packing::Plain;
    assert_eq!(position, if plain { Position::Offset(bytes.len() as u64) } else { Position::End }, "{name}");
    assert_eq!(fixture.run(), (Vec::new(), Vec::new()), "{name}: nothing is read again");
}

#[test]
fn reopening_at_any_batch_yields_the_rest_of_every_form() {
    let events: Vec<String> = (0..120).map(event).collect();
    let lines = events.join("\n") + "\n";
    conforms("lines.json", lines.as_bytes(), 120);
    conforms("unended.json", lines.trim_end().as_bytes(), 120);
    conforms("array.json", format!("[\n{}\n]\n", events.join(",\n")).as_bytes(), 120);
    conforms("line-array.json", format!("[{}]", events.join(",")).as_bytes(), 120);
    conforms("concatenated.json", events.concat().as_bytes(), 120);
    let (one, two) = lines.split_at(lines.len() / 3);
    conforms("lines.gz", &[gzip(one), gzip(two), vec![0; 100]].concat(), 120);
    conforms("named-gz-but.zst", &[zstd(one), zstd(two)].concat(), 120);
    conforms("array.gz", &gzip(&format!("[{}]", events.join(",\n"))), 120);
}

#[test]
fn pretty_printed_records_resume_too() {
    let mut fixture = Fixture::new("*.json");
    fixture.options.batch_bytes = 1;
    let pretty = |number| format!("  {{\n    \"n\": {number}\n  }}");
    let array = format!("[\n{}\n]\n", (0..9).map(pretty).collect::<Vec<_>>().join(",\n"));
    fixture.write("a.json", &array);
    let batches = drain(&mut fixture.open().unwrap());
    let all: Vec<Seen> = batches.iter().flat_map(seen).collect();
    assert_eq!(all.len(), 9);
    for (index, batch) in batches.iter().enumerate().take(9) {
        fixture.checkpoint = commit(&fixture.checkpoint, batch);
        let rest: Vec<Seen> = drain(&mut fixture.open().unwrap()).iter().flat_map(seen).collect();
        assert_eq!(rest, all[index + 1..]);
    }
}

/// A line that stops after a comma takes no other line with it, also when reading resumes right before it.
#[test]
fn broken_lines_are_alone_wherever_reading_resumes() {
    let lines: String =
        (0..200).map(|n| if n % 5 == 3 { "{\"broken\":1,\n".into() } else { event(n) + "\n" }).collect();
    for (name, bytes) in [("a.json", lines.clone().into_bytes()), ("a.gz", gzip(&lines))] {
        let mut fixture = Fixture::new(name);
        fixture.write(name, bytes);
        fixture.options.batch_bytes = 1;
        let batches = drain(&mut fixture.open().unwrap());
        let all: Vec<Seen> = batches.iter().flat_map(seen).collect();
        assert_eq!(all.len(), 200);
        for (index, batch) in batches.iter().enumerate() {
            fixture.checkpoint = commit(&fixture.checkpoint, batch);
            let rest: Vec<Seen> = drain(&mut fixture.open().unwrap()).iter().flat_map(seen).collect();
            assert_eq!(rest, all[(index + 1).min(200)..], "{name}");
        }
    }
}

#[test]
fn a_file_that_grew_goes_on_where_it_stopped() {
    let mut fixture = Fixture::new("*.json");
    fixture.write("a.json", "{\"a\":1}\n");
    assert_eq!(fixture.texts(), ["{\"a\":1}"]);
    fixture.append("a.json", "{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(fixture.texts(), ["{\"a\":2}", "{\"a\":3}"]);
    assert_eq!(fixture.checkpoint.len(), 1, "one split");
    assert!(fixture.texts().is_empty());
    // What came first is longer than the first look at it by now: still the same split.
    fixture.append("a.json", &format!("{{\"b\":\"{}\"}}", "x".repeat(9_000)));
    assert_eq!(fixture.texts().len(), 1);
    fixture.write("b.json", "{\"a\":1}\n");
    assert_eq!(fixture.texts(), ["{\"a\":1}"], "a new file adds just itself, though another one begins alike");
}

#[test]
fn a_truncated_record_comes_whole_when_the_file_has_grown() {
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", "{\"a\":1}\n{\"a\":");
    assert_eq!(fixture.texts(), ["{\"a\":1}", "!{\"a\":"]);
    assert!(fixture.texts().is_empty());
    fixture.append("a.json", "2}\n{\"a\":3}\n");
    let (seen, _) = fixture.run();
    assert_eq!(seen, [("a.json".into(), 8, "{\"a\":2}".into()), ("a.json".into(), 16, "{\"a\":3}".into())]);

    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", "[\n  {\n    \"a\": 1\n  },\n  {\n    \"b\": [\n");
    assert_eq!(fixture.texts().len(), 2);
    fixture.append("a.json", "1]\n  },\n  {\"c\": 1}\n]\n");
    assert_eq!(fixture.texts(), ["{\n    \"b\": [\n1]\n  }", "{\"c\": 1}"]);

    // The writer gave it up and began a new line: the broken record was rejected already.
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", "{\"a\":1}\n{\"a\":\"x");
    assert_eq!(fixture.texts().len(), 2);
    fixture.append("a.json", "\n{\"a\":3}\n");
    assert_eq!(fixture.texts(), ["{\"a\":3}"]);
}

#[test]
fn a_file_whose_beginning_changed_is_new_or_refused() {
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(fixture.texts().len(), 2);
    fixture.write("a.json", "{\"b\":1}\n");
    fixture.options.on_changed = OnChanged::Fail;
    let refused = fixture.open().err().unwrap();
    assert_eq!((refused.code(), refused.fault()), ("source-file/changed", tributary_core::Fault::Data));
    fixture.options.on_changed = OnChanged::Read;
    assert_eq!(fixture.texts(), ["{\"b\":1}"]);
    assert_eq!(fixture.checkpoint.len(), 2);
    // Like the old content, but shorter than what was looked at of it: nothing says that it is the same.
    fixture.write("a.json", "{\"a\":1}\n{");
    assert_eq!(fixture.texts(), ["{\"a\":1}", "!{"]);
    assert_eq!(fixture.checkpoint.len(), 3);
}

#[test]
fn a_shorter_file_is_left_out() {
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", "{\"a\":1}\n");
    fixture.texts();
    fixture.append("a.json", "{\"a\":2}\n");
    fixture.texts();
    fixture.write("a.json", "{\"a\":1}\n");
    let (seen, unread) = fixture.run();
    assert!(seen.is_empty() && unread[0].reason.contains("shorter"), "{unread:?}");
}

#[test]
fn a_grown_archive_is_a_new_split() {
    let mut fixture = Fixture::new("a.gz");
    fixture.options.on_changed = OnChanged::Fail;
    let first = gzip(&event(60).repeat(9));
    fixture.write("a.gz", &first);
    assert_eq!(fixture.texts().len(), 9);
    fixture.write("a.gz", [first, gzip("{\"more\":1}")].concat());
    // Shorter than 4 KiB an archive cannot be told from a changed one.
    fixture.options.on_changed = OnChanged::Read;
    assert_eq!(fixture.texts().len(), 10);
    assert_eq!(fixture.checkpoint.len(), 2);
    assert!(fixture.texts().is_empty());
}

#[test]
fn damage_is_told_once_after_what_came_before_it() {
    let mut fixture = Fixture::new("a.gz");
    let lines: String = (0..2_000).map(|number| event(number * 7_919) + "\n").collect();
    let whole = gzip(&lines);
    fixture.write("a.gz", &whole[..whole.len() / 2]);
    let (seen, unread) = fixture.run();
    assert_eq!(unread, []);
    let damaged: Vec<usize> =
        seen.iter().enumerate().filter(|(_, seen)| seen.2.starts_with('?')).map(|(at, _)| at).collect();
    assert_eq!(damaged, [seen.len() - 1]);
    assert!(seen.len() > 100 && seen[..seen.len() - 1].iter().all(|(_, _, text)| text.starts_with('{')));
    assert_eq!(fixture.checkpoint.positions().next().unwrap().1, &Position::End);
    assert!(fixture.texts().is_empty());

    // Told in the batch that ends the file: no later run tells it again.
    fixture.write("a.gz", &gzip(&lines)[..whole.len() / 3]);
    fixture.options.batch_bytes = 1;
    let batches = drain(&mut fixture.open().unwrap());
    let last = batches.last().unwrap();
    assert!(seen_damage(last) && last.delta.spans().all(|(_, span)| span.to() == &Position::End));
    assert_eq!(batches.iter().filter(|batch| seen_damage(batch)).count(), 1);

    let mut fixture = Fixture::new("b.gz");
    fixture.write("b.gz", [gzip("{}\n"), b"text".to_vec()].concat());
    assert_eq!(fixture.texts(), ["{}", "?what follows the compressed data is not compressed"]);
}

#[test]
fn an_unreadable_file_stops_no_other() {
    let mut fixture = Fixture::new("*");
    fixture.write("a.json", "{\"a\":1}\n");
    fixture.write("b.json", "{\"b\":1}\n");
    fixture.write("c.json", "{\"c\":1}\n");
    std::os::unix::fs::symlink("/nowhere/at/all", fixture.folder.path().join("d.json")).unwrap();
    let mut source = fixture.open().unwrap();
    // A directory takes the place of one file, another vanishes, after both were found.
    fs::remove_file(fixture.folder.path().join("b.json")).unwrap();
    fs::create_dir(fixture.folder.path().join("b.json")).unwrap();
    fs::remove_file(fixture.folder.path().join("a.json")).unwrap();
    let batches = drain(&mut source);
    let texts: Vec<String> = batches.iter().flat_map(seen).map(|(_, _, text)| text).collect();
    assert_eq!(texts, ["{\"c\":1}"]);
    let mut names: Vec<String> =
        source.unread().iter().map(|unread| unread.name.rsplit('/').next().unwrap().into()).collect();
    names.sort();
    assert_eq!(names, ["a.json", "b.json", "d.json"]);
    for batch in &batches {
        fixture.checkpoint = commit(&fixture.checkpoint, batch);
    }
    fs::remove_dir(fixture.folder.path().join("b.json")).unwrap();
    fixture.write("b.json", "{\"b\":1}\n");
    let (seen, unread) = fixture.run();
    assert_eq!((seen.len(), unread.len()), (1, 1), "the next run tries again");
}

#[test]
fn a_thousand_small_files_share_batches_and_come_in_order() {
    let mut fixture = Fixture::new("*.json");
    for number in 0..1_000 {
        fixture.write(&format!("{number:04}.json"), format!("{{\"n\":{number}}}"));
    }
    fixture.write("empty.json", "");
    fixture.write(".hidden.json", "{}");
    fs::create_dir(fixture.folder.path().join("folder.json")).unwrap();
    let twice = fixture.options.paths[0].replace('*', "0007");
    fixture.options.paths.push(twice);
    let batches = drain(&mut fixture.open().unwrap());
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].delta.len(), 1_000);
    let texts: Vec<String> = batches.iter().flat_map(seen).map(|(_, _, text)| text).collect();
    assert_eq!(texts, (0..1_000).map(|number| format!("{{\"n\":{number}}}")).collect::<Vec<_>>());
    fixture.run();
    assert!(fixture.texts().is_empty());
}

/// Guards constant memory and INV-1: one record of any length is one record, with its head and its length.
#[test]
fn a_huge_record_is_one_record() {
    let mut fixture = Fixture::new("*.json");
    let file = fs::File::create(fixture.folder.path().join("a.json")).unwrap();
    // A hole: zeros without a line end.
    file.set_len(300 << 20).unwrap();
    fixture.write("b.json", format!("{{}}\n{{\"a\":\"{}\"}}\n{{}}\n", "y".repeat(1 << 20)));
    let texts = fixture.texts();
    assert_eq!(texts, [&format!("#{}", 300 << 20), "{}", &format!("#{}", (1 << 20) + 8), "{}"]);
}

#[test]
fn white_space_alone_moves_the_position() {
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", " \n\n");
    assert!(fixture.texts().is_empty());
    assert_eq!(fixture.checkpoint.positions().next().unwrap().1, &Position::Offset(3));
}

#[test]
fn mistakes_in_paths_are_named() {
    let code = |fixture: &Fixture| fixture.open().err().unwrap().code();
    let mut fixture = Fixture::new("*.json");
    assert_eq!(code(&fixture), "source-file/no-match");
    fixture.options.optional = true;
    assert!(fixture.texts().is_empty());
    let folder = fixture.folder.path().to_str().unwrap().to_owned();
    fixture.options.paths = vec![folder.clone()];
    assert_eq!(code(&fixture), "source-file/directory");
    fixture.options.paths = vec![format!("{folder}/[")];
    assert_eq!(code(&fixture), "source-file/bad-pattern");
    fixture.options.paths = Vec::new();
    assert_eq!(code(&fixture), "source-file/no-paths");
}

/// A future of `next` that is dropped half-way loses nothing.
#[test]
fn next_may_be_cancelled() {
    let mut fixture = Fixture::new("a.json");
    fixture.write("a.json", (0..500).map(|number| event(number) + "\n").collect::<String>());
    fixture.options.batch_bytes = 1_000;
    let mut source = fixture.open().unwrap();
    let texts = block_on(async {
        let mut texts = Vec::new();
        let mut cancelled = 0;
        loop {
            let batch = tokio::select! {
                biased;
                () = task::yield_now() => { cancelled += 1; continue; }
                batch = source.next() => batch.unwrap(),
            };
            let Some(batch) = batch else { break };
            texts.extend(seen(&batch).into_iter().map(|(_, _, text)| text));
            assert!(cancelled < 100_000_000);
        }
        texts
    });
    assert_eq!(texts, (0..500).map(event).collect::<Vec<_>>());
}

#[test]
fn lag_counts_bytes_as_they_lie_there() {
    let fixture = Fixture::new("*");
    fixture.write("a.json", "{}\n".repeat(100));
    let packed = gzip(&event(1).repeat(1_000));
    fixture.write("b.gz", &packed);
    let mut source = fixture.open().unwrap();
    let total = 300 + packed.len() as u64;
    assert_eq!(source.lag(), Some(Lag::Bytes { read: 0, total }));
    drain(&mut source);
    assert_eq!(source.lag(), Some(Lag::Bytes { read: total, total }));
}

/// Standard input is a split of its own in each run.
#[test]
fn standard_input_is_named_by_the_run() {
    let options = Options { nonce: "run-1".into(), ..Options::new("events", vec!["-".into(), "-".into()]) };
    let chosen = choose(&options, &Checkpoint::default(), &mut Looks::default()).unwrap();
    assert_eq!(chosen.inputs.len(), 1);
    assert_eq!(chosen.inputs[0].split.as_str(), "events/-@run-1");
}

/// Payloads of what was read, wrapped or several on a line as they may be; incomplete ones left out.
fn payloads(records: &[Seen]) -> Vec<String> {
    let mut texts = Vec::new();
    for (_, _, text) in records.iter().filter(|(_, _, text)| !text.starts_with('!')) {
        tributary_framing::open(text.as_bytes(), RecordLimit::DEFAULT, &mut |opened| match opened {
            tributary_framing::Opened::Payload { bytes, .. } => texts.push(String::from_utf8(bytes.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        });
    }
    texts
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    /// A file that is written piece by piece, cut anywhere, and read after each piece: every event comes whole, once.
    #[test]
    fn a_growing_file_gives_every_event_once(
        notes in proptest::collection::vec("[ab{}\\[\\]\",:\\\\/\n ]{0,9}", 1..8),
        form in 0..5,
        cuts in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 1..4),
    ) {
        let quoted = |text: &String| text.escape_debug().to_string().replace("\\'", "'");
        let events: Vec<String> = notes.iter().enumerate().map(|(number, note)| match form {
            3 => format!("{{\n  \"n\": {number},\n  \"list\": [\n    {{\"note\": \"{}\"}}\n  ]\n}}", quoted(note)),
            _ => format!("{{\"n\":{number},\"list\":[{{\"note\":\"{}\"}}]}}", quoted(note)),
        }).collect();
        let text = match form {
            0 => events.join("\n") + "\n",
            1 => events.concat(),
            2 => format!("[{}]", events.join(",")),
            3 => events.join("\n"),
            _ => format!("[\n{}\n]\n", events.join(",\n")),
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let mut fixture = Fixture::new("a.json");
        fixture.options.optional = true;
        let mut all = Vec::new();
        let mut from = 0;
        fixture.write("a.json", "");
        for cut in cuts {
            let mut file = fs::OpenOptions::new().append(true).open(fixture.folder.path().join("a.json")).unwrap();
            file.write_all(&text.as_bytes()[from..cut]).unwrap();
            from = cut;
            let (records, unread) = fixture.run();
            assert_eq!(unread, []);
            all.extend(records);
        }
        proptest::prop_assert_eq!(payloads(&all), events, "{:?}", all);
        proptest::prop_assert!(fixture.checkpoint.len() <= 1);
    }
}

/// A stream: files come, grow and are finished while it runs; nothing is read twice, and nothing that is half written.
#[tokio::test]
async fn a_stream_waits_for_more() {
    let mut fixture = Fixture::new("*");
    fixture.options.poll = Some(Duration::from_millis(200));
    let mut source = fixture.open().unwrap();
    let waits = async |source: &mut FileSource| {
        let more = tokio::time::timeout(Duration::from_millis(700), source.next()).await;
        assert!(more.is_err(), "nothing is there to read");
    };
    let next = async |source: &mut FileSource, checkpoint: &mut Checkpoint| -> Vec<(String, String)> {
        let more = tokio::time::timeout(Duration::from_secs(20), source.next()).await.unwrap();
        let batch = more.unwrap().unwrap();
        *checkpoint = commit(checkpoint, &batch);
        seen(&batch).into_iter().map(|(name, _, text)| (name, text)).collect()
    };
    let told = |name: &str, texts: &[&str]| -> Vec<(String, String)> {
        texts.iter().map(|text| (name.to_owned(), (*text).to_owned())).collect()
    };
    waits(&mut source).await;
    fixture.write("a.json", "{\"a\":1}\n{\"a\":2}\n{\"a\"");
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("a.json", &["{\"a\":1}", "{\"a\":2}"]));
    fixture.append("a.json", ":3}\n");
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("a.json", &["{\"a\":3}"]));
    fixture.write("b.json.gz", gzip("{\"b\":1}\n"));
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("b.json.gz", &["{\"b\":1}"]));
    // What is left incomplete is told of when nobody writes to it any more; and when it is completed after all, it is whole.
    fixture.append("a.json", "{\"a\":");
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("a.json", &["!{\"a\":"]));
    fixture.append("a.json", "4}\n");
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("a.json", &["{\"a\":4}"]));
    waits(&mut source).await;
    // The next run goes on where this one was.
    drop(source);
    let mut source = fixture.open().unwrap();
    fixture.write("c.json", "{\"c\":1}\n");
    assert_eq!(next(&mut source, &mut fixture.checkpoint).await, told("c.json", &["{\"c\":1}"]));
    waits(&mut source).await;
}

/// A file that was first seen with a few bytes that any file begins with, and is then another one.
#[tokio::test]
async fn a_stream_knows_a_file_by_a_whole_record_of_it() {
    let mut fixture = Fixture::new("*");
    fixture.options.poll = Some(Duration::from_millis(100));
    fixture.write("a.json", "[\n");
    let mut source = fixture.open().unwrap();
    let more = tokio::time::timeout(Duration::from_millis(600), source.next()).await;
    assert!(more.is_err(), "nothing is there to read");
    fixture.write("a.json", "[\n{\"a\":1},\n");
    let batch = source.next().await.unwrap().unwrap();
    fixture.checkpoint = commit(&fixture.checkpoint, &batch);
    fixture.write("other", "[\n{\"b\":1},\n{\"b\":2}\n]\n");
    fs::rename(fixture.folder.path().join("other"), fixture.folder.path().join("a.json")).unwrap();
    let batch = source.next().await.unwrap().unwrap();
    let texts: Vec<String> = seen(&batch).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(texts, ["{\"b\":1}", "{\"b\":2}"]);
}
