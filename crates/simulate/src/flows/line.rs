//! A line of a contact flow log, as Amazon Connect writes it.
//!
//! The shape is that of the admin guide ("Flow logs") and of captured lines. Keys come in any order.

use crate::agent::Marks;
use crate::cases::domain::text;
use crate::flows::act::{Line, Parameters, Play};
use crate::flows::catalogue::{Catalogue, PROMPTS};
use crate::random::Random;
use crate::text::moment;

type Members = Vec<(&'static str, String)>;

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Keys in lower case, as Glue writes them.
    pub(crate) is_lower: bool,
    /// A space behind each comma and colon.
    is_spaced: bool,
}

impl Style {
    pub(crate) fn by_chance(is_lower: bool, random: &mut Random) -> Self {
        Self { is_lower, is_spaced: random.chance(300) }
    }
}

/// Appends the line, without an end of line.
pub(crate) fn push_line(
    out: &mut Vec<u8>,
    (catalogue, play, line): (&Catalogue, &Play, &Line),
    style: Style,
    random: &mut Random,
) -> Marks {
    let mut members = members(catalogue, play, line, random);
    reorder(&mut members, random);
    let mut marks = Marks { id: 0, timestamp: 0 };
    for (place, (key, value)) in members.iter().enumerate() {
        out.extend_from_slice(match (place, style.is_spaced) {
            (0, _) => b"{",
            (_, false) => b",",
            (_, true) => b", ",
        });
        push_key(out, key, style);
        match *key {
            "ContactId" => marks.id = out.len() + 1,
            "Timestamp" => marks.timestamp = out.len() + 1,
            _ => {}
        }
        if *key == "Parameters" && style.is_lower {
            out.extend_from_slice(with_lower_keys(value).as_bytes());
        } else {
            out.extend_from_slice(value.as_bytes());
        }
    }
    out.push(b'}');
    marks
}

fn push_key(out: &mut Vec<u8>, key: &str, style: Style) {
    out.push(b'"');
    if style.is_lower {
        out.extend(key.bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        out.extend_from_slice(key.as_bytes());
    }
    out.extend_from_slice(if style.is_spaced { b"\": " } else { b"\":" });
}

/// Parameters with their keys in lower case: every second string between quotes that are not escaped.
fn with_lower_keys(object: &str) -> String {
    let (mut quotes, mut is_escaped) = (0, false);
    let lower = |letter: char| {
        let is_quote = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        quotes += u32::from(is_quote);
        // Inside of the first string of each pair.
        if quotes % 4 == 1 { letter.to_ascii_lowercase() } else { letter }
    };
    object.chars().map(lower).collect()
}

fn members(catalogue: &Catalogue, play: &Play, line: &Line, random: &mut Random) -> Members {
    let execution = &play.executions[line.execution];
    let piece = catalogue.piece(execution.resource);
    let version = if random.chance(30) { ":7" } else { "" };
    let mut members = vec![
        ("ContactId", quoted(text(&play.contact.id))),
        ("ContactFlowId", quoted(&format!("{}{version}", piece.arn))),
    ];
    if !random.chance(30) {
        members.push(("ContactFlowName", quoted(piece.name)));
    }
    members.push(("ContactFlowModuleType", quoted(line.block.kind)));
    if piece.names_blocks {
        members.push(("Identifier", quoted(&format!("{} {}", line.block.kind, line.number))));
    }
    members.push(("Timestamp", quoted(&moment(line.at))));
    if let Some(parameters) = parameters(catalogue, line.block.parameters) {
        members.push(("Parameters", parameters));
    }
    if let Some(results) = line.block.results {
        members.push(("Results", quoted(results)));
        if results == "Success" {
            members.push(("ExternalResults", r#"{"tier":"gold","open_orders":"2"}"#.to_owned()));
        }
    }
    if !execution.stack.is_empty() {
        let arns: Vec<String> = execution.stack.iter().map(|of| quoted(&catalogue.piece(*of).arn)).collect();
        members.push(("ModuleExecutionStack", format!("[{}]", arns.join(","))));
    }
    members
}

/// As the guide has them, by the alphabet, or in any order.
fn reorder(members: &mut [(&str, String)], random: &mut Random) {
    match random.below(3) {
        0 => {}
        1 => members.sort_by_key(|(key, _)| *key),
        _ => {
            for place in (1..members.len()).rev() {
                members.swap(place, random.below(place + 1));
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn parameters(catalogue: &Catalogue, parameters: Parameters) -> Option<String> {
    let json = match parameters {
        Parameters::Absent => return None,
        Parameters::Empty => "{}".to_owned(),
        Parameters::Logging => r#"{"LoggingBehavior":"Enable"}"#.to_owned(),
        Parameters::Recording => {
            r#"{"RecordingBehaviorOption":"Enable","RecordingParticipantOption":"All"}"#.to_owned()
        }
        Parameters::Queue(queue) => format!(r#"{{"Queue":"{}"}}"#, catalogue.queue_arn(queue)),
        Parameters::Flow(flow) => format!(r#"{{"ContactFlowId":"{}"}}"#, catalogue.flows[flow].arn),
        Parameters::Module(module) => format!(r#"{{"FlowModuleId":"{}"}}"#, catalogue.modules[module].id),
        Parameters::Phone => r#"{"PhoneNumber":"+15550100123","Timeout":"30"}"#.to_owned(),
        Parameters::Prompt(text) => {
            format!(r#"{{"Text":"{}","TextToSpeechType":"text","Voice":"Joanna"}}"#, PROMPTS[text])
        }
        Parameters::Input(text) => {
            format!(r#"{{"MaxDigits":"1","Text":"{}","Timeout":"5000"}}"#, PROMPTS[text])
        }
        Parameters::Attribute(value) => format!(r#"{{"Key":"path","Value":"{value}"}}"#),
        Parameters::Lambda => {
            let account = &catalogue.account;
            format!(r#"{{"FunctionArn":"arn:aws:lambda:us-west-2:{account}:function:look-up","TimeLimit":"8000"}}"#)
        }
    };
    Some(json)
}
