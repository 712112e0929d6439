//! What a payload is.

use std::borrow::Cow;

use tributary_core::SkipReason;

use crate::json::{Cursor, Key, Kind, SyntaxError};

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// An agent event.
    Agent,
    /// An EventBridge event of a case.
    Case,
    /// An answer of GetCaseAuditEvents.
    CaseAudit,
    /// A line of a contact flow log.
    FlowLog,
    /// A contact event of EventBridge.
    Contact,
    /// An answer of ListTestCaseExecutions.
    TestCases,
    /// Recognised, and nothing is made of it.
    Skipped(SkipReason),
    /// None of the known ones.
    Unknown,
}

/// The keys by which families are told apart.
const KEYS: &[&str] = &[
    "\"AWSContactTraceRecordFormatVersion\":",
    "\"AgentARN\":",
    "\"ContactFlowId\":",
    "\"ContactFlowModuleType\":",
    "\"ContactId\":",
    "\"EventType\":",
    "\"TestCaseExecutions\":",
    "\"auditEvents\":",
    "\"contactflowid\":",
    "\"contactflowmoduletype\":",
    "\"contactid\":",
    "\"detail\":",
    "\"detail-type\":",
    "\"source\":",
];

/// Recognises one payload by the keys of its top object, whatever their order. The whole text is checked: one that is
/// not a single JSON value is an error.
pub(crate) fn recognise(text: &str) -> Result<Payload, SyntaxError> {
    let mut cursor = Cursor::new(text);
    if cursor.kind()? != Kind::Object {
        cursor.skip()?;
        cursor.end()?;
        return Ok(Payload::Unknown);
    }
    let mut has = [false; KEYS.len()];
    let (mut detail_type, mut source) = (Cow::Borrowed(""), Cow::Borrowed(""));
    let mut object = cursor.object()?;
    while let Some(key) = cursor.key(&mut object, KEYS)? {
        let is_text = cursor.kind()? == Kind::Text;
        match key {
            Key::Known(index) => {
                has[index] = true;
                match index {
                    12 if is_text => detail_type = cursor.string()?,
                    13 if is_text => source = cursor.string()?,
                    _ => cursor.skip()?,
                }
            }
            Key::Unknown(_) => cursor.skip()?,
        }
    }
    cursor.end()?;
    let [ctr, agent, flow, block, contact, event_type, test, audit, flow_low, block_low, contact_low, detail, kind, _] =
        has;
    Ok(if event_type && agent {
        Payload::Agent
    } else if ctr {
        Payload::Skipped(SkipReason::ContactRecord)
    } else if detail && kind {
        event_bridge(&source, &detail_type)
    } else if block || (flow && contact) || block_low || (flow_low && contact_low) {
        Payload::FlowLog
    } else if audit {
        Payload::CaseAudit
    } else if test {
        Payload::TestCases
    } else {
        Payload::Unknown
    })
}

/// What an EventBridge event is. The documentation prints two names for contact events, and did so for those of cases.
fn event_bridge(source: &str, detail_type: &str) -> Payload {
    match (source, detail_type) {
        ("aws.cases", "Amazon Connect Cases Change" | "Amazon Connect Cases Event") => Payload::Case,
        ("aws.connect", "Amazon Connect Contact Event" | "Connect Customer Contact Event") => Payload::Contact,
        _ => Payload::Skipped(SkipReason::OtherEvent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        let skipped = Payload::Skipped;
        for (text, expect) in [
            (r#"{"AgentARN":null,"EventType":"X"}"#, Payload::Agent),
            (
                r#"{"AWSContactTraceRecordFormatVersion":"1","AgentARN":1,"ContactId":"c"}"#,
                skipped(SkipReason::ContactRecord),
            ),
            (r#"{"detail-type":"Amazon Connect Cases Change","source":"aws.cases","detail":{}}"#, Payload::Case),
            (r#"{"detail-type":"Amazon Connect Cases Event","source":"aws.cases","detail":{}}"#, Payload::Case),
            (r#"{"detail-type":"x","source":"aws.cases","detail":{}}"#, skipped(SkipReason::OtherEvent)),
            (r#"{"source":"aws.connect","detail":{},"detail-type":"Amazon Connect Contact Event"}"#, Payload::Contact),
            (r#"{"source":"aws.connect","detail":{},"detail-type":"Contact Lens"}"#, skipped(SkipReason::OtherEvent)),
            (r#"{"ContactFlowId":"a","ContactId":"b"}"#, Payload::FlowLog),
            (r#"{"contactflowmoduletype":"Wait"}"#, Payload::FlowLog),
            (r#"{"auditEvents":[]}"#, Payload::CaseAudit),
            (r#"{"TestCaseExecutions":[]}"#, Payload::TestCases),
            (r#"{"EventType":"LOGIN"}"#, Payload::Unknown),
            ("[1]", Payload::Unknown),
            ("7", Payload::Unknown),
        ] {
            assert_eq!(recognise(text), Ok(expect), "{text}");
        }
        assert!(recognise(r#"{"EventType":"LOGIN""#).is_err());
        assert!(recognise(r#"{} {}"#).is_err());
    }
}
