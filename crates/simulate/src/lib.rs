//! A seeded contact centre: agent events in the shape of real ones, millions of them, and the truth to compare with.
//!
//! Agents work shifts, some over midnight; they take calls, chats, tasks and e-mails, several at once; miss, refuse,
//! hold, consult, transfer; do after-contact work, pause, are reconfigured, send heart beats, sign out or do not. The
//! behaviour is that of the Amazon Connect admin guide ("Agent event streams data model") and of captured streams.
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
//! # Invariants
//! - Pure: the same options give the same bytes on every machine, for ever. No clock, no environment, no I/O but the
//!   writers handed in.
//! - The previous snapshot of an agent's event is byte-equal to the current one of its event before, heart beats left
//!   out (unless snapshots are shuffled).
//! - Event times rise strictly within an agent, and event ids never repeat.
//! - Rates of repeats, disorder, broken and foreign lines change nothing of what is acted out.
//! - Memory for an agent is constant.
//!
//! # Deliberately absent
//! Anything of `connect`: the truth shares no code with what it checks. Wrappers and compression: they are the
//! framing's subject. Real people, phone numbers and accounts.

mod agent;
mod calls;
mod chats;
mod contact;
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
