//! What goes over the wire, and what is made of answers that no server at hand gives.
//!
//! Source: Amazon DynamoDB API Reference (DescribeTable, CreateTable, Scan, PutItem, DeleteItem, "Common Errors").

#![expect(clippy::panic, clippy::unwrap_used, reason = "a broken expectation panics")]

use tributary_aws::Connection;
use tributary_core::{Failure, Fault};
use tributary_leases::{Change, Lease, LeaseTable as _};
use tributary_leases_dynamodb::{DynamoLeases, Error, Options};
use tributary_testkit::{Reply, Request, ScriptedServer, run_again};

/// Says to a process that it is the client.
const CLIENT: &str = "TRIBUTARY_TEST_DYNAMODB_CLIENT";

/// The SDK reads credentials from the environment, which a test cannot change for itself: it starts itself again.
#[tokio::test]
async fn requests_and_answers() {
    if std::env::var_os(CLIENT).is_some() {
        a_table_that_is_missing_is_made().await;
        a_table_of_somebody_else_is_refused().await;
        pages_are_read_to_the_end().await;
        what_is_asked_of_a_row().await;
        an_answer_that_was_lost_is_recognised().await;
        one_row_that_fails_for_now_fails_alone().await;
        return refusals_say_what_to_do().await;
    }
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "never-on-the-wire"), (CLIENT, "1")];
    run_again("requests_and_answers", keys).unwrap();
}

