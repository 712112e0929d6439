//! Where credentials come from: what is asked of an instance, a container, a web identity and a profile, field by field, and
//! that what they give signs the calls.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers"; Amazon EC2 User Guide, "Use the Instance
//! Metadata Service" (version 2); AWS STS API Reference, AssumeRoleWithWebIdentity.

#![expect(clippy::unwrap_used, reason = "a broken expectation panics")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use bytes::Bytes;
use tributary_aws::Connection;
use tributary_store::ObjectStore as _;
use tributary_store_s3::{Options, S3Store};
use tributary_testkit::{Reply, Request, ScriptedServer, run_again};

/// Says to a process that it is the client, and where whoever gives credentials listens.
const GIVER: &str = "TRIBUTARY_TEST_GIVER";

/// What an instance and a container answer.
const GIVEN: &str = "{\"Code\": \"Success\", \"Type\": \"AWS-HMAC\", \"LastUpdated\": \"2026-11-01T00:00:00Z\", \
    \"AccessKeyId\": \"ASIAGIVEN\", \"SecretAccessKey\": \"given-secret\", \"Token\": \"given-token\", \
    \"Expiration\": \"2099-01-01T00:00:00Z\"}";

/// The SDK reads where credentials come from in the environment, which a test cannot change for itself: it starts itself
/// again, without what the environment of the tests may hold. True for the process that is the client.
fn starts_again(test: &str, folder: &Path, variables: impl Fn(&str) -> Vec<(&'static str, String)>) -> bool {
    if std::env::var_os(GIVER).is_some() {
        return true;
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let giver = format!("http://127.0.0.1:{port}");
    let nowhere = folder.join("nowhere").to_str().unwrap().to_owned();
    let none = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| (name, String::new()));
    let mut all = BTreeMap::from(none);
    all.extend([("AWS_CONFIG_FILE", nowhere.clone()), ("AWS_SHARED_CREDENTIALS_FILE", nowhere)]);
    all.insert(GIVER, giver.clone());
    all.extend(variables(&giver));
    run_again(test, all).unwrap();
    false
}

fn giver() -> SocketAddr {
    std::env::var_os(GIVER).unwrap().to_str().unwrap().trim_start_matches("http://").parse().unwrap()
}

/// What S3 is asked by a store with this connection.
async fn asked_of_s3(connection: Connection) -> Request {
    let s3 = ScriptedServer::start(&[Reply(200, &[], "")]).unwrap();
    let options = Options {
        connection: Connection { endpoint: Some(s3.endpoint()), ..connection },
        path_style: true,
        ..Options::new("lake", "")
    };
    let store = S3Store::open(options).await.unwrap();
    store.create(&"x".parse().unwrap(), Bytes::new()).await.unwrap();
    s3.requests().remove(0)
}

#[track_caller]
fn assert_signed(request: &Request, key: &str, token: Option<&str>) {
    let signed = request.field("authorization").unwrap();
    assert!(signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={key}/")), "{signed}");
    assert_eq!(request.field("x-amz-security-token"), token);
    assert!(!format!("{request:?}").contains("given-secret"), "the secret stays here");
}

#[tokio::test]
async fn an_instance_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = |giver: &str| vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", giver.to_owned())];
    if !starts_again("an_instance_gives_them", folder.path(), endpoint) {
        return;
    }
    let session = Reply(200, &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")], "session");
    let replies = [session, Reply(200, &[], "lake-writer"), Reply(200, &[], GIVEN)];
    let instance = ScriptedServer::start_at(giver(), &replies).unwrap();
    let put = asked_of_s3(Connection::default()).await;
    assert_signed(&put, "ASIAGIVEN", Some("given-token"));
    let requests = instance.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    let (token, name, keys) = (&requests[0], &requests[1], &requests[2]);
    assert!(token.line.starts_with("PUT /latest/api/token"), "{}", token.line);
    assert!(token.field("x-aws-ec2-metadata-token-ttl-seconds").is_some(), "{token:?}");
    let roles = "GET /latest/meta-data/iam/security-credentials/";
    assert!(name.line.starts_with(roles), "{}", name.line);
    assert!(keys.line.starts_with(&format!("{roles}lake-writer")), "{}", keys.line);
    for request in [name, keys] {
        assert_eq!(request.field("x-aws-ec2-metadata-token"), Some("session"));
    }
}

#[tokio::test]
async fn a_container_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = |giver: &str| {
        vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{giver}/task")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token".to_owned()),
        ]
    };
    if !starts_again("a_container_gives_them", folder.path(), place) {
        return;
    }
    let container = ScriptedServer::start_at(giver(), &[Reply(200, &[], GIVEN)]).unwrap();
    let put = asked_of_s3(Connection::default()).await;
    assert_signed(&put, "ASIAGIVEN", Some("given-token"));
    let asked = container.requests().remove(0);
    assert!(asked.line.starts_with("GET /task"), "{}", asked.line);
    assert_eq!(asked.field("authorization"), Some("container-token"));
}

#[tokio::test]
async fn a_web_identity_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let identity = |giver: &str| {
        fs::write(&file, "web-token").unwrap();
        vec![
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap().to_owned()),
            ("AWS_ROLE_ARN", "arn:aws:iam::000000000042:role/pod".to_owned()),
            ("AWS_ROLE_SESSION_NAME", "pod-1".to_owned()),
            ("AWS_ENDPOINT_URL_STS", giver.to_owned()),
        ]
    };
    if !starts_again("a_web_identity_is_exchanged", folder.path(), identity) {
        return;
    }
    let given = Reply(
        200,
        &[],
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAPOD</AccessKeyId>\
         <SecretAccessKey>given-secret</SecretAccessKey><SessionToken>pod-token</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
         </AssumeRoleWithWebIdentityResponse>",
    );
    let sts = ScriptedServer::start_at(giver(), &[given]).unwrap();
    let put = asked_of_s3(Connection::default()).await;
    assert_signed(&put, "ASIAPOD", Some("pod-token"));
    let asked = sts.requests().remove(0);
    for piece in [
        "Action=AssumeRoleWithWebIdentity",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A000000000042%3Arole%2Fpod",
        "RoleSessionName=pod-1",
        "WebIdentityToken=web-token",
    ] {
        assert!(asked.body.contains(piece), "{piece} in {}", asked.body);
    }
    assert_eq!(asked.field("authorization"), None, "the token stands for a signature");
}

#[tokio::test]
async fn a_profile_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let profile = |_: &str| {
        let text = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = given-secret\n\
                    [lake]\naws_access_key_id = AKIALAKE\naws_secret_access_key = given-secret\n";
        fs::write(&file, text).unwrap();
        vec![("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap().to_owned())]
    };
    if !starts_again("a_profile_holds_them", folder.path(), profile) {
        return;
    }
    assert_signed(&asked_of_s3(Connection::default()).await, "AKIADEFAULT", None);
    let named = Connection { profile: Some("lake".to_owned()), ..Connection::default() };
    assert_signed(&asked_of_s3(named).await, "AKIALAKE", None);
}
