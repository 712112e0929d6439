//! The rules, one by one.

use super::*;
use crate::flow::Said;

const ARN: &str = "arn:aws:connect:eu-central-1:111122223333:instance/i-1";
const DAY: Duration = Duration::from_secs(86_400);

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn flow(id: &str) -> Arc<Lane> {
    Arc::new(Lane { flow: Some(id.into()), module: None, stack: Vec::new() })
}

/// A module that runs in `stack`: modules by `m-`, flows by `f-`.
fn module(stack: &[&str]) -> Arc<Lane> {
    let arn = |id: &&str| -> Arc<str> {
        let kind = if id.starts_with('m') { "flow-module" } else { "contact-flow" };
        format!("{ARN}/{kind}/{id}").into()
    };
    let flow = stack.iter().rev().find(|id| id.starts_with('f')).map(|id| (*id).into());
    Arc::new(Lane { flow, module: Some(stack[0].into()), stack: stack.iter().map(arn).collect() })
}

fn block(second: i64, lane: &Arc<Lane>, kind: &str) -> Block {
    said(second, lane, kind, None, &[])
}

fn said(second: i64, lane: &Arc<Lane>, kind: &str, results: Option<&str>, parameters: &[(&str, &str)]) -> Block {
    let said = Said { kind: Some(kind), results, ..Said::default() };
    Block::new((at(second), &format!("{second:04}")), Arc::clone(lane), said, parameters.iter().copied())
}

/// Of each execution what ran, its first and last second, how it ended, and where to.
fn told(blocks: Vec<Block>, happenings: Vec<(i64, Happening)>) -> Vec<String> {
    let happenings = happenings.into_iter().map(|(second, happening)| (at(second), happening)).collect();
    let found = ContactLog { blocks, happenings }.executions(at(100_000), DAY);
    let one = |execution: &Execution| {
        let second = |at: Timestamp| at.micros() / 1_000_000;
        let end = execution.end.map_or_else(|| "-".to_owned(), |end| second(end).to_string());
        let next = execution.next_flow.as_deref().or(execution.next_queue.as_deref());
        let outcome = execution.outcome.map_or("-", Outcome::as_str);
        let (start, next) = (second(execution.start), next.map_or(String::new(), |next| format!(" {next}")));
        format!("{} {start}-{end} {outcome}{next}", execution.lane.resource())
    };
    found.ended.iter().map(one).collect()
}

#[test]
fn a_queue_flow_runs_until_an_agent_comes() {
    let (main, waiting, whisper) = (flow("f-1"), flow("f-q"), flow("f-w"));
    let queue = format!("{ARN}/queue/Q-1");
    let blocks = vec![
        block(1, &main, "SetLoggingBehavior"),
        said(2, &main, "SetQueue", None, &[("Queue", &queue)]),
        said(3, &main, "Transfer", Some("false"), &[]),
        block(4, &waiting, "AddToPlayLoop"),
        block(9, &whisper, "PlayPrompt"),
        block(10, &whisper, "Resume"),
    ];
    let happenings = vec![
        (5, Happening::Queued { queue: None, is_agents: false }),
        (8, Happening::Connected),
        (20, Happening::Disconnected),
    ];
    assert_eq!(
        told(blocks, happenings),
        ["f-1 1-3 TRANSFERRED_TO_QUEUE q-1", "f-q 4-8 TRANSFERRED_TO_AGENT", "f-w 9-10 ENDED_FLOW_EXECUTION"]
    );
}

#[test]
fn the_queue_of_an_agent_is_the_agent() {
    let (main, queue) = (flow("f-1"), format!("{ARN}/queue/agent/A-7"));
    let blocks =
        vec![said(1, &main, "SetQueue", None, &[("Queue", &queue)]), said(2, &main, "Transfer", Some("false"), &[])];
    assert_eq!(told(blocks, vec![]), ["f-1 1-2 TRANSFERRED_TO_AGENT a-7"]);
}

