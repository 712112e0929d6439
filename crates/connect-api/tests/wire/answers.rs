//! Answers that no service of AWS gives.

use tributary_connect_api::{Edition, Error};
use tributary_core::Fault;
use tributary_testkit::{Reply, ScriptedServer};

use crate::{INSTANCE, hasty, play};

async fn flows(replies: &[Reply]) -> (Result<usize, Error>, ScriptedServer) {
    let server = ScriptedServer::start(replies).unwrap();
    let flows = hasty(server.endpoint()).await.flows(INSTANCE).await;
    (flows.map(|flows| flows.len()), server)
}

#[test]
fn a_request_is_signed() {
    play("answers::a_request_is_signed", async {
        let (flows, server) = flows(&[Reply(200, &[], "{\"ContactFlowSummaryList\":[]}")]).await;
        assert_eq!(flows.unwrap(), 0);
        let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
        assert_eq!(request.line, format!("GET /contact-flows-summary/{INSTANCE}?maxResults=1000 HTTP/1.1"));
        let signed = request.field("authorization").unwrap();
        assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/"), "{signed}");
        assert!(signed.contains("/eu-central-1/connect/aws4_request, SignedHeaders=host;x-amz-date, "), "{signed}");
        assert!(request.field("user-agent").unwrap().starts_with("tributary/"));
        assert_eq!(format!("http://{}", request.field("host").unwrap()), server.endpoint());
        assert!(!format!("{request:?}").contains("never-on-the-wire"));
    });
}

#[test]
fn what_is_no_answer_is_said_and_not_asked_again() {
    play("answers::what_is_no_answer_is_said_and_not_asked_again", async {
        for (reply, expected) in [
            (Reply(200, &[], "<html>"), "no JSON"),
            (Reply(200, &[], ""), "no JSON"),
            (Reply(200, &[], "[]"), "no object"),
            (Reply(200, &[], "{\"hello\":1}"), "no list ContactFlowSummaryList"),
            (Reply(200, &[], "{\"ContactFlowSummaryList\":{}}"), "no list ContactFlowSummaryList"),
            (Reply(200, &[], "{\"ContactFlowSummaryList\":[3]}"), "cannot be read"),
            (Reply(200, &[], "{\"ContactFlowSummaryList\":[{\"Id\":\"f\"}]}"), "missing field `Arn`"),
            (Reply(200, &[], "{\"ContactFlowSummaryList\":[],\"NextToken\":5}"), "NextToken"),
            (Reply(302, &[("Location", "http://127.0.0.1:1/")], ""), "it answers 302"),
            (Reply(404, &[], "<html>Not Found</html>"), "it answers 404 without a code"),
            (Reply(204, &[], ""), "it answers 204"),
        ] {
            let (flows, server) = flows(&[reply.clone(), reply]).await;
            let error = flows.unwrap_err();
            assert_eq!((error.fault(), error.code()), (Fault::Data, "connect-api/answer"), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(server.requests().len(), 1, "{error}");
        }
    });
}

#[test]
fn a_list_that_does_not_end_is_said() {
    play("answers::a_list_that_does_not_end_is_said", async {
        let reply = Reply(200, &[], "{\"ContactFlowSummaryList\":[],\"NextToken\":\"1\"}");
        let (flows, server) = flows(&[reply.clone(), reply.clone(), reply]).await;
        let error = flows.unwrap_err();
        assert!(error.to_string().contains("leads to itself"), "{error}");
        assert_eq!(server.requests().len(), 2);
    });
}

/// A connection that breaks is no answer.
#[test]
fn what_breaks_off_is_asked_again() {
    play("answers::what_breaks_off_is_asked_again", async {
        let whole = Reply(200, &[], "{\"ContactFlowSummaryList\":[]}");
        for broken in [
            Reply(200, &[("Content-Length", "100")], "{\"ContactFlowSummaryList\":[]"),
            Reply(503, &[], "<html>busy</html>"),
            Reply(429, &[], ""),
        ] {
            let (flows, server) = flows(&[broken.clone(), whole.clone()]).await;
            assert_eq!(flows.unwrap(), 0, "{broken:?}");
            assert_eq!(server.requests().len(), 2, "{broken:?}");
        }
    });
}

#[test]
fn moments_that_are_none_are_said() {
    play("answers::moments_that_are_none_are_said", async {
        for (body, expected) in [
            ("{\"ContactFlow\":{\"Id\":\"f\",\"Arn\":\"a\",\"LastModifiedTime\":\"2026\"}}", "invalid type: string"),
            (
                "{\"ContactFlow\":{\"Id\":\"f\",\"Arn\":\"a\",\"LastModifiedTime\":1793491200000}}",
                "no moment in seconds",
            ),
            ("{\"ContactFlow\":{\"Id\":\"f\",\"Arn\":\"a\",\"Version\":-1}}", "invalid value"),
            ("{\"ContactFlow\":[]}", "no ContactFlow"),
            ("{}", "no ContactFlow"),
        ] {
            let server = ScriptedServer::start(&[Reply(200, &[], body)]).unwrap();
            let flow = hasty(server.endpoint()).await.flow(INSTANCE, "f", Edition::Published).await;
            let error = flow.unwrap_err();
            assert_eq!(error.code(), "connect-api/answer");
            assert!(error.to_string().contains(expected), "{error}");
        }
    });
}

/// The longest code and message, and letters that would move a terminal.
#[test]
fn a_refusal_makes_no_line_of_its_own() {
    play("answers::a_refusal_makes_no_line_of_its_own", async {
        let fields = &[("x-amzn-ErrorType", "AccessDeniedException:http://internal/")];
        let (flows, _) = flows(&[Reply(403, fields, "{\"Message\":\"User: x\\n\\u001b[2J is not authorized\"}")]).await;
        let said = flows.unwrap_err().to_string();
        assert!(
            said.contains("grant connect:ListContactFlows on the instance and its flows (User: x  [2J is"),
            "{said}"
        );
    });
}
