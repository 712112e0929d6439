use proptest::prelude::*;

use super::*;

fn limit() -> RecordLimit {
    RecordLimit::new(0)
}

/// All frames of `bytes`, pushed in the chunks that `cuts` give, for a stream that begins at `offset`.
fn frames_of(bytes: &[u8], cuts: &[usize], offset: u64) -> Vec<Frame> {
    let mut framer = Framer::new(limit(), offset);
    let mut frames = Vec::new();
    let mut from = 0;
    for &cut in cuts.iter().chain([&bytes.len()]) {
        framer.push(Bytes::copy_from_slice(&bytes[from..cut]));
        frames.extend(framer.by_ref());
        from = cut;
    }
    framer.finish();
    frames.extend(framer.by_ref());
    assert_eq!(framer.offset(), offset + bytes.len() as u64);
    frames
}

fn frames(text: &str) -> Vec<Frame> {
    frames_of(text.as_bytes(), &[], 0)
}

/// The bodies, with `!` before a truncated and `#` before one that is too long.
fn bodies(text: &str) -> Vec<String> {
    let show = |frame: Frame| {
        let text = String::from_utf8_lossy(frame.body.bytes()).into_owned();
        match frame.body {
            Body::Whole(_) => text,
            Body::Truncated(_) => format!("!{text}"),
            Body::TooLong { length, .. } => format!("#{length}"),
            Body::Damaged { .. } => panic!("a framer knows no damage"),
        }
    };
    frames(text).into_iter().map(show).collect()
}

fn check(text: &str, expect: &[&str]) {
    assert_eq!(bodies(text), expect, "{text:?}");
}

