//! A seeded contact centre: agent events in the shape of real ones, millions of them, and the truth to compare with.
//!
//! Agents work shifts, some over midnight; they take calls, chats, tasks and e-mails, several at once; miss, refuse,
//! hold, consult, transfer; do after-contact work, pause, are reconfigured, send heart beats, sign out or do not. The
//! behaviour is that of the Amazon Connect admin guide ("Agent event streams data model") and of captured streams.
//! Where they are asked for, cases are opened, changed, closed, opened again and deleted, and get comments, contacts,
//! files, service levels and more: events of EventBridge among those of agents ("Case event streams"), and their
//! histories as answers of GetCaseAuditEvents. And contacts run flows: lines of contact flow logs, bare and wrapped as they
//! are delivered, and the contact events that belong to them.
//!
//! ```
//! use std::time::Duration;
//! use tributary_simulate::{Options, Simulation};
//!
//! let options = Options { agents: 5, duration: Some(Duration::from_secs(3_600)), seed: 7, ..Options::default() };
//! let (mut events, mut truth) = (Vec::new(), Vec::new());
//! let report = Simulation::new(options)?.run(&mut events, Some(&mut truth))?;
//! assert_eq!(events.iter().filter(|byte| **byte == b'\n').count() as u64, report.lines());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Truth
//! One JSON object a line; `kind` says which. Times are UTC with milliseconds, durations are milliseconds.
//!
//! | kind | one line for | keys |
//! | --- | --- | --- |
//! | `simulation` | the run | `instance_id`, `account`, `seed`, `agents` |
//! | `session` | from login (or first sign of life) to logout (or last sign of life) | `agent_id`, `start`, `login`, `end`, `end_reason` |
//! | `status` | a status inside a session | `agent_id`, `status_arn`, `name`, `type`, `status_start`, `start`, `end`, `duration_ms`, `end_reason` |
//! | `segment` | a state of a contact with an agent | `agent_id`, `contact_id`, `initial_contact_id`, `channel`, `state`, `start`, `end`, `duration_ms`, `end_reason` |
//! | `acw` | after-contact work | `agent_id`, `contact_id`, `channel`, `start`, `end`, `duration_ms`, `end_reason` |
//! | `case` | a case whose events are over | `instance_id`, `case_id`, `event_id`, `event_timestamp`, `last_updated_timestamp`, `event_type`, `status`, `custom_fields`, `case_events`, `item_events` |
//! | `cases` | all cases, last | `cases`, `case_events`, `item_events`, `custom_fields`, `event_types`, `item_types` |
//! | `audit` | a field of an audit event, or an audit event without any | `instance_id`, `domain_id`, `case_id`, `event_id`, `performed_timestamp`, `event_type`, `related_item_type`, `field_id`, `old_type`, `old_value`, `new_type`, `new_value`, `performed_by_iam_principal`, `performed_by_user_arn`, `performed_by_custom_entity` |
//! | `audits` | all audit events, before `cases` | `answers`, `audit_events`, `rows`, `event_types` |
//! | `execution` | a flow or a module that a contact ran | `instance_id`, `contact_id`, `resource_type`, `flow_id`, `module_id`, `stack`, `start`, `end`, `outcome`, `next_flow`, `next_queue`, `next_resource_type`, `channel`, `initiation_method`, `sub_type`, `lines`, `open` |
//! | `flows` | all flows, behind their executions | `instance_id`, `contacts`, `executions`, `modules`, `lines`, `distinct_lines`, `bare`, `rows`, `envelopes`, `contact_events`, `delivered_contact_events`, `outcomes` |
//! | `event` | an agent event | `agent_id`, `event_id`, `event_timestamp`, `event_type`, `day`, `contacts`, `departed` |
//!
//! `start` of a status is the later of its own start (`status_start`) and the session's. `login` is null where the
//! stream begins inside the session. `end` and `duration_ms` are null where nothing ends it: a contact that is still
//! listed when its agent's session ends (reason `logout` or `silence`), or the end of the input. Reasons are
//! `next_state`, `contact_gone`, `logout`, `silence` (then `end` is the last heart beat, however soon after it the input
//! ends) and `still_open_at_end_of_input`. A contact that is listed when a session ends is still in the previous
//! snapshot of the agent's next LOGIN, whose current one lists nothing. `contacts` are those of an event's current
//! snapshot, `departed` those of its previous snapshot that the current one lacks. A row of a session, status, segment
//! or work is written when its end is decided, so rows are not ordered by time.
//!
//! A `case` is what its latest event of `CASE.*` says: latest by `event_timestamp`, then `last_updated_timestamp` (null
//! is earliest; an event of a deleted case says nothing but its ids), then `event_id`. Several may share a millisecond.
//! `custom_fields` is the number of values of custom fields in that event, in `cases` in all events. `event_types` and
//! `item_types` are counts by name, in the lake's spelling (`CASE.RELATED_ITEM.CREATED`, `connect`). No count takes
//! repeats and broken lines in.
//!
//! An `audit` is a row of the lake's `case_field_changes`. `old_type` and `new_type` are `string`, `double`, `boolean`,
//! `user_arn` or `empty`; `old_value` and `new_value` are what is in it: a text, a number, a truth value, or null of an
//! empty one. Both are null where the event does not say; all six of a field are where it has no fields. The value
//! before is the one after of the same field of the same case, or of the same item, in the audit event before. `rows`
//! is the number of these lines.
//!
//! An `execution` is what `docs/flows.md` says. `flow_id` of a module is the flow that invoked it, `stack` the ARNs from
//! the module to that flow. `end` and `outcome` are null where nobody heard of an end; `open` says that it may still
//! come, as the last line is less than a day older than the newest moment of the stream. The `lines` of all `flows` are
//! those that were written, repeats among them; `distinct_lines` are log events. `contact_events` differ in contact,
//! type or moment, `delivered_contact_events` in their id; `none` of the outcomes counts executions without one.
//!
//! # Invariants
//! - Pure: the same options give the same bytes on every machine, for ever. No clock, no environment, no I/O but the
//!   writers handed in.
//! - The previous snapshot of an agent's event is byte-equal to the current one of its event before, heart beats left
//!   out (unless snapshots are shuffled).
//! - Event times rise strictly within an agent, and event ids never repeat.
//! - Rates of repeats, disorder, broken and foreign lines change nothing of what is acted out.
//! - Memory for an agent is constant; of cases and contacts with flows only those are kept that are under way.
//! - Cases and flows change nothing of what agents do and tell. An event of a case is far below the 256 KB of
//!   EventBridge.
//! - Flows are told in order of time, but that contact events come up to four seconds late, and an envelope up to five
//!   seconds after its first line.
//! - Audit events change nothing of any other line. They stand in answers of at most 25, the oldest first, which may be
//!   repeated, but are neither late nor broken; one spelling of moments in each, those of the clients of AWS by turns.
//!
//! # Deliberately absent
//! Anything of `connect`: the truth shares no code with what it checks. Wrappers (but those of log lines) and
//! compression: they are the framing's subject. Real people, phone numbers and accounts.

mod agent;
mod calls;
mod cases;
mod chats;
mod contact;
mod flows;
mod foreign;
mod instance;
mod options;
mod random;
mod scene;
mod simulation;
mod stream;
mod text;
mod truth;
mod world;

pub use options::{Error, Options};
pub use simulation::Simulation;
pub use stream::Report;
