//! What templates and fields are called.

use std::num::NonZeroU32;

use tributary_core::Fault;
use tributary_source_cases::{FieldName, NameOptions, Names};
use tributary_testkit::{CasesFault, CasesServer};

use crate::{options, play, server};

fn asked(server: &CasesServer, domain: Option<&str>) -> NameOptions {
    NameOptions {
        name: "names".to_owned(),
        domain: domain.map(str::to_owned),
        rate: NonZeroU32::new(100_000).unwrap(),
        connection: options(server).connection,
    }
}

#[test]
fn all_pages_are_read_whatever_is_throttled() {
    play("names::all_pages_are_read_whatever_is_throttled", async {
        let server = server();
        {
            let mut domain = server.domain();
            for number in 0..250 {
                domain.templates.insert(format!("t-{number}"), format!("Template {number}"));
                domain.fields.insert(format!("f-{number}"), (format!("Field {number}"), "Text".to_owned()));
            }
            // A type that this version of the client does not know.
            domain.fields.insert("f-7".to_owned(), ("Place".to_owned(), "Location".to_owned()));
            domain.faults = vec![CasesFault { operation: None, code: "ThrottlingException", status: 429, every: 3 }];
        }
        for domain in [None, Some("d-1")] {
            let names = Names::ask(asked(&server, domain)).await.unwrap();
            assert_eq!((names.templates.len(), names.fields.len()), (250, 250));
            assert_eq!(names.templates["t-249"], "Template 249");
            let place = FieldName { name: "Place".to_owned(), kind: "Location".to_owned() };
            assert_eq!(names.fields["f-7"], place);
        }
    });
}

#[test]
fn what_is_not_allowed_or_not_there_is_said() {
    play("names::what_is_not_allowed_or_not_there_is_said", async {
        for operation in ["ListDomains", "ListTemplates", "ListFields"] {
            let server = server();
            server.domain().faults =
                vec![CasesFault { operation: Some(operation), code: "AccessDeniedException", status: 403, every: 1 }];
            let error = Names::ask(asked(&server, None)).await.unwrap_err();
            assert_eq!((error.fault(), error.code()), (Fault::Config, "source-cases/denied"));
            assert!(error.to_string().contains(&format!("grant cases:{operation} on ")), "{error}");
        }
        let error = Names::ask(asked(&server(), Some("d-2"))).await.unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Config, "source-cases/no-domain"));
    });
}