#[test]
fn lines_arrays_concatenations_and_text_are_told_apart() {
    check("", &[]);
    check(" \n [ ] ,\n", &[]);
    check("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]);
    check("\u{feff}{\"a\":1}\r\n{\"b\":2}\r\n", &["{\"a\":1}", "{\"b\":2}"]);
    check("{\"a\":1}{\"b\":\"}{\"}{\"c\":[{}]}", &["{\"a\":1}", "{\"b\":\"}{\"}", "{\"c\":[{}]}"]);
    check("[{\"a\":1},\n {\"b\":2}]\n", &["{\"a\":1}", "{\"b\":2}"]);
    check(
        "[\n  {\n    \"a\": 1\n  },\n  {\n    \"b\": {}\n  }\n]\n",
        &["{\n    \"a\": 1\n  }", "{\n    \"b\": {}\n  }"],
    );
    check("{\"a\":\"{\"}\n{\"b\":2}\n", &["{\"a\":\"{\"}", "{\"b\":2}"]);
    check(
        "eyJhIjoxfQ==\n2023-01-10T16:34:39Z {\"a\":1} \n{}\nx",
        &["eyJhIjoxfQ==", "2023-01-10T16:34:39Z {\"a\":1}", "{}", "x"],
    );
    // Several objects on a line that ends are one record: whoever decodes it opens it.
    check("{\"a\":1}{\"b\":2}\n{}", &["{\"a\":1}{\"b\":2}", "{}"]);
    check("[1, 2]\n{}\n", &["1, 2]", "{}"]);
    check("} \n{}\n", &["}", "{}"]);
}

#[test]
fn offsets_are_those_of_the_first_byte_and_of_the_next_search() {
    let spans: Vec<_> =
        frames("[{\"a\":1},\n {\"b\":2}]\n\n{}").iter().map(|frame| (frame.offset, frame.end)).collect();
    assert_eq!(spans, [(1, 10), (11, 20), (21, 23)].map(|(from, to)| (from, to)));
}

#[test]
fn a_broken_record_spoils_no_other() {
    check("{\"a\":1,\"b\n{\"c\":1}\n", &["!{\"a\":1,\"b", "{\"c\":1}"]);
    check("{\"a\":{\"b\":1\n{\"c\":1}\n{\"d\":1}\n", &["!{\"a\":{\"b\":1", "{\"c\":1}", "{\"d\":1}"]);
    // One object a line, so a line that stops after a comma is broken too.
    check("{}\n{\"a\":1,\n{\"c\":1}\n", &["{}", "!{\"a\":1,", "{\"c\":1}"]);
    // But a list of lines inside an object is well-formed.
    check("{\"Records\": [\n{\"a\":1},\n{\"b\":2}\n]}\n", &["{\"Records\": [\n{\"a\":1},\n{\"b\":2}\n]}"]);
    check("{\n  \"a\": 1\n{\n  \"b\": 1\n}\n", &["!{\n  \"a\": 1", "{\n  \"b\": 1\n}"]);
    check("{}\n{\"a\":1,\"b{\"c\":1}\n{}\n", &["{}", "!{\"a\":1,\"b{\"c\":1}", "{}"]);
    check("{\"a\": 1, // it's {\n \"b\": 2,\n}\n{}", &["{\"a\": 1, // it's {\n \"b\": 2,\n}", "{}"]);
}

/// Regression: after a record that was broken off over several lines a new framer judged the next line otherwise.
#[test]
fn a_record_broken_off_over_lines_says_the_same_when_resumed() {
    let text = "{\"\":\n{\n{\"a\":[1,\n{\n";
    let all = frames(text);
    let (before, after) = text.as_bytes().split_at(all[0].end as usize);
    let mut framer = Framer::resume(limit(), all[0].end, before);
    framer.push(Bytes::copy_from_slice(after));
    framer.finish();
    assert_eq!(framer.collect::<Vec<_>>(), all[1..]);
}

#[test]
fn the_incomplete_end_is_truncated() {
    check("{}\n{\"a\":1", &["{}", "!{\"a\":1"]);
    check("{}\n{\"a\":1,\n", &["{}", "!{\"a\":1,"]);
    check("{\n \"a\": [\n", &["!{\n \"a\": ["]);
    check("2023-01-10T16:34:39Z {\"a\":", &["!2023-01-10T16:34:39Z {\"a\":"]);
}

#[test]
fn records_beyond_the_limit_leave_their_head_and_length() {
    let long = "x".repeat(limit().bytes());
    let object = format!("{{\"a\":\"{long}\"}}");
    let too_long = format!("#{}", object.len());
    check(&format!("{{}}\n{object}\n{{}}\n"), &["{}", &too_long, "{}"]);
    check(&format!("{object}{object}{{}}"), &[&too_long, &too_long, "{}"]);
    check(&format!("{long}y\n{{}}"), &[&format!("#{}", long.len() + 1), "{}"]);
    check(&format!("{long}\n{{}}"), &[&long, "{}"]);
    check(&format!("{long}y"), &[&format!("#{}", long.len() + 1)]);
    check(&format!("{{\"a\":\"{long}\n{{}}\n"), &[&format!("#{}", long.len() + 7), "{}"]);
    check(&format!("{{\"a\":\"{long}"), &[&format!("#{}", long.len() + 6)]);
    let head = frames(&object).remove(0).body.bytes().clone();
    assert_eq!(head, object.as_bytes()[..RecordLimit::HEAD]);
}

/// Guards constant memory: a record of 64 MiB never makes the framer hold more than the limit and two chunks.
#[test]
fn an_endless_record_is_not_kept() {
    for first in [b'x', b'{'] {
        let mut framer = Framer::new(limit(), 0);
        let mut chunk = vec![b'"'; 1 << 20];
        chunk[0] = first;
        let chunk = Bytes::from(chunk);
        for _ in 0..64 {
            framer.push(chunk.clone());
            assert_eq!(framer.next(), None);
            assert!(framer.stream.carried() <= 4 << 20, "{}", framer.stream.carried());
        }
        assert_eq!(framer.offset(), 0);
        framer.finish();
        let frame = framer.next().unwrap();
        assert_eq!((frame.offset, frame.end), (0, 64 << 20));
        assert!(matches!(frame.body, Body::TooLong { length, .. } if length == 64 << 20));
        assert_eq!(framer.next(), None);
    }
}

#[test]
fn frames_inside_a_chunk_are_slices_of_it() {
    let chunk = Bytes::from_static(b"{\"a\":1}\n{\"b\":2}\n{\"c\"");
    let range = chunk.as_ptr_range();
    let mut framer = Framer::new(limit(), 0);
    framer.push(chunk);
    for _ in 0..2 {
        assert!(range.contains(&framer.next().unwrap().body.bytes().as_ptr()));
    }
    assert_eq!(framer.next(), None);
    let chunk = Bytes::from(b":3}\n{\"d\":4}\n".repeat(10_000));
    let range = chunk.as_ptr_range();
    framer.push(chunk);
    assert_eq!(framer.next().unwrap().body.bytes(), &b"{\"c\":3}"[..]);
    assert!(range.contains(&framer.next().unwrap().body.bytes().as_ptr()));
}

/// A line longer than the window is cut object by object before its end is seen.
#[test]
fn a_long_line_of_objects_is_cut_as_it_comes() {
    let object = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000));
    let line = object.repeat(1_000);
    let mut framer = Framer::new(RecordLimit::DEFAULT, 0);
    framer.push(Bytes::copy_from_slice(&line.as_bytes()[..WINDOW + 2_000]));
    assert!(framer.by_ref().count() >= 1);
    framer.push(Bytes::copy_from_slice(&line.as_bytes()[WINDOW + 2_000..]));
    framer.finish();
    assert!(
        framer.all(|frame| matches!(frame.body, Body::Whole(_)) && frame.end - frame.offset == object.len() as u64)
    );
}

