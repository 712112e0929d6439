//! Answers that are none.

use std::error::Error as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use tributary_aws::Connection;
use tributary_connect_api::{Client, Edition, Error, ExecutionFilter, Options};
use tributary_core::{Failure, Fault};
use tributary_testkit::ServiceFault;

use crate::{INSTANCE, NOW, client, hasty, options, play, play_with, server};

fn fault(operation: &'static str, code: &'static str, status: u16, every: u64) -> ServiceFault {
    ServiceFault { operation: Some(operation), code, status, every }
}

#[test]
fn throttled_calls_are_made_again() {
    play("faults::throttled_calls_are_made_again", async {
        let server = server();
        {
            let mut instance = server.instance();
            for number in 0..50 {
                instance.save_flow(&format!("f-{number:02}"), "Flow", "CONTACT_FLOW", NOW);
            }
            instance.page = 5;
            instance.faults = vec![
                ServiceFault { operation: None, code: "ThrottlingException", status: 429, every: 3 },
                ServiceFault { operation: None, code: "InternalServiceException", status: 500, every: 7 },
            ];
        }
        let flows = client(&server).await.flows(INSTANCE).await.unwrap();
        assert_eq!(flows.len(), 50);
        let refused = server.instance().calls().iter().filter(|call| call.status != 200).count();
        assert!(refused > 4, "{refused}");
    });
}

/// It says so, and that it may pass.
#[test]
fn patience_has_an_end() {
    play("faults::patience_has_an_end", async {
        let server = server();
        server.instance().faults = vec![fault("ListContactFlows", "ThrottlingException", 429, 1)];
        let error = hasty(server.endpoint()).await.flows(INSTANCE).await.unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Transient, "connect-api/call"));
        assert!(server.instance().calls().len() > 1);
        let nobody = hasty("http://127.0.0.1:1".to_owned()).await.flows(INSTANCE).await.unwrap_err();
        assert_eq!(nobody.fault(), Fault::Transient);
        assert!(nobody.to_string().contains("cannot be reached"), "{nobody}");
    });
}

/// Each names what has to be granted.
#[test]
fn what_is_not_allowed_is_said_with_the_action() {
    play("faults::what_is_not_allowed_is_said_with_the_action", async {
        let server = server();
        server.instance().faults =
            vec![ServiceFault { operation: None, code: "AccessDeniedException", status: 403, every: 1 }];
        let client = client(&server).await;
        let refused = [
            ("ListContactFlows", client.flows(INSTANCE).await.unwrap_err()),
            ("DescribeContactFlow", client.flow(INSTANCE, "f", Edition::Saved).await.unwrap_err()),
            ("ListContactFlowVersions", client.flow_versions(INSTANCE, "f").await.unwrap_err()),
            ("ListContactFlowModules", client.modules(INSTANCE).await.unwrap_err()),
            ("DescribeContactFlowModule", client.module(INSTANCE, "m", Edition::Saved).await.unwrap_err()),
            ("ListContactFlowModuleVersions", client.module_versions(INSTANCE, "m").await.unwrap_err()),
            ("ListTestCases", client.test_cases(INSTANCE).await.unwrap_err()),
            ("DescribeTestCase", client.test_case(INSTANCE, "t").await.unwrap_err()),
            ("ListTestCaseExecutions", client.executions(INSTANCE, &ExecutionFilter::default()).await.unwrap_err()),
            ("GetTestCaseExecutionSummary", client.execution_summary(INSTANCE, "t", "e").await.unwrap_err()),
            ("ListTestCaseExecutionRecords", client.execution_records(INSTANCE, "t", "e").await.unwrap_err()),
        ];
        for (operation, error) in refused {
            assert_eq!((error.fault(), error.code()), (Fault::Config, "connect-api/denied"));
            assert!(error.to_string().contains(&format!("grant connect:{operation} on ")), "{error}");
        }
        assert_eq!(server.instance().calls().len(), 11, "none is made again");
    });
}

