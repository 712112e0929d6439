//! One contact: what it is, and the means by which things happen to it. Moments are milliseconds since 1970.

use crate::contact::Channel;
use crate::flows::catalogue::{Catalogue, Queue, Resource};
use crate::random::{Random, Uuid};

/// What of a contact never changes.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) id: Uuid,
    /// The contact that it was transferred from.
    pub(crate) previous: Option<Uuid>,
    pub(crate) channel: Channel,
    pub(crate) method: &'static str,
    pub(crate) sub_type: Option<&'static str>,
    /// Whether there are contact events of it.
    pub(crate) is_told: bool,
    /// A place in [`Catalogue::agents`].
    pub(crate) agent: usize,
    pub(crate) initiated: i64,
}

/// What contact events know of a contact by then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) system: Option<i64>,
    pub(crate) queued: Option<(Queue, i64)>,
    pub(crate) agent: Option<i64>,
    pub(crate) disconnected: Option<i64>,
}

/// A contact event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) at: i64,
    pub(crate) known: Known,
    pub(crate) is_repeated: bool,
}

/// What a block is set to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameters {
    /// The key is not there.
    Absent,
    Empty,
    Logging,
    Recording,
    Queue(Queue),
    Flow(usize),
    Module(usize),
    Phone,
    /// A place in [`crate::flows::catalogue::PROMPTS`].
    Prompt(usize),
    Input(usize),
    Attribute(usize),
    Lambda,
}

/// A block as it is logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) kind: &'static str,
    pub(crate) parameters: Parameters,
    pub(crate) results: Option<&'static str>,
}

/// A line of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) at: i64,
    /// A place in [`Play::executions`].
    pub(crate) execution: usize,
    /// Tells the blocks of a flow apart.
    pub(crate) number: u32,
    pub(crate) block: Block,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    Line(Line),
    Event(Event),
}

/// How the lake spells what came of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Dropped,
    Disconnected,
    Ended,
    Returned,
    ToQueue,
    ToAgent,
    ToFlow,
    ToPhone,
}

impl Outcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "DROPPED",
            Self::Disconnected => "DISCONNECTED_PARTICIPANT",
            Self::Ended => "ENDED_FLOW_EXECUTION",
            Self::Returned => "RETURNED_TO_FLOW",
            Self::ToQueue => "TRANSFERRED_TO_QUEUE",
            Self::ToAgent => "TRANSFERRED_TO_AGENT",
            Self::ToFlow => "TRANSFERRED_TO_FLOW",
            Self::ToPhone => "TRANSFERRED_TO_PHONE_NUMBER",
        }
    }
}

/// Where an execution went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nowhere,
    Flow(usize),
    Queue(Queue),
}

/// A flow or module that a contact runs.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) resource: Resource,
    /// Of a module: itself, what invoked it, and so on to the flow.
    pub(crate) stack: Vec<Resource>,
    /// Moments of the first line and of the last one.
    pub(crate) start: i64,
    pub(crate) last: i64,
    pub(crate) lines: u32,
    pub(crate) end: Option<(i64, Outcome)>,
    pub(crate) next: Next,
}

/// A contact as it was acted out.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) contact: Contact,
    /// What is to be told, the latest first, with the moment at which it comes.
    pub(crate) left: Vec<(i64, Happening)>,
    pub(crate) executions: Vec<Execution>,
}

/// A contact that is being acted out.
pub(crate) struct Act<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) chance: &'a mut Random,
    pub(crate) contact: Contact,
    pub(crate) known: Known,
    pub(crate) now: i64,
    /// The last moment of the simulation, which long waits respect.
    pub(crate) until: i64,
    /// A line that a block still writes when the customer has gone.
    pub(crate) late: Option<Line>,
    pub(crate) executions: Vec<Execution>,
    told: Vec<(i64, Happening)>,
    numbers: u32,
}