/// JSON values that try the scanner: braces, quotes, escapes and slashes in texts, nesting, empty things.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(serde_json::Value::from),
        "[a{}\\[\\]\",:\\\\/\n ]{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-c{}]{0,2}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = serde_json::Value> {
    proptest::collection::btree_map("[a-c{}\"]{0,3}", value(), 0..4)
        .prop_map(|map| serde_json::Value::Object(map.into_iter().collect()))
}

/// One of the well-formed forms.
fn well_formed() -> impl Strategy<Value = String> {
    let texts = |pretty: bool| {
        move |objects: Vec<serde_json::Value>| -> Vec<String> {
            let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            objects.iter().map(|object| write(object).unwrap()).collect()
        }
    };
    let objects = || proptest::collection::vec(object(), 0..6);
    prop_oneof![
        objects().prop_map(texts(false)).prop_map(|texts| texts.join("\n") + "\n"),
        objects().prop_map(texts(false)).prop_map(|texts| texts.join("\r\n") + "\n"),
        objects().prop_map(texts(false)).prop_map(|texts| texts.concat()),
        objects().prop_map(texts(true)).prop_map(|texts| texts.join("\n")),
        objects().prop_map(texts(true)).prop_map(|texts| texts.concat()),
        objects().prop_map(texts(false)).prop_map(|texts| format!("[{}]", texts.join(","))),
        objects().prop_map(texts(false)).prop_map(|texts| format!("[\n{}\n]\n", texts.join(",\n"))),
        objects().prop_map(|objects| serde_json::to_string_pretty(&objects).unwrap() + "\n"),
        "2023-01-10T16:34:39Z \\{\"a\":[0-9]\\}\n",
        "[A-Za-z0-9+/]{4,40}={0,2}\n",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Frames are a function of the bytes, not of the chunks: for anything at all.
    #[test]
    fn any_split_gives_the_same_frames(
        text in "([{}\\[\\],:\"\\\\/ \n\r]|a|\"a\":|\\{\"a\":1\\}\n|2 ){0,40}",
        cuts in proptest::collection::btree_set(0_usize..80, 0..12),
    ) {
        let cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < text.len()).collect();
        let expect = frames(&text);
        prop_assert_eq!(&frames_of(text.as_bytes(), &cuts, 0), &expect);
        let each: Vec<usize> = (0..text.len()).collect();
        prop_assert_eq!(&frames_of(text.as_bytes(), &each, 0), &expect);
        // Every byte between frames is a separator.
        let mut at = 0;
        for frame in &expect {
            prop_assert!(at <= frame.offset && frame.offset < frame.end);
            prop_assert!(text.as_bytes()[at as usize..frame.offset as usize].iter().all(|&byte| is_separator(byte)));
            at = frame.end;
        }
        prop_assert!(text.as_bytes()[at as usize..].iter().all(|&byte| is_separator(byte)));
    }

    /// Any mixture of forms, split anywhere, resumed at any frame.
    #[test]
    fn forms_follow_one_another_and_reading_resumes_at_any_frame(
        forms in proptest::collection::vec(well_formed(), 1..5),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = forms.join("\n");
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let all = frames(&text);
        prop_assert!(all.iter().all(|frame| matches!(frame.body, Body::Whole(_))), "{:?}", all);
        prop_assert_eq!(&frames_of(text.as_bytes(), &cuts, 0), &all);
        for (index, frame) in all.iter().enumerate() {
            let rest = frames_of(&text.as_bytes()[frame.end as usize..], &[], frame.end);
            prop_assert_eq!(&rest[..], &all[index + 1..]);
        }
    }

    /// One object a line, some lines broken off: no good line is lost, wherever reading resumes.
    #[test]
    fn reading_resumes_beside_broken_lines(
        lines in proptest::collection::vec((object(), any::<prop::sample::Index>(), 0_u8..4), 1..8),
    ) {
        let lines = lines.iter().map(|(object, cut, dice)| {
            let line = serde_json::to_string(object).unwrap();
            if *dice == 0 { line.chars().take(1 + cut.index(line.len() - 1)).collect() } else { line }
        });
        let text: String = lines.map(|line| line + "\n").collect();
        let all = frames(&text);
        for (index, frame) in all.iter().enumerate() {
            let (before, after) = text.as_bytes().split_at(frame.end as usize);
            let mut framer = Framer::resume(limit(), frame.end, before);
            framer.push(Bytes::copy_from_slice(after));
            framer.finish();
            let rest: Vec<Frame> = framer.collect();
            prop_assert_eq!(&rest[..], &all[index + 1..], "{:?} after {}", text, frame.end);
        }
    }

    /// The objects that went in come out, whatever the form.
    #[test]
    fn concatenated_objects_come_out_one_by_one(objects in proptest::collection::vec(object(), 0..8), pretty: bool) {
        let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let texts: Vec<String> = objects.iter().map(|object| write(object).unwrap()).collect();
        prop_assert_eq!(bodies(&texts.concat()), texts);
    }
}
