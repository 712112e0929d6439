//! What contacts do: they come in, run flows and modules, wait, are connected, hang up.

use crate::contact::Channel;
use crate::flows::act::{Act, Next, Outcome, Parameters};
use crate::flows::catalogue::{PROMPTS, Queue, Resource, Role};

/// `None` where the customer has hung up: nothing goes on from there.
pub(crate) type Going = Option<()>;

const ANSWERS: [&str; 6] = ["1", "2", "Timeout", "Error", "FallbackIntent", "OrderStatus"];

/// Most flows that a contact transfers to, and most queues that it waits in.
pub(crate) const TURNS: usize = 3;

impl Act<'_> {
    /// Acts the whole contact out.
    pub(crate) fn perform(&mut self) {
        self.tell("INITIATED", self.now);
        let going = match self.contact.method {
            "CALLBACK" => self.call_back(),
            "OUTBOUND" => self.call_out(),
            _ => self.come_in(),
        };
        self.leave(going.is_none());
    }

    fn come_in(&mut self) -> Going {
        self.reach_system();
        match self.contact.method {
            "TRANSFER" => self.arrive_from_agent(),
            _ => {
                let flow = self.catalogue.flow(Role::Inbound, self.chance);
                let execution = self.enter(Resource::Flow(flow), None);
                self.greet(execution)?;
                self.go_on(execution, flow, 0)
            }
        }
    }

    fn reach_system(&mut self) {
        self.pass(200, 900);
        self.known.system = Some(self.now);
        self.tell("CONNECTED_TO_SYSTEM", self.now);
        self.pass(15, 250);
    }

    /// A call that was asked for earlier; it has waited without a flow.
    fn call_back(&mut self) -> Going {
        let queue = self.catalogue.queue(self.chance);
        self.pass(100, 900);
        self.known.queued = Some((queue, self.now));
        self.tell("QUEUED", self.now);
        self.pass(2_000, 240_000);
        let since = self.executions.len();
        self.connect(since)
    }

    fn call_out(&mut self) -> Going {
        self.reach_system();
        self.meet_agent(self.executions.len());
        self.whisper(Role::OutboundWhisper)?;
        self.talk()
    }

    /// What the first blocks of a flow do. Where logging was switched on before, no line says so.
    fn greet(&mut self, execution: usize) -> Going {
        if self.chance.chance(850) {
            self.run(execution, "SetLoggingBehavior", Parameters::Logging, None);
            self.blink();
        } else {
            self.prompt(execution, "PlayPrompt");
        }
        if self.chance.chance(500) {
            self.run(execution, "SetRecordingBehavior", Parameters::Recording, None);
            self.pass(3, 30);
        }
        for _ in 0..=self.chance.below(4) {
            self.step(execution, 0)?;
        }
        Some(())
    }

    /// Blocks follow one another at once, some within a millisecond.
    pub(crate) fn blink(&mut self) {
        if self.chance.chance(900) {
            self.pass(2, 25);
        }
    }

    /// Any block that ends nothing. `depth` is that of modules.
    pub(crate) fn step(&mut self, execution: usize, depth: usize) -> Going {
        let outcome = |flag: bool| Some(if flag { "true" } else { "false" });
        match self.chance.below(10) {
            0..3 => self.ask_customer(execution)?,
            3 => {
                let flag = self.chance.chance(800);
                self.run(execution, "CheckHoursOfOperation", Parameters::Empty, outcome(flag));
            }
            4 => {
                let flag = self.chance.chance(700);
                self.run(execution, "CheckStaffing", Parameters::Empty, outcome(flag));
            }
            5 => {
                let value = self.chance.below(ANSWERS.len());
                self.run(execution, "SetAttributes", Parameters::Attribute(value), None);
            }
            6 => self.ask_lambda(execution),
            7 if depth < 2 => self.call_module(execution, depth)?,
            _ => self.prompt(execution, "PlayPrompt"),
        }
        self.pass(5, 400);
        self.stay(15)
    }

    /// Stays, or hangs up so many times in a thousand.
    pub(crate) fn stay(&mut self, per_mille: usize) -> Going {
        (!self.chance.chance(per_mille)).then_some(())
    }

    pub(crate) fn prompt(&mut self, execution: usize, kind: &'static str) {
        let prompt = self.chance.below(PROMPTS.len());
        self.run(execution, kind, Parameters::Prompt(prompt), None);
        self.pass(300, 6_000);
    }

    /// Writes a line when it begins and one when it is over, sometimes after the customer has hung up.
    fn ask_customer(&mut self, execution: usize) -> Going {
        let kind = if self.chance.chance(850) { "GetUserInput" } else { "StoreUserInput" };
        let prompt = self.chance.below(PROMPTS.len());
        let mut answer = self.ask(execution, kind, Parameters::Input(prompt));
        self.pass(500, 12_000);
        if self.chance.chance(40) {
            answer.block.results = Some("Error");
            self.late = Some(answer);
            return None;
        }
        let result = ANSWERS[self.chance.below(ANSWERS.len())];
        self.answer(execution, kind, result);
        Some(())
    }

    fn ask_lambda(&mut self, execution: usize) {
        let is_old = self.chance.chance(500);
        let kind = if is_old { "InvokeExternalResource" } else { "InvokeLambdaFunction" };
        let is_refused = self.chance.chance(100);
        let result = if is_refused { "Status Code: 403; Error Code: AccessDeniedException" } else { "Success" };
        self.pass(30, 2_000);
        self.run(execution, kind, Parameters::Lambda, Some(result));
    }

    /// A module that comes back; sometimes it is invoked again at once.
    pub(crate) fn call_module(&mut self, execution: usize, depth: usize) -> Going {
        let module = self.module_for(execution);
        let times = if self.chance.chance(250) { 2 } else { 1 };
        for _ in 0..times {
            let inner = self.invoke(execution, module);
            for _ in 0..=self.chance.below(3) {
                self.step(inner, depth + 1)?;
            }
            self.run(inner, "ReturnFromFlowModule", Parameters::Empty, None);
            self.end(inner, Outcome::Returned, Next::Nowhere);
            self.pass(2, 40);
        }
        Some(())
    }

    pub(crate) fn invoke(&mut self, execution: usize, module: usize) -> usize {
        if self.chance.chance(700) {
            self.run(execution, "InvokeFlowModule", Parameters::Module(module), None);
            self.pass(2, 40);
        }
        self.enter(Resource::Module(module), Some(execution))
    }

    /// A module that is not under way already.
    pub(crate) fn module_for(&mut self, execution: usize) -> usize {
        let count = self.catalogue.modules.len();
        let chosen = self.chance.below(count);
        match self.executions[execution].resource {
            Resource::Module(own) if own == chosen => (chosen + 1) % count,
            _ => chosen,
        }
    }

    /// How a flow goes on when its blocks have run. `first` is the flow that the contact came in by.
    fn go_on(&mut self, execution: usize, first: usize, turns: usize) -> Going {
        match self.chance.below(100) {
            0..18 if turns < TURNS => self.change_flow(execution, first, turns),
            // Menus send contacts back and forth.
            18..34 if turns == 1 => self.change_flow(execution, first, turns),
            0..60 => {
                let queue = self.catalogue.queue(self.chance);
                self.queue_up(execution, queue, 0)
            }
            60..70 => {
                let queue = Queue::Agent(self.contact.agent);
                self.queue_up(execution, queue, 0)
            }
            70..78 if self.contact.channel == Channel::Voice => self.dial(execution),
            _ => self.say_goodbye(execution),
        }
    }

    /// Another flow, or the first one again.
    fn change_flow(&mut self, execution: usize, first: usize, turns: usize) -> Going {
        let is_back = turns > 0 && self.chance.chance(600);
        let flow = if is_back { first } else { self.catalogue.flow(Role::Further, self.chance) };
        if self.chance.chance(150) {
            self.run(execution, "TransferToFlow", Parameters::Flow(flow), Some("Error"));
            self.pass(5, 50);
            return self.go_on(execution, first, TURNS);
        }
        let (kind, parameters) = match self.chance.below(4) {
            0 => ("Transfer", Parameters::Flow(flow)),
            1 => ("TransferToFlow", Parameters::Empty),
            _ => ("TransferToFlow", Parameters::Flow(flow)),
        };
        self.run(execution, kind, parameters, None);
        self.end(execution, Outcome::ToFlow, Next::Flow(flow));
        self.pass(5, 200);
        let next = self.enter(Resource::Flow(flow), None);
        self.greet(next)?;
        self.go_on(next, first, turns + 1)
    }

    fn dial(&mut self, execution: usize) -> Going {
        let kind = match self.chance.below(4) {
            0 => "Dial",
            1 => "TransferToPhoneNumber",
            2 => "TransferParticipantToThirdParty",
            _ => "Transfer",
        };
        if self.chance.chance(100) {
            self.run(execution, kind, Parameters::Phone, Some("Error"));
            self.pass(5, 50);
            return self.say_goodbye(execution);
        }
        self.run(execution, kind, Parameters::Phone, None);
        self.end(execution, Outcome::ToPhone, Next::Nowhere);
        self.pass(20_000, 600_000);
        Some(())
    }

    pub(crate) fn say_goodbye(&mut self, execution: usize) -> Going {
        self.prompt(execution, "PlayPrompt");
        self.stay(40)?;
        let kind = if self.chance.chance(850) { "Disconnect" } else { "DisconnectParticipant" };
        self.run(execution, kind, Parameters::Empty, None);
        self.end(execution, Outcome::Disconnected, Next::Nowhere);
        Some(())
    }

    /// An agent sent the contact: the queue was set where no line tells of it.
    fn arrive_from_agent(&mut self) -> Going {
        let is_agents = self.chance.chance(350);
        let role = if is_agents { Role::AgentTransfer } else { Role::QueueTransfer };
        let queue = if is_agents { Queue::Agent(self.contact.agent) } else { self.catalogue.queue(self.chance) };
        let flow = self.catalogue.flow(role, self.chance);
        let execution = self.enter(Resource::Flow(flow), None);
        for kind in ["CheckHoursOfOperation", "CheckStaffing"] {
            self.run(execution, kind, Parameters::Empty, Some("true"));
            self.pass(5, 50);
        }
        self.prompt(execution, "PlayPrompt");
        self.stay(30)?;
        // Without contact events nobody could tell which queue it was.
        if !self.contact.is_told {
            self.set_queue(execution, queue);
        }
        self.transfer(execution, queue);
        self.wait(queue, 0)
    }

    /// The contact is over; of some that hung up nobody ever hears.
    fn leave(&mut self, has_hung_up: bool) {
        let queued = self.known.queued.map_or(i64::MIN, |(_, at)| at);
        self.now = self.now.max(queued);
        self.pass(2, 900);
        if let Some(mut line) = self.late.take() {
            line.at = self.now + self.chance.between(1, 250);
            self.write(line);
        }
        if !self.contact.is_told || has_hung_up && self.chance.chance(120) {
            return;
        }
        let at = self.now;
        self.known.disconnected = Some(at);
        self.tell("DISCONNECTED", at);
        if self.chance.chance(120) {
            self.tell_again("DISCONNECTED", at);
        }
        if self.chance.chance(700) {
            self.tell("COMPLETED", at);
        }
        self.drop_rest(at);
    }
}