#[test]
fn what_is_not_there_is_told_apart() {
    play("faults::what_is_not_there_is_told_apart", async {
        let server = server();
        server.instance().save_flow("f-1", "Draft", "CONTACT_FLOW", NOW);
        let client = client(&server).await;
        let elsewhere = client.flows("99999999-2222-4333-8444-555555555555").await.unwrap_err();
        let gone = client.flow(INSTANCE, "f-2", Edition::Published).await.unwrap_err();
        let version = client.flow(INSTANCE, "f-1", Edition::Version(3)).await.unwrap_err();
        for error in [&elsewhere, &gone, &version] {
            assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
            assert_eq!((error.fault(), error.code()), (Fault::Config, "connect-api/not-found"));
        }
        assert!(gone.to_string().contains(&format!("there is no flow f-2 of the instance {INSTANCE}")), "{gone}");
        let draft = client.flow(INSTANCE, "f-1", Edition::Published).await.unwrap_err();
        assert!(matches!(draft, Error::NotPublished { .. }), "{draft:?}");
        assert_eq!(client.flow(INSTANCE, "f-1", Edition::Saved).await.unwrap().id, "f-1");
    });
}

/// What comes from a log line is no way out of the path.
#[test]
fn an_id_that_is_none_is_not_asked_for() {
    play("faults::an_id_that_is_none_is_not_asked_for", async {
        let server = server();
        let client = client(&server).await;
        for id in ["", ".", ".."] {
            assert!(
                matches!(client.flow(INSTANCE, id, Edition::Published).await, Err(Error::NotFound { .. })),
                "{id:?}"
            );
        }
        assert!(server.instance().calls().is_empty());
        let odd = client.flow(INSTANCE, "../x y\r\n", Edition::Published).await.unwrap_err();
        assert!(matches!(odd, Error::NotFound { .. }), "{odd:?}");
        assert!(server.instance().calls()[0].path.ends_with("/..%2Fx%20y%0D%0A"));
    });
}

/// The instance of the tests, which would otherwise not notice a client that does not sign.
#[test]
fn who_does_not_sign_is_refused() {
    let server = server();
    let mut plain = TcpStream::connect(server.endpoint().trim_start_matches("http://")).unwrap();
    write!(plain, "GET /contact-flows-summary/{INSTANCE} HTTP/1.1\r\n\r\n").unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    let mut answered = String::new();
    plain.read_to_string(&mut answered).unwrap();
    assert!(answered.starts_with("HTTP/1.1 403 "), "{answered}");
    assert_eq!(server.instance().calls()[0].code, Some("MissingAuthenticationTokenException"));
}

#[test]
fn without_credentials_nothing_is_sent() {
    let name = "faults::without_credentials_nothing_is_sent";
    play_with(name, &[("AWS_SHARED_CREDENTIALS_FILE", "/none")], async {
        let server = server();
        let client = Client::open(&options(server.endpoint())).await.unwrap();
        let error = client.flows(INSTANCE).await.unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Config, "connect-api/denied"));
        assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
        assert!(server.instance().calls().is_empty());
    });
}

/// Neither in what is said nor in what is printed for debugging.
#[test]
fn no_secret_is_shown() {
    play("faults::no_secret_is_shown", async {
        let server = server();
        server.instance().faults =
            vec![ServiceFault { operation: None, code: "InvalidSignatureException", status: 403, every: 1 }];
        let client = client(&server).await;
        let error = client.flows(INSTANCE).await.unwrap_err();
        let shown = format!("{client:?} {error} {error:?}");
        assert!(shown.contains("correct them") && !shown.contains("never-on-the-wire"), "{shown}");
    });
}

#[test]
fn what_is_configured_wrongly_is_said() {
    play("faults::what_is_configured_wrongly_is_said", async {
        let open = async |connection| Client::open(&Options::new(connection)).await.unwrap_err();
        let region = Connection { region: Some("evil.example.org/".to_owned()), ..Connection::default() };
        let place = Connection { endpoint: Some("https://me:hidden@x".to_owned()), ..Connection::default() };
        let file = Connection {
            region: Some("eu-central-1".to_owned()),
            authorities: Some("/none".into()),
            ..Connection::default()
        };
        for connection in [region, place, file] {
            let error = open(connection).await;
            assert_eq!((error.fault(), error.code()), (Fault::Config, "connect-api/connection"));
            let source = error.source().map(ToString::to_string);
            assert!(!format!("{error:?} {source:?}").contains("hidden"), "{error:?}");
            assert_eq!(Failure::from(error).code(), "connect-api/connection");
        }
    });
}
