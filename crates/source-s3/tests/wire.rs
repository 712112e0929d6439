//! What goes over the wire, field by field, and what is made of answers that no server at hand gives: archives, objects
//! that change under the reader, bodies that are cut or damaged, refusals.
//!
//! Source: Amazon S3 API Reference (ListObjectsV2, GetObject, "Error responses"); RFC 9110 section 14.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

use tributary_aws::Connection;
use tributary_core::{Body, Checkpoint, Fault, Position, RawBatch, Source, SplitId, Timestamp, UnreadInput};
use tributary_source_s3::{Keys, Options, S3Source};
use tributary_testkit::{Reply, ScriptedServer, run_again};

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_WIRE_CLIENT";

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again.
#[tokio::test]
async fn requests_and_answers() {
    if std::env::var_os(CLIENT).is_some() {
        what_is_asked().await;
        what_is_left().await;
        what_is_cut_goes_on().await;
        what_is_cut_for_ever_stops_nobody().await;
        what_is_damaged_is_asked_for_again().await;
        what_was_handed_out_damaged_is_read_anew().await;
        an_archive_that_came_damaged_is_read_anew().await;
        a_listing_goes_on_page_by_page().await;
        a_listing_that_makes_no_sense().await;
        a_plain_object_goes_on_in_its_middle().await;
        what_ends_a_run().await;
        return what_is_not_there().await;
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire")];
    run_again("requests_and_answers", keys.into_iter().chain([(CLIENT, "1")])).unwrap();
}

fn options(server: &ScriptedServer) -> Options {
    Options {
        connection: Connection { endpoint: Some(server.endpoint()), ..Connection::default() },
        path_style: true,
        batch_bytes: 1 << 20,
        // One request after the other.
        concurrency: 1,
        ..Options::new("archive", "events", "in")
    }
}

/// Everything that is read, and what is left.
async fn read(options: Options, checkpoint: &Checkpoint) -> (Vec<RawBatch>, Vec<UnreadInput>) {
    let mut source = S3Source::open(options, checkpoint).await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = source.next().await.unwrap() {
        batches.push(batch);
    }
    (batches, source.unread())
}

fn bodies(batches: &[RawBatch]) -> Vec<Body> {
    batches.iter().flat_map(|batch| &batch.records).map(|record| record.body.clone()).collect()
}

fn reached(batches: &[RawBatch]) -> Vec<(String, Position)> {
    let spans = batches.iter().flat_map(|batch| batch.delta.spans());
    spans.map(|(split, span)| (split.to_string(), span.to().clone())).collect()
}

fn whole(text: &'static str) -> Body {
    Body::Whole(text.as_bytes().into())
}

/// One object of 16 bytes: two events.
const LISTED: Reply = Reply(
    200,
    &[],
    "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Contents><Key>in/a+b%2Fc.json</Key>\
     <LastModified>2026-11-02T00:00:00.000Z</LastModified><ETag>&quot;e1&quot;</ETag><Size>16</Size>\
     <StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>",
);
const OBJECT: Reply = Reply(200, &[("ETag", "\"e1\"")], "{\"a\":1}\n{\"b\":2}\n");
const FIRST: &str = "{\"a\":1}";
const SECOND: &str = "{\"b\":2}";

async fn what_is_asked() {
    let server = ScriptedServer::start(&[LISTED, OBJECT]).unwrap();
    let mut options = options(&server);
    options.requester_pays = true;
    options.keys = Keys::matching(&["a*/c.json".to_owned()]).unwrap();
    options.modified_since = Some(Timestamp::from_micros(1_793_491_200_000_000));
    let (batches, unread) = read(options, &Checkpoint::default()).await;
    assert_eq!(bodies(&batches), [whole(FIRST), whole(SECOND)]);
    assert_eq!(reached(&batches), [("archive/in/a b/c.json@e1".to_owned(), Position::End)]);
    assert_eq!(batches[0].records[1].origin.as_ref(), "s3://events/in/a b/c.json");
    assert_eq!(batches[0].records[1].position, Position::Offset(8));
    assert!(unread.is_empty());
    let [list, get] = &server.requests()[..] else { panic!("{:#?}", server.requests()) };
    assert_eq!(list.line, "GET /events/?list-type=2&encoding-type=url&prefix=in%2Fa HTTP/1.1");
    assert_eq!(list.field("x-amz-optional-object-attributes"), Some("RestoreStatus"));
    assert!(get.line.starts_with("GET /events/in/a%20b/c.json?"), "{}", get.line);
    assert_eq!((get.field("if-match"), get.field("range")), (Some("\"e1\""), None));
    for request in [list, get] {
        assert_eq!(request.field("x-amz-request-payer"), Some("requester"));
    }
}

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";

async fn what_is_left() {
    let archived = Reply(403, &[], "<Error><Code>InvalidObjectState</Code><Message>no</Message></Error>");
    let replaced = Reply(412, &[], "<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>");
    let deleted = Reply(404, &[], "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
    let other = Reply(200, &[("ETag", "\"e2\"")], "{\"a\":1}\n{\"b\":2}\n");
    for (reply, reason) in [
        (archived, "it is archived; restore it"),
        (Reply(403, &[], DENIED), "grant s3:GetObject on the objects"),
        (replaced, "it was replaced after it was listed"),
        (other, "it was replaced after it was listed"),
        (deleted, "it was deleted after it was listed"),
    ] {
        let server = ScriptedServer::start(&[LISTED, reply]).unwrap();
        let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
        let [left] = &unread[..] else { panic!("{reason}: {unread:?}") };
        assert_eq!(left.name, "s3://events/in/a b/c.json");
        assert!(left.reason.starts_with(reason), "{}", left.reason);
        assert!(batches.is_empty(), "{reason}");
    }
    // One in an archive is not asked for; one that was restored is.
    let glacier = Reply(
        200,
        &[],
        "<ListBucketResult><Contents><Key>in/a</Key><ETag>&quot;e0&quot;</ETag><Size>16</Size><StorageClass>DEEP_ARCHIVE\
         </StorageClass></Contents><Contents><Key>in/b</Key><ETag>&quot;e1&quot;</ETag><Size>16</Size><StorageClass>GLACIER\
         </StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>\
         2026-12-21T00:00:00.000Z</RestoreExpiryDate></RestoreStatus></Contents></ListBucketResult>",
    );
    let server = ScriptedServer::start(&[glacier, OBJECT]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!(unread.iter().map(|left| left.name.as_str()).collect::<Vec<_>>(), ["s3://events/in/a"]);
    assert_eq!(reached(&batches), [("archive/in/b@e1".to_owned(), Position::End)]);
}

async fn what_is_cut_goes_on() {
    let cut = Reply(200, &[("ETag", "\"e1\""), ("Content-Length", "16")], "{\"a\":1}\n{\"b");
    let rest = Reply(206, &[("ETag", "\"e1\""), ("Content-Range", "bytes 11-15/16")], "\":2}\n");
    let server = ScriptedServer::start(&[LISTED, cut.clone(), rest]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!((bodies(&batches), unread.len()), (vec![whole(FIRST), whole(SECOND)], 0));
    let again = &server.requests()[2];
    assert_eq!((again.field("range"), again.field("if-match")), (Some("bytes=11-"), Some("\"e1\"")));

    // A server that begins anew would give the first bytes twice.
    let anew = Reply(200, &[("ETag", "\"e1\"")], "{\"a\":1}\n{\"b\":2}\n");
    let server = ScriptedServer::start(&[LISTED, cut, anew]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(batches.is_empty());
    assert!(unread[0].reason.contains("does not send a part of it"), "{}", unread[0].reason);
}

async fn what_is_damaged_is_asked_for_again() {
    // The checksum is that of other bytes.
    let damaged = Reply(200, &[("ETag", "\"e1\""), ("x-amz-checksum-crc32", "AAAAAA==")], "{\"a\":1}\n{\"b\":3}\n");
    let server = ScriptedServer::start(&[LISTED, damaged.clone(), OBJECT]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!((bodies(&batches), unread.len()), (vec![whole(FIRST), whole(SECOND)], 0));
    let server = ScriptedServer::start(&[LISTED, damaged.clone(), damaged.clone(), damaged]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(batches.is_empty());
    assert!(unread[0].reason.contains("checksum"), "{}", unread[0].reason);
}

/// One object is cut at once, again and again.
async fn what_is_cut_for_ever_stops_nobody() {
    let both = Reply(
        200,
        &[],
        "<ListBucketResult><Contents><Key>in/a</Key><ETag>&quot;e1&quot;</ETag><Size>16</Size></Contents><Contents>\
         <Key>in/b</Key><ETag>&quot;e1&quot;</ETag><Size>16</Size></Contents></ListBucketResult>",
    );
    let cut = Reply(200, &[("ETag", "\"e1\""), ("Content-Length", "16")], "");
    let replies = [vec![both, OBJECT], vec![cut; 6]].concat();
    let server = ScriptedServer::start(&replies).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!(reached(&batches), [("archive/in/a@e1".to_owned(), Position::End)]);
    let [left] = &unread[..] else { panic!("{unread:?}") };
    assert!(left.name.ends_with("in/b") && left.reason.contains("is cut again and again"), "{left:?}");
}

/// 2,000 events of 1 KiB, and the listing of an object of them.
fn large() -> (Reply, &'static str) {
    let event = |number: u32| format!("{{\"n\":{number:04},\"pad\":\"{}\"}}\n", "x".repeat(1_004));
    let body: &'static str = (0..2_000).map(event).collect::<String>().leak();
    let listed = format!(
        "<ListBucketResult><Contents><Key>in/a</Key><ETag>&quot;e1&quot;</ETag><Size>{}</Size></Contents></ListBucketResult>",
        body.len()
    );
    (Reply(200, &[], listed.leak()), body)
}

/// The checksum of what was handed out is known at its end alone. Then it is read from the beginning, as another split.
async fn what_was_handed_out_damaged_is_read_anew() {
    let (listed, body) = large();
    let damaged = Reply(200, &[("ETag", "\"e1\""), ("x-amz-checksum-crc32", "AAAAAA==")], body);
    let sound = Reply(200, &[("ETag", "\"e1\"")], body);
    let server = ScriptedServer::start(&[listed.clone(), damaged.clone(), sound]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(unread.is_empty(), "{unread:?}");
    let reached: Vec<_> = reached(&batches).into_iter().rev().collect();
    assert_eq!(reached[0], ("archive/in/a@e1~".to_owned(), Position::End));
    assert!(reached.iter().any(|(split, at)| split == "archive/in/a@e1" && matches!(at, Position::Offset(_))));
    let anew = batches.iter().flat_map(|batch| &batch.records).filter(|record| record.split.as_str().ends_with('~'));
    assert_eq!(anew.count(), 2_000);
    // A run that ended between the two goes on with the second one.
    let begun: Checkpoint =
        reached.iter().skip(1).map(|(split, at)| (SplitId::new(split.clone()), at.clone())).collect();
    let known = SplitId::new("archive/in/a@e1~");
    let begun: Checkpoint = begun
        .positions()
        .map(|(split, at)| (split.clone(), at.clone()))
        .chain([(known, Position::Offset(0))])
        .collect();
    let sound = Reply(200, &[("ETag", "\"e1\"")], body);
    let server = ScriptedServer::start(&[listed.clone(), sound]).unwrap();
    let (batches, _) = read(options(&server), &begun).await;
    assert_eq!(bodies(&batches).len(), 2_000);
    // Damaged twice it is left.
    let server = ScriptedServer::start(&[listed, damaged.clone(), damaged]).unwrap();
    let (_, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(unread[0].reason.contains("damaged twice"), "{unread:?}");
}

/// Bytes that cannot be unpacked may have been written so, or come so. Of a body that was cut on the way nobody knows: it is
/// asked for once more.
async fn an_archive_that_came_damaged_is_read_anew() {
    // An empty skippable frame of zstd, and then nothing of the kind.
    const ARCHIVE: &str = "P*M\u{18}\0\0\0\0not zstd";
    let whole = Reply(200, &[("ETag", "\"e1\"")], ARCHIVE);
    let is_damaged = |body: &Body| matches!(body, Body::Damaged { .. });
    let server = ScriptedServer::start(&[LISTED, whole.clone()]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!((reached(&batches).len(), unread.len(), server.requests().len()), (1, 0, 2));
    assert!(bodies(&batches).iter().any(is_damaged));

    let cut = Reply(200, &[("ETag", "\"e1\""), ("Content-Length", "16")], ARCHIVE.split_at(12).0);
    let rest = Reply(206, &[("ETag", "\"e1\""), ("Content-Range", "bytes 12-15/16")], ARCHIVE.split_at(12).1);
    let server = ScriptedServer::start(&[LISTED, cut, rest, whole]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(reached(&batches), [("archive/in/a b/c.json@e1~".to_owned(), Position::End)]);
    assert_eq!(bodies(&batches).iter().filter(|body| is_damaged(body)).count(), 1);
}

async fn a_listing_goes_on_page_by_page() {
    let first = Reply(
        200,
        &[],
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t/1=</NextContinuationToken><Contents>\
         <Key>in/empty</Key><ETag>&quot;e0&quot;</ETag><Size>0</Size></Contents></ListBucketResult>",
    );
    let twice = Reply(
        200,
        &[],
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>in/a</Key><ETag>&quot;e1&quot;</ETag><Size>16</Size>\
         </Contents><Contents><Key>in/a</Key><ETag>&quot;e1&quot;</ETag><Size>16</Size></Contents></ListBucketResult>",
    );
    let server = ScriptedServer::start(&[first, twice, OBJECT]).unwrap();
    let (batches, _) = read(options(&server), &Checkpoint::default()).await;
    assert_eq!(reached(&batches), [("archive/in/a@e1".to_owned(), Position::End)]);
    assert_eq!(bodies(&batches).len(), 2);
    let second = &server.requests()[1].line;
    assert!(second.contains("continuation-token=t%2F1%3D"), "{second}");
}

async fn a_listing_that_makes_no_sense() {
    let cut = Reply(200, &[], "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>");
    let server = ScriptedServer::start(&[cut]).unwrap();
    let mut source = S3Source::open(options(&server), &Checkpoint::default()).await.unwrap();
    let refused = source.next().await.unwrap_err();
    assert_eq!(refused.fault(), Fault::Config, "{refused}");
    let other_size = Reply(200, &[("ETag", "\"e1\"")], "{\"a\":1}\n");
    let server = ScriptedServer::start(&[LISTED, other_size]).unwrap();
    let (batches, unread) = read(options(&server), &Checkpoint::default()).await;
    assert!(batches.is_empty() && unread[0].reason.contains("another size"), "{unread:?}");
}

async fn a_plain_object_goes_on_in_its_middle() {
    // Far from the beginning only what follows is asked for, with a line or two before it.
    let (listed, body) = large();
    let place = 1_800 * 1_024;
    let begin = place - (64 << 10);
    let range: &'static str = format!("bytes {begin}-{}/{}", body.len() - 1, body.len()).leak();
    let fields: &'static [(&str, &str)] = vec![("ETag", "\"e1\""), ("Content-Range", range)].leak();
    let all = Reply(200, &[("ETag", "\"e1\"")], body);
    let server = ScriptedServer::start(&[listed, all, Reply(206, fields, body.split_at(begin).1)]).unwrap();
    let far = [(SplitId::new("archive/in/a@e1"), Position::Offset(place as u64))].into_iter().collect();
    let (batches, unread) = read(options(&server), &far).await;
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(server.requests()[2].field("range"), Some(format!("bytes={begin}-").as_str()));
    let rest: Vec<Body> =
        body.split_at(place).1.lines().map(|line| Body::Whole(line.as_bytes().to_vec().into())).collect();
    assert_eq!(bodies(&batches), rest);
    let server = ScriptedServer::start(&[LISTED, OBJECT]).unwrap();
    let at = |position: Position| -> Checkpoint {
        [(SplitId::new("archive/in/a b/c.json@e1"), position)].into_iter().collect()
    };
    let (batches, _) = read(options(&server), &at(Position::Offset(8))).await;
    assert_eq!(bodies(&batches), [whole(SECOND)]);
    // What was read to its end is not asked for.
    let server = ScriptedServer::start(&[LISTED]).unwrap();
    let (batches, unread) = read(options(&server), &at(Position::End)).await;
    assert_eq!((batches.len(), unread.len(), server.requests().len()), (0, 0, 1));
}

async fn what_ends_a_run() {
    let expired = "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>";
    let no_bucket = "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
    for (replies, reason) in [
        (vec![Reply(403, &[], DENIED)], "listing s3://events/in/: grant s3:ListBucket on the bucket"),
        (vec![Reply(404, &[], no_bucket)], "the bucket does not exist"),
        // What is wrong with the credentials is wrong for every object.
        (vec![LISTED, Reply(400, &[], expired)], "reading s3://events/in/: the credentials have expired"),
    ] {
        let server = ScriptedServer::start(&replies).unwrap();
        let mut source = S3Source::open(options(&server), &Checkpoint::default()).await.unwrap();
        let refused = source.next().await.unwrap_err();
        assert_eq!((refused.fault(), refused.code()), (Fault::Config, "source-s3/refused"), "{refused}");
        assert!(refused.to_string().contains(reason), "{refused}");
        assert!(source.next().await.unwrap().is_none());
    }
}

async fn what_is_not_there() {
    const NOTHING: Reply = Reply(200, &[], "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    let server = ScriptedServer::start(&[NOTHING, NOTHING, NOTHING]).unwrap();
    let mut source = S3Source::open(options(&server), &Checkpoint::default()).await.unwrap();
    let refused = source.next().await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Config, "source-s3/no-match"));
    let (batches, _) = read(Options { optional: true, ..options(&server) }, &Checkpoint::default()).await;
    assert!(batches.is_empty());
    let missing = S3Source::probe(options(&server)).await.unwrap_err();
    assert_eq!(missing.code(), "source-s3/no-match");
    let server = ScriptedServer::start(&[LISTED, OBJECT]).unwrap();
    let said = S3Source::probe(options(&server)).await.unwrap();
    assert!(said.contains("in/a b/c.json"), "{said}");
}
