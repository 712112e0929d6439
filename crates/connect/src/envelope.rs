//! Which family a payload belongs to.

use std::borrow::Cow;

use tributary_core::SkipReason;

use crate::json::{Cursor, Key, Kind, SyntaxError};

/// The family of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// An agent event.
    Agent,
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
pub(crate) fn recognise(text: &str) -> Result<Family, SyntaxError> {
    let mut cursor = Cursor::new(text);
    if cursor.kind()? != Kind::Object {
        cursor.skip()?;
        cursor.end()?;
        return Ok(Family::Unknown);
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
        Family::Agent
    } else if ctr {
        Family::Skipped(SkipReason::ContactRecord)
    } else if detail && kind {
        Family::Skipped(event_bridge(&source, &detail_type))
    } else if block || (flow && contact) || block_low || (flow_low && contact_low) {
        Family::Skipped(SkipReason::FlowLog)
    } else if audit {
        Family::Skipped(SkipReason::CaseAudit)
    } else if test {
        Family::Skipped(SkipReason::TestCase)
    } else {
        Family::Unknown
    })
}

/// The family of an EventBridge event. The documentation prints two names for contact events.
fn event_bridge(source: &str, detail_type: &str) -> SkipReason {
    match (source, detail_type) {
        ("aws.cases", _) => SkipReason::Case,
        ("aws.connect", "Amazon Connect Contact Event" | "Connect Customer Contact Event") => SkipReason::Contact,
        _ => SkipReason::OtherEvent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        let skipped = Family::Skipped;
        for (text, expect) in [
            (r#"{"AgentARN":null,"EventType":"X"}"#, Family::Agent),
            (
                r#"{"AWSContactTraceRecordFormatVersion":"1","AgentARN":1,"ContactId":"c"}"#,
                skipped(SkipReason::ContactRecord),
            ),
            (r#"{"detail-type":"x","source":"aws.cases","detail":{}}"#, skipped(SkipReason::Case)),
            (
                r#"{"source":"aws.connect","detail":{},"detail-type":"Amazon Connect Contact Event"}"#,
                skipped(SkipReason::Contact),
            ),
            (r#"{"source":"aws.connect","detail":{},"detail-type":"Contact Lens"}"#, skipped(SkipReason::OtherEvent)),
            (r#"{"ContactFlowId":"a","ContactId":"b"}"#, skipped(SkipReason::FlowLog)),
            (r#"{"contactflowmoduletype":"Wait"}"#, skipped(SkipReason::FlowLog)),
            (r#"{"auditEvents":[]}"#, skipped(SkipReason::CaseAudit)),
            (r#"{"TestCaseExecutions":[]}"#, skipped(SkipReason::TestCase)),
            (r#"{"EventType":"LOGIN"}"#, Family::Unknown),
            ("[1]", Family::Unknown),
            ("7", Family::Unknown),
        ] {
            assert_eq!(recognise(text), Ok(expect), "{text}");
        }
        assert!(recognise(r#"{"EventType":"LOGIN""#).is_err());
        assert!(recognise(r#"{} {}"#).is_err());
    }
}