impl<'a> Act<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, contact: Contact, until: i64, chance: &'a mut Random) -> Self {
        let now = contact.initiated;
        Self {
            catalogue,
            chance,
            contact,
            known: Known::default(),
            now,
            until,
            late: None,
            executions: Vec::new(),
            told: Vec::new(),
            numbers: 0,
        }
    }

    /// What is to be told of the contact, in the order in which it comes.
    pub(crate) fn curtain(mut self) -> Play {
        self.told.sort_by_key(|(at, _)| *at);
        self.told.reverse();
        Play { contact: self.contact, left: self.told, executions: self.executions }
    }

    /// Lets milliseconds pass, at least one.
    pub(crate) fn pass(&mut self, low: i64, high: i64) {
        self.now += self.chance.between(low.max(1), high);
    }

    /// The contact enters a flow, or a module that an execution invokes.
    pub(crate) fn enter(&mut self, resource: Resource, invoker: Option<usize>) -> usize {
        let mut stack = Vec::new();
        if let Some(invoker) = invoker.map(|place| &self.executions[place]) {
            stack.push(resource);
            match invoker.resource {
                Resource::Flow(_) => stack.push(invoker.resource),
                Resource::Module(_) => stack.extend_from_slice(&invoker.stack),
            }
        }
        let (start, last) = (self.now, self.now);
        let next = Next::Nowhere;
        self.executions.push(Execution { resource, stack, start, last, lines: 0, end: None, next });
        self.executions.len() - 1
    }

    /// A block runs and writes a line.
    pub(crate) fn run(
        &mut self,
        execution: usize,
        kind: &'static str,
        parameters: Parameters,
        results: Option<&'static str>,
    ) {
        self.numbers += 1;
        let line = Line { at: self.now, execution, number: self.numbers, block: Block { kind, parameters, results } };
        self.write(line);
    }

    /// The block of the line before is over and writes its results.
    pub(crate) fn answer(&mut self, execution: usize, kind: &'static str, results: &'static str) {
        let block = Block { kind, parameters: Parameters::Absent, results: Some(results) };
        self.write(Line { at: self.now, execution, number: self.numbers, block });
    }

    /// A block begins, as [`Self::run`]; the line that is to answer it.
    pub(crate) fn ask(&mut self, execution: usize, kind: &'static str, parameters: Parameters) -> Line {
        self.run(execution, kind, parameters, None);
        let block = Block { kind, parameters: Parameters::Absent, results: None };
        Line { at: self.now, execution, number: self.numbers, block }
    }

    pub(crate) fn write(&mut self, line: Line) {
        let execution = &mut self.executions[line.execution];
        if execution.lines == 0 {
            execution.start = line.at;
        }
        execution.last = execution.last.max(line.at);
        execution.lines += 1;
        self.told.push((line.at, Happening::Line(line)));
    }

    /// The execution is over now.
    pub(crate) fn end(&mut self, execution: usize, outcome: Outcome, next: Next) {
        self.executions[execution].end = Some((self.now, outcome));
        self.executions[execution].next = next;
    }

    /// What runs since that place ends now, in the hands of an agent.
    pub(crate) fn hand_over(&mut self, since: usize) {
        for place in since..self.executions.len() {
            if self.executions[place].end.is_none() {
                self.end(place, Outcome::ToAgent, Next::Nowhere);
            }
        }
    }

    /// What runs when the contact is disconnected is dropped, though a block may still finish its line.
    pub(crate) fn drop_rest(&mut self, at: i64) {
        for execution in self.executions.iter_mut().filter(|execution| execution.end.is_none()) {
            execution.end = Some((at.max(execution.last), Outcome::Dropped));
        }
    }

    /// Something of which a contact event tells, a little later: they come in any order.
    pub(crate) fn tell(&mut self, kind: &'static str, at: i64) {
        self.deliver(Event { kind, at, known: self.known, is_repeated: false }, 1_500);
    }

    /// The same event once more, under another id.
    pub(crate) fn tell_again(&mut self, kind: &'static str, at: i64) {
        self.deliver(Event { kind, at, known: self.known, is_repeated: true }, 4_000);
    }

    fn deliver(&mut self, event: Event, latest: i64) {
        let delay = self.chance.between(20, latest);
        if self.contact.is_told {
            self.told.push((event.at + delay, Happening::Event(event)));
        }
    }
}