#[test]
fn transfers_go_where_their_parameters_say() {
    let main = flow("f-1");
    let transfer = |parameters: &[(&str, &str)]| {
        let blocks = vec![said(1, &main, "Transfer", None, parameters), block(2, &flow("f-2"), "Disconnect")];
        told(blocks, vec![]).remove(0)
    };
    let (arn, queue) = (format!("{ARN}/contact-flow/F-9"), format!("{ARN}/queue/q-2"));
    assert_eq!(transfer(&[("ContactFlowId", &arn)]), "f-1 1-1 TRANSFERRED_TO_FLOW f-9");
    assert_eq!(transfer(&[("PhoneNumber", "+4930123456")]), "f-1 1-1 TRANSFERRED_TO_PHONE_NUMBER");
    assert_eq!(transfer(&[("Queue", &queue)]), "f-1 1-1 TRANSFERRED_TO_QUEUE q-2");
    let blocks = vec![block(1, &main, "TransferToFlow"), block(2, &flow("f-2"), "Disconnect")];
    assert_eq!(told(blocks, vec![])[0], "f-1 1-1 TRANSFERRED_TO_FLOW f-2");
    // Of a queue that no line names the event does.
    let queued = |is_agents| vec![(3, Happening::Queued { queue: Some("q-3".into()), is_agents })];
    let transfer = || vec![block(1, &main, "TransferToQueue")];
    assert_eq!(told(transfer(), queued(false)), ["f-1 1-1 TRANSFERRED_TO_QUEUE q-3"]);
    assert_eq!(told(transfer(), queued(true)), ["f-1 1-1 TRANSFERRED_TO_AGENT q-3"]);
}

#[test]
fn what_fails_ends_nothing() {
    let main = flow("f-1");
    for (kind, results) in
        [("Transfer", "true"), ("TransferToQueue", "true"), ("Dial", "Error"), ("Transfer", "Status Code: 403")]
    {
        let blocks = vec![
            said(1, &main, kind, Some(results), &[]),
            block(2, &main, "PlayPrompt"),
            block(3, &main, "Disconnect"),
        ];
        assert_eq!(told(blocks, vec![]), ["f-1 1-3 DISCONNECTED_PARTICIPANT"], "{kind} {results}");
    }
}

#[test]
fn a_block_may_write_two_lines() {
    let main = flow("f-1");
    let first = || said(1, &main, "Transfer", None, &[]);
    let second = |results| said(2, &main, "Transfer", Some(results), &[]);
    assert_eq!(told(vec![first(), second("false")], vec![]), ["f-1 1-2 TRANSFERRED_TO_QUEUE"]);
    let failed = vec![first(), second("Error"), block(3, &main, "Disconnect")];
    assert_eq!(told(failed, vec![]), ["f-1 1-3 DISCONNECTED_PARTICIPANT"]);
    // Entered again, it is another execution.
    let again = vec![first(), second("false"), block(5, &main, "PlayPrompt"), block(6, &main, "Disconnect")];
    assert_eq!(told(again, vec![]), ["f-1 1-2 TRANSFERRED_TO_QUEUE", "f-1 5-6 DISCONNECTED_PARTICIPANT"]);
}

#[test]
fn modules_return_or_take_along_what_invoked_them() {
    let (main, outer, inner) = (flow("f-1"), module(&["m-1", "f-1"]), module(&["m-2", "m-1", "f-1"]));
    let returns = vec![
        block(1, &main, "PlayPrompt"),
        block(2, &outer, "PlayPrompt"),
        block(3, &inner, "PlayPrompt"),
        block(4, &inner, "ReturnFromFlowModule"),
        block(5, &outer, "ReturnFromFlowModule"),
        block(6, &main, "Disconnect"),
    ];
    assert_eq!(
        told(returns, vec![]),
        ["f-1 1-6 DISCONNECTED_PARTICIPANT", "m-1 2-5 RETURNED_TO_FLOW", "m-2 3-4 RETURNED_TO_FLOW"]
    );
    let ends = vec![
        block(1, &main, "PlayPrompt"),
        block(2, &outer, "PlayPrompt"),
        block(3, &inner, "Disconnect"),
        block(4, &flow("f-2"), "Resume"),
    ];
    assert_eq!(
        told(ends, vec![]),
        [
            "f-1 1-3 DISCONNECTED_PARTICIPANT",
            "m-1 2-3 DISCONNECTED_PARTICIPANT",
            "m-2 3-3 DISCONNECTED_PARTICIPANT",
            "f-2 4-4 ENDED_FLOW_EXECUTION"
        ]
    );
}

