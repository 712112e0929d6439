//! What goes over the wire, field by field, and what is made of answers that no server at hand gives: SSE-KMS, tags,
//! classes, an assumed role, conflicts, errors in the body of a 200.
//!
//! Source: Amazon S3 API Reference (CreateMultipartUpload, UploadPart, CompleteMultipartUpload, PutObject), AWS STS API
//! Reference (AssumeRole).

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use bytes::Bytes;
use tributary_aws::{Connection, Role};
use tributary_core::{Attempt, Digest, Fault, Key, Ticket};
use tributary_store::{Completed, Created, ObjectStore as _, StoreError};
use tributary_store_s3::{Encryption, Options, S3Store, Spill};
use tributary_testkit::{Reply, Request, ScriptedServer, run_again};

/// Says to a process that it is the client, and where AWS STS is.
const STS: &str = "AWS_ENDPOINT_URL_STS";

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again.
#[tokio::test]
async fn requests_and_answers() {
    if let Some(sts) = std::env::var_os(STS) {
        let sts = sts.to_str().unwrap().trim_start_matches("http://").parse().unwrap();
        what_is_asked_of_objects().await;
        what_is_asked_of_the_log().await;
        what_is_asked_where_nobody_else_writes().await;
        what_a_completion_may_answer().await;
        what_a_server_asks_that_wants_the_checksums_of_parts().await;
        what_is_asked_for_uploads().await;
        what_a_creation_may_answer().await;
        what_is_said_of_refusals().await;
        return a_role_is_assumed(sts).await;
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire")];
    let sts = format!("http://127.0.0.1:{port}");
    run_again("requests_and_answers", keys.into_iter().chain([(STS, sts.as_str())])).unwrap();
}

/// The store behind a server that gives these answers.
#[derive(Clone)]
struct Server(ScriptedServer);

impl Server {
    fn start(at: SocketAddr, replies: &[Reply]) -> Self {
        Self(ScriptedServer::start_at(at, replies).unwrap())
    }

    fn new(replies: &[Reply]) -> Self {
        Self(ScriptedServer::start(replies).unwrap())
    }

    fn requests(&self) -> Vec<Request> {
        self.0.requests()
    }

    fn options(&self) -> Options {
        Options {
            bucket: "lake".to_owned(),
            prefix: "a b".to_owned(),
            connection: Connection { endpoint: Some(self.0.endpoint()), ..Connection::default() },
            path_style: true,
            encryption: Some(Encryption::Kms { key: Some("arn:aws:kms:key/1".to_owned()), bucket_key: true }),
            storage_class: Some("STANDARD_IA".to_owned()),
            tags: BTreeMap::from([("team".to_owned(), "wfm".to_owned()), ("cost center".to_owned(), "4/2".to_owned())]),
            part_size: 5 << 20,
            waiting: 1 << 20,
            spill: Spill::Nowhere,
            exclusive: false,
        }
    }

    async fn store(&self) -> S3Store {
        S3Store::open(self.options()).await.unwrap()
    }
}

const BEGUN: Reply =
    Reply(200, &[], "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>");
const MADE: &str = "<CompleteMultipartUploadResult><ETag>&quot;x-1&quot;</ETag>\
    <ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></CompleteMultipartUploadResult>";
const NO_UPLOAD: Reply = Reply(404, &[], "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>");
const NOTHING: Reply = Reply(404, &[], "");
/// The checksum of "123456789", and the object that holds it.
const SUM: u64 = 0xae8b_1486_0a79_9888;
const THERE: Reply = Reply(200, &[("Content-Length", "9"), ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")], "");

fn name() -> Key {
    format!("t/day=2025-07-01/t-{}-00000.parquet", Attempt::from_bits(7)).parse().unwrap()
}

fn ticket() -> Ticket {
    Ticket { upload: "u1".to_owned(), parts: vec!["\"p1\"".to_owned()], bytes: 9, digest: Digest::from_crc64(SUM) }
}

async fn what_is_asked_of_objects() {
    let server = Server::new(&[BEGUN, Reply(200, &[("ETag", "\"p1\"")], ""), Reply(200, &[], MADE)]);
    let store = server.store().await;
    let mut upload = store.begin(&Attempt::from_bits(7), &name()).await.unwrap();
    upload.write(Bytes::from_static(b"123456789")).await.unwrap();
    let sealed = upload.seal().await.unwrap();
    assert_eq!(sealed, ticket());
    assert_eq!(store.complete(&name(), &sealed).await.unwrap(), Completed::Now);

    let requests = server.requests();
    let [begin, part, complete] = requests.as_slice() else { panic!("{requests:?}") };
    let path = format!("/lake/a%20b/t/day%3D2025-07-01/t-{}-00000.parquet", Attempt::from_bits(7));
    assert!(begin.line.starts_with(&format!("POST {path}?uploads")), "{}", begin.line);
    for (field, value) in [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:key/1"),
        ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging", "cost%20center=4%2F2&team=wfm"),
        ("x-amz-checksum-algorithm", "CRC64NVME"),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ] {
        assert_eq!(begin.field(field), Some(value), "{field}");
    }
    assert!(part.line.starts_with("PUT ") && part.line.contains("partNumber=1") && part.line.contains("uploadId=u1"));
    assert_eq!((part.body.as_str(), part.field("x-amz-checksum-crc64nvme")), ("123456789", Some("rosUhgp5mIg=")));
    assert!(complete.line.starts_with("POST ") && complete.line.contains("uploadId=u1"), "{}", complete.line);
    assert!(complete.body.contains("<PartNumber>1</PartNumber>") && complete.body.contains("p1"), "{}", complete.body);
    assert_eq!(complete.field("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(complete.field("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(complete.field("x-amz-mp-object-size"), Some("9"));
    for field in ["if-none-match", "if-match"] {
        assert_eq!(complete.field(field), None, "a completion has no condition");
    }
    assert!(!format!("{requests:?}").contains("never-on-the-wire"));
}

async fn what_is_asked_of_the_log() {
    let server = Server::new(&[Reply(200, &[], "")]);
    let made =
        server.store().await.create(&"_tributary/x.json".parse().unwrap(), Bytes::from_static(b"123456789")).await;
    assert_eq!(made.unwrap(), Created::New);
    let requests = server.requests();
    let [put] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(put.line.starts_with("PUT /lake/a%20b/_tributary/x.json"), "{}", put.line);
    assert_eq!(put.field("if-none-match"), Some("*"));
    assert_eq!(put.field("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert_eq!(put.field("x-amz-server-side-encryption"), Some("aws:kms"));
    for field in ["x-amz-storage-class", "x-amz-tagging"] {
        assert_eq!(put.field(field), None, "the log is of the standard class, without tags");
    }
}

/// With `exclusive` there is a look in the place of the condition.
async fn what_is_asked_where_nobody_else_writes() {
    let server = Server::new(&[NOTHING, Reply(200, &[], ""), THERE, Reply(200, &[], "123456789")]);
    let store = S3Store::open(Options { exclusive: true, ..server.options() }).await.unwrap();
    let name: Key = "_tributary/x.json".parse().unwrap();
    assert_eq!(store.create(&name, Bytes::from_static(b"123456789")).await.unwrap(), Created::New);
    let again = store.create(&name, Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(again, Created::Exists(Bytes::from_static(b"123456789")));
    let requests = server.requests();
    let verbs: Vec<&str> = requests.iter().filter_map(|request| request.line.split(' ').next()).collect();
    assert_eq!(verbs, ["HEAD", "PUT", "HEAD", "GET"]);
    assert!(requests.iter().all(|request| request.field("if-none-match").is_none()), "{requests:?}");
}

async fn what_a_completion_may_answer() {
    let error_in_body = Reply(200, &[], "<Error><Code>InternalError</Code><Message>try again</Message></Error>");
    let other = Reply(200, &[("Content-Length", "9"), ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")], "");
    let conflict = Reply(409, &[], "<Error><Code>ConditionalRequestConflict</Code></Error>");
    for (what, replies, expected) in [
        ("a second completion", vec![NO_UPLOAD, THERE], Ok(Completed::Before)),
        ("another that is about to end", vec![NO_UPLOAD, NOTHING, THERE], Ok(Completed::Before)),
        ("nothing left", vec![NO_UPLOAD, NOTHING, NOTHING, NOTHING], Err("store/gone")),
        ("somebody else's object", vec![NO_UPLOAD, other.clone()], Err("store/different")),
        ("a conflict, and the object is there", vec![conflict.clone(), THERE], Ok(Completed::Before)),
        ("a conflict, and it is not", vec![conflict, NOTHING], Err("store/io")),
        (
            "another object's checksum",
            vec![
                Reply(
                    200,
                    &[],
                    "<CompleteMultipartUploadResult><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></CompleteMultipartUploadResult>",
                ),
                other,
            ],
            Err("store/different"),
        ),
        // The SDK takes it for the error it is, and tries again.
        ("an error in a 200", vec![error_in_body, NO_UPLOAD, THERE], Ok(Completed::Before)),
    ] {
        let server = Server::new(&replies);
        let outcome = server.store().await.complete(&name(), &ticket()).await;
        let outcome = outcome.map_err(|error| error.code());
        assert_eq!(outcome, expected, "{what}: {:?}", server.requests());
        assert_eq!(server.requests().len(), replies.len(), "{what}");
    }
}

/// As MinIO does it. Once learned, it is done at once.
async fn what_a_server_asks_that_wants_the_checksums_of_parts() {
    let refused = Reply(400, &[], "<Error><Code>InvalidPart</Code></Error>");
    let parts = Reply(
        200,
        &[],
        "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>&quot;p1&quot;</ETag><Size>9</Size>\
            <ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></Part></ListPartsResult>",
    );
    let made = Reply(200, &[], MADE);
    let server = Server::new(&[refused.clone(), parts.clone(), made.clone(), parts, made]);
    let store = server.store().await;
    for _ in 0..2 {
        assert_eq!(store.complete(&name(), &ticket()).await.unwrap(), Completed::Now);
    }
    let requests = server.requests();
    let [plain, list, complete, _, again] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(list.line.starts_with("GET ") && list.line.contains("uploadId=u1"), "{}", list.line);
    let sum = "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>";
    assert!(!plain.body.contains(sum), "S3 wants none");
    assert!(complete.body.contains(sum) && again.body.contains(sum), "{requests:?}");

    // Where the server has none of them, its first answer stands.
    let none = Reply(200, &[], "<ListPartsResult></ListPartsResult>");
    let server = Server::new(&[refused.clone(), none, refused, NOTHING]);
    let outcome = server.store().await.complete(&name(), &ticket()).await;
    assert_eq!(outcome.map_err(|error| error.code()), Err("store/io"));
}

/// MinIO finds nothing below a prefix, and lists whole buckets only.
async fn what_is_asked_for_uploads() {
    let none = Reply(200, &[], "<ListMultipartUploadsResult></ListMultipartUploadsResult>");
    let all = format!(
        "<ListMultipartUploadsResult><Upload><Key>a b/{}</Key><UploadId>u1</UploadId></Upload>\
            <Upload><Key>other/{}</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>",
        name(),
        name()
    );
    let all = Reply(200, &[], all.leak());
    let denied = Reply(403, &[], "<Error><Code>AccessDenied</Code></Error>");
    for (replies, found) in [(vec![none.clone(), all.clone()], 1), (vec![all], 1), (vec![none, denied], 0)] {
        let server = Server::new(&replies);
        let pending = server.store().await.uploads().await.unwrap();
        assert_eq!(pending.len(), found);
        assert!(pending.iter().all(|pending| pending.key == name() && pending.upload == "u1"));
        let requests = server.requests();
        assert_eq!(requests.len(), replies.len());
        let prefixed: Vec<bool> = requests.iter().map(|request| request.line.contains("prefix=")).collect();
        assert_eq!(prefixed, [true, false][..replies.len()]);
    }
}

async fn what_a_creation_may_answer() {
    let conflict = Reply(409, &[], "<Error><Code>ConditionalRequestConflict</Code></Error>");
    let exists = Reply(412, &[], "<Error><Code>PreconditionFailed</Code></Error>");
    let winner = Reply(200, &[], "winner");
    for (what, replies, expected) in [
        ("somebody was first", vec![exists.clone(), winner.clone()], Created::Exists(Bytes::from_static(b"winner"))),
        ("two at once, the other won", vec![conflict.clone(), winner], Created::Exists(Bytes::from_static(b"winner"))),
        ("two at once, neither yet", vec![conflict, NOTHING, Reply(200, &[], "")], Created::New),
        ("it was deleted meanwhile", vec![exists, NOTHING, Reply(200, &[], "")], Created::New),
    ] {
        let server = Server::new(&replies);
        let made = server.store().await.create(&"x".parse().unwrap(), Bytes::from_static(b"mine")).await;
        assert_eq!(made.unwrap(), expected, "{what}");
        assert_eq!(server.requests().len(), replies.len(), "{what}");
    }
}

async fn what_is_said_of_refusals() {
    for (reply, fault, words) in [
        (
            Reply(
                403,
                &[],
                "<Error><Code>AccessDenied</Code><Message>User: u is not authorized to perform: kms:GenerateDataKey on resource: k</Message></Error>",
            ),
            Fault::Config,
            "grant kms:GenerateDataKey (",
        ),
        (
            Reply(403, &[], "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"),
            Fault::Config,
            "grant s3:PutObject",
        ),
        (
            Reply(400, &[], "<Error><Code>ExpiredToken</Code><Message>old</Message></Error>"),
            Fault::Config,
            "have expired",
        ),
        (Reply(404, &[], "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>"), Fault::Config, "create it"),
        (
            Reply(
                301,
                &[("x-amz-bucket-region", "eu-west-1")],
                "<Error><Code>PermanentRedirect</Code><Message>there</Message></Error>",
            ),
            Fault::Config,
            "region = \"eu-west-1\"",
        ),
        (
            Reply(501, &[], "<Error><Code>NotImplemented</Code><Message>no</Message></Error>"),
            Fault::Config,
            "cannot do",
        ),
    ] {
        let server = Server::new(&[reply]);
        let made = server.store().await.create(&"x".parse().unwrap(), Bytes::from_static(b"mine")).await;
        let refused: StoreError = made.unwrap_err();
        assert_eq!(refused.fault(), fault, "{refused}");
        assert!(refused.to_string().contains(words), "{words} in {refused}");
    }
}

async fn a_role_is_assumed(sts: SocketAddr) {
    let given = Reply(
        200,
        &[],
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
         <SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    );
    let role_giver = Server::start(sts, &[given]);
    let server = Server::new(&[Reply(200, &[], "")]);
    let mut options = server.options();
    let arn = "arn:aws:iam::000000000042:role/x".to_owned();
    options.connection.role = Some(Role { arn, external_id: Some("ext 1".to_owned()) });
    let store = S3Store::open(options).await.unwrap();
    store.create(&"x".parse().unwrap(), Bytes::new()).await.unwrap();

    let asked = role_giver.requests();
    let [asked] = asked.as_slice() else { panic!("{asked:?}") };
    for piece in [
        "Action=AssumeRole",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A000000000042%3Arole%2Fx",
        "ExternalId=ext%201",
        "RoleSessionName=tributary",
    ] {
        assert!(asked.body.contains(piece), "{piece} in {}", asked.body);
    }
    let put = server.requests().remove(0);
    assert_eq!(put.field("x-amz-security-token"), Some("role-token"));
    assert!(put.field("authorization").unwrap().contains("ASIAROLE"), "signed as the role");
}