const NOT_THERE: Reply = Reply(
    400,
    &[],
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#,
);
const ACTIVE: Reply = Reply(
    200,
    &[],
    r#"{"Table":{"TableName":"leases","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"leaseKey","KeyType":"HASH"}],
    "AttributeDefinitions":[{"AttributeName":"leaseKey","AttributeType":"S"}]}}"#,
);
const DONE: Reply = Reply(200, &[], "{}");
const THROTTLED: Reply =
    Reply(400, &[], r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#);

fn options(server: &ScriptedServer) -> Options {
    let connection = Connection { endpoint: Some(server.endpoint()), ..Connection::default() };
    Options { table: "leases".to_owned(), connection }
}

/// A table that is there, behind a server that then gives these answers.
async fn table(replies: &[Reply]) -> (DynamoLeases, ScriptedServer) {
    let replies: Vec<Reply> = [ACTIVE].iter().chain(replies).cloned().collect();
    let server = ScriptedServer::start(&replies).unwrap();
    (DynamoLeases::open(options(&server)).await.unwrap(), server)
}

fn calls(server: &ScriptedServer) -> Vec<String> {
    let call = |request: &Request| request.field("x-amz-target").unwrap().replace("DynamoDB_20120810.", "");
    server.requests().iter().map(call).collect()
}

fn body(server: &ScriptedServer, which: usize) -> String {
    server.requests()[which].body.clone()
}

fn ours() -> Lease {
    Lease { key: "shard-1".to_owned(), owner: Some("ann".to_owned()), counter: 8, rate: 2_048, ..Lease::default() }
}

fn replace() -> Vec<Change> {
    vec![Change::Replace { seen: 7, lease: ours() }]
}

async fn a_table_that_is_missing_is_made() {
    let server = ScriptedServer::start(&[NOT_THERE, DONE, ACTIVE]).unwrap();
    DynamoLeases::open(options(&server)).await.unwrap();
    assert_eq!(calls(&server), ["DescribeTable", "CreateTable", "DescribeTable"]);
    let asked = body(&server, 1);
    for part in [
        r#""TableName":"leases""#,
        r#""BillingMode":"PAY_PER_REQUEST""#,
        r#"{"AttributeName":"leaseKey","KeyType":"HASH"}"#,
        r#"{"AttributeName":"leaseKey","AttributeType":"S"}"#,
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
}

async fn a_table_of_somebody_else_is_refused() {
    let other = Reply(
        200,
        &[],
        r#"{"Table":{"TableName":"leases","TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}]}}"#,
    );
    let server = ScriptedServer::start(&[other]).unwrap();
    let refused = DynamoLeases::open(options(&server)).await.unwrap_err();
    assert_eq!((refused.fault(), refused.code()), (Fault::Config, "leases/table"));
    assert!(refused.to_string().contains("its key is not leaseKey"), "{refused}");
}

async fn pages_are_read_to_the_end() {
    let first = Reply(
        200,
        &[],
        r#"{"Items":[{"leaseKey":{"S":"a"},"leaseCounter":{"N":"3"},"leaseOwner":{"S":"ann"},"checkpointSubSequenceNumber":{"N":"0"},
        "throughputKBps":{"N":"2"}}],"LastEvaluatedKey":{"leaseKey":{"S":"a"}}}"#,
    );
    let last = Reply(200, &[], r#"{"Items":[{"leaseKey":{"S":"b"},"leaseCounter":{"N":"1"},"wantedBy":{"S":"bob"}}]}"#);
    let (table, server) = table(&[first, last]).await;
    let a = Lease { key: "a".to_owned(), owner: Some("ann".to_owned()), counter: 3, rate: 2_048, ..Lease::default() };
    let b = Lease { key: "b".to_owned(), counter: 1, wanted_by: Some("bob".to_owned()), ..Lease::default() };
    assert_eq!(table.read().await.unwrap(), [a, b]);
    assert_eq!(calls(&server), ["DescribeTable", "Scan", "Scan"]);
    assert!(body(&server, 1).contains(r#""ConsistentRead":true"#));
    assert!(body(&server, 2).contains(r#""ExclusiveStartKey":{"leaseKey":{"S":"a"}}"#));
}

async fn what_is_asked_of_a_row() {
    let (table, server) = table(&[DONE, DONE, DONE]).await;
    for change in [
        Change::Create(Lease { owner: None, rate: 0, ..ours() }),
        replace().remove(0),
        Change::Delete { key: "shard-1".to_owned(), seen: 8 },
    ] {
        assert_eq!(table.write(vec![change]).await.unwrap(), [true]);
    }
    assert_eq!(calls(&server), ["DescribeTable", "PutItem", "PutItem", "DeleteItem"]);
    let created = body(&server, 1);
    assert!(created.contains(r#""ConditionExpression":"attribute_not_exists(#is)""#), "{created}");
    assert!(created.contains(r##""ExpressionAttributeNames":{"#is":"leaseKey"}"##), "{created}");
    assert!(!created.contains("leaseOwner"), "{created}");
    let replaced = body(&server, 2);
    for part in [
        r##""ConditionExpression":"#is = :seen""##.to_owned(),
        r##""ExpressionAttributeNames":{"#is":"leaseCounter"}"##.to_owned(),
        r#""ExpressionAttributeValues":{":seen":{"N":"7"}}"#.to_owned(),
        r#""ReturnValuesOnConditionCheckFailure":"ALL_OLD""#.to_owned(),
        r#""leaseOwner":{"S":"ann"}"#.to_owned(),
        r#""leaseCounter":{"N":"8"}"#.to_owned(),
        r#""throughputKBps":{"N":"2"}"#.to_owned(),
    ] {
        assert!(replaced.contains(&part), "{part} is not in {replaced}");
    }
    let deleted = body(&server, 3);
    assert!(deleted.contains(r#""Key":{"leaseKey":{"S":"shard-1"}}"#), "{deleted}");
    assert!(deleted.contains(r#""ExpressionAttributeValues":{":seen":{"N":"8"}}"#), "{deleted}");
}

async fn an_answer_that_was_lost_is_recognised() {
    const FAILED: Reply = Reply(
        500,
        &[],
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"The request could not be processed"}"#,
    );
    let ours = Reply(
        400,
        &[],
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed",
        "Item":{"leaseKey":{"S":"shard-1"},"leaseCounter":{"N":"8"},"leaseOwner":{"S":"ann"},"throughputKBps":{"N":"2"}}}"#,
    );
    let others = Reply(
        400,
        &[],
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed",
        "Item":{"leaseKey":{"S":"shard-1"},"leaseCounter":{"N":"8"},"leaseOwner":{"S":"bob"},"throughputKBps":{"N":"2"}}}"#,
    );
    let (table, server) = table(&[FAILED, ours, others]).await;
    assert_eq!(table.write(replace()).await.unwrap(), [true], "it was written by the first try");
    assert_eq!(table.write(replace()).await.unwrap(), [false], "somebody else was first");
    assert_eq!(calls(&server), ["DescribeTable", "PutItem", "PutItem", "PutItem"]);
}

async fn one_row_that_fails_for_now_fails_alone() {
    let gone = Reply(500, &[], r#"{"__type":"com.amazon.coral.service#Unheard","message":"something is broken"}"#);
    let (table, _server) = table(&[THROTTLED, DONE]).await;
    assert_eq!(table.write(replace()).await.unwrap(), [true], "throttling is waited out");
    let (table, _server) = self::table(&[gone.clone(), gone.clone(), gone.clone(), gone]).await;
    let failed: Failure = table.write(replace()).await.unwrap_err();
    assert_eq!((failed.fault(), failed.code()), (Fault::Transient, "leases/call"));
    assert!(failed.to_string().contains("something is broken"), "{failed}");
}

async fn refusals_say_what_to_do() {
    let denied = Reply(
        400,
        &[],
        r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::1:user/x is not authorized"}"#,
    );
    let expired = Reply(
        400,
        &[],
        r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token is expired"}"#,
    );
    for (reply, code, word) in [
        (denied, "leases/denied", "grant dynamodb:PutItem on it (AccessDeniedException: User"),
        (expired, "leases/denied", "the credentials are not good"),
        (NOT_THERE, "leases/table", "it is not there"),
    ] {
        let (table, _server) = table(&[reply]).await;
        let refused = table.write(replace()).await.unwrap_err();
        assert_eq!((refused.fault(), refused.code()), (Fault::Config, code));
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let refused = DynamoLeases::open(Options { table: "t".to_owned(), connection: Connection::default() }).await;
    let Err(Error::Connection(_) | Error::Call { .. } | Error::Denied { .. }) = refused else { panic!("{refused:?}") };
}