#[test]
fn a_contact_that_ends_drops_what_runs() {
    let (main, hold) = (flow("f-1"), flow("f-h"));
    let blocks = vec![block(1, &main, "PlayPrompt"), block(2, &hold, "PlayPrompt"), block(6, &main, "PlayPrompt")];
    let ends = vec![(5, Happening::Disconnected), (5, Happening::Disconnected)];
    assert_eq!(told(blocks, ends), ["f-1 1-6 DROPPED", "f-h 2-5 DROPPED"]);
    // A disconnect flow begins behind it.
    let blocks = vec![block(1, &main, "PlayPrompt"), block(7, &flow("f-d"), "Resume")];
    assert_eq!(told(blocks, vec![(5, Happening::Disconnected)]), ["f-1 1-5 DROPPED", "f-d 7-7 ENDED_FLOW_EXECUTION"]);
}

/// Whatever the order in which they are told.
#[test]
fn of_one_moment_an_agent_comes_before_the_end() {
    let blocks =
        || vec![said(1, &flow("f-1"), "Transfer", Some("false"), &[]), block(2, &flow("f-q"), "AddToPlayLoop")];
    for happenings in [[Happening::Connected, Happening::Disconnected], [Happening::Disconnected, Happening::Connected]]
    {
        let happenings = happenings.into_iter().map(|happening| (5, happening)).collect();
        assert_eq!(told(blocks(), happenings)[1], "f-q 2-5 TRANSFERRED_TO_AGENT");
    }
}

/// A caller hangs up while it rings.
#[test]
fn a_contact_may_end_while_a_block_is_at_work() {
    let main = flow("f-1");
    let blocks = vec![said(1, &main, "Dial", None, &[]), said(3, &main, "Dial", Some("Error"), &[])];
    assert_eq!(told(blocks, vec![(2, Happening::Disconnected)]), ["f-1 1-3 DROPPED"]);
}

#[test]
fn a_line_under_two_ids_is_one() {
    let main = flow("f-1");
    let under = |id: &str| {
        let mut line = block(2, &main, "Disconnect");
        line.event_id = id.into();
        line
    };
    assert_eq!(
        told(vec![block(1, &main, "PlayPrompt"), under("a"), under("b")], vec![]),
        ["f-1 1-2 DISCONNECTED_PARTICIPANT"]
    );
}

#[test]
fn the_first_that_is_waited_for_no_more_is_told() {
    let blocks = vec![block(1, &flow("f-1"), "PlayPrompt"), block(9, &flow("f-q"), "AddToPlayLoop")];
    let mut log = ContactLog { blocks, happenings: Vec::new() };
    assert_eq!(log.executions(at(10), DAY).open, Some(at(1)));
}

#[test]
fn what_has_no_end_is_waited_for() {
    let mut log = ContactLog { blocks: vec![block(1, &flow("f-1"), "PlayPrompt")], happenings: Vec::new() };
    let waits = log.executions(at(86_400), DAY);
    assert_eq!((waits.ended.len(), waits.open), (0, Some(at(1))));
    let found = log.executions(at(86_401), DAY);
    assert_eq!((found.ended.len(), found.ended[0].end, found.open), (1, None, None));
}

/// Computed by Python's `uuid.uuid5`.
#[test]
fn ids_are_pinned() {
    let mut log = ContactLog { blocks: vec![block(1, &module(&["m-1", "f-1"]), "Disconnect")], happenings: Vec::new() };
    let found = log.executions(at(2), DAY);
    assert_eq!(found.ended[0].id("i-1", "c-1").to_string(), "b6e5a8ee-b8a1-5508-847e-d9e12fed432a");
}
