//! What becomes of contacts that want an agent: they wait in queues, are connected, spoken to, put on hold.

use crate::contact::Channel;
use crate::flows::act::{Act, Next, Outcome, Parameters};
use crate::flows::catalogue::{Queue, Resource, Role};
use crate::flows::story::{Going, TURNS};

impl Act<'_> {
    pub(crate) fn set_queue(&mut self, execution: usize, queue: Queue) {
        self.run(execution, "SetQueue", Parameters::Queue(queue), None);
        self.blink();
    }

    /// Into a queue; if it is full, the flow goes on.
    pub(crate) fn queue_up(&mut self, execution: usize, queue: Queue, turns: usize) -> Going {
        self.set_queue(execution, queue);
        // Names a flow, and goes to none.
        if self.chance.chance(200) {
            let flow = self.catalogue.flow(Role::CustomerQueue, self.chance);
            self.run(execution, "SetCustomerQueueFlow", Parameters::Flow(flow), None);
            self.pass(2, 25);
        }
        for _ in 0..self.chance.below(2) {
            self.step(execution, 2)?;
        }
        if self.chance.chance(120) {
            self.find_full(execution);
            return self.say_goodbye(execution);
        }
        self.transfer(execution, queue);
        self.wait(queue, turns)
    }

    fn find_full(&mut self, execution: usize) {
        self.pass(1, 5);
        if self.chance.chance(500) {
            self.ask(execution, "Transfer", Parameters::Empty);
            self.pass(20, 300);
            self.answer(execution, "Transfer", "true");
        } else {
            self.run(execution, "Transfer", Parameters::Empty, Some("true"));
        }
        self.pass(5, 80);
    }

    pub(crate) fn transfer(&mut self, execution: usize, queue: Queue) {
        self.pass(1, 5);
        match self.chance.below(10) {
            0 => self.run(execution, "TransferContactToQueue", Parameters::Empty, None),
            1 | 2 => self.run(execution, "TransferToQueue", Parameters::Empty, Some("false")),
            3 | 4 => {
                self.ask(execution, "Transfer", Parameters::Empty);
                self.pass(20, 300);
                self.answer(execution, "Transfer", "false");
            }
            _ => self.run(execution, "Transfer", Parameters::Empty, Some("false")),
        }
        let outcome = if matches!(queue, Queue::Agent(_)) { Outcome::ToAgent } else { Outcome::ToQueue };
        self.end(execution, outcome, Next::Queue(queue));
    }

    /// Waits in a queue: its flow writes its first line before or after the moment at which the contact is in it.
    pub(crate) fn wait(&mut self, queue: Queue, turns: usize) -> Going {
        let since = self.executions.len();
        let queued = self.now + self.chance.between(300, 900);
        self.known.queued = Some((queue, queued));
        self.tell("QUEUED", queued);
        self.pass(150, 700);
        let flow = self.catalogue.flow(Role::CustomerQueue, self.chance);
        let execution = self.enter(Resource::Flow(flow), None);
        for _ in 0..=self.chance.below(4) {
            self.prompt(execution, "AddToPlayLoop");
            self.pass(1_000, 40_000);
            self.stay(40)?;
        }
        self.wait_long();
        self.tire(execution, since, turns)
    }

    /// Tasks and e-mails wait for hours, over night.
    fn wait_long(&mut self) {
        let left = (self.until - self.now) / 3;
        let is_patient = matches!(self.contact.channel, Channel::Task | Channel::Email);
        if is_patient && self.chance.chance(800) && left > 60_000 {
            let most = left.min(10 * 3_600_000);
            self.pass(most / 3, most);
        }
    }

    /// What a queue flow does when nobody comes.
    fn tire(&mut self, execution: usize, since: usize, turns: usize) -> Going {
        match self.chance.below(100) {
            0..8 => {
                let other = self.catalogue.queue(self.chance);
                self.set_queue(execution, other);
                self.find_full(execution);
            }
            8..18 if turns < TURNS => {
                let other = self.catalogue.queue(self.chance);
                self.set_queue(execution, other);
                self.transfer(execution, other);
                return self.wait(other, turns + 1);
            }
            18..26 => return self.say_goodbye(execution),
            26..42 => self.interrupt_module(execution)?,
            42..50 => self.call_module(execution, 1)?,
            _ => {}
        }
        self.connect(since)
    }

    /// A module that an agent interrupts, with one inside it or without.
    fn interrupt_module(&mut self, execution: usize) -> Going {
        let module = self.module_for(execution);
        let mut inner = self.invoke(execution, module);
        self.prompt(inner, "PlayPrompt");
        if self.chance.chance(300) {
            let module = self.module_for(inner);
            inner = self.invoke(inner, module);
        }
        self.prompt(inner, "AddToPlayLoop");
        self.stay(30)
    }

    /// An agent takes the contact over from what runs since that place.
    pub(crate) fn connect(&mut self, since: usize) -> Going {
        self.pass(500, 6_000);
        self.meet_agent(since);
        if self.chance.chance(850) {
            self.beside(Role::AgentWhisper, Role::CustomerWhisper, Self::whisper)?;
        }
        self.talk()?;
        for _ in 0..self.chance.below(3) {
            if self.chance.chance(400) {
                self.beside(Role::AgentHold, Role::CustomerHold, Self::hold)?;
                self.talk()?;
            }
        }
        Some(())
    }

    pub(crate) fn meet_agent(&mut self, since: usize) {
        self.known.agent = Some(self.now);
        self.tell("CONNECTED_TO_AGENT", self.now);
        if self.contact.is_told {
            self.hand_over(since);
        }
        self.pass(1, 300);
    }

    /// Two flows run at the same time, one for the agent and one for the customer.
    fn beside(&mut self, one: Role, other: Role, run: fn(&mut Self, Role) -> Going) -> Going {
        let begin = self.now;
        let first = run(self, one);
        let done = std::mem::replace(&mut self.now, begin);
        if self.chance.chance(700) {
            self.pass(1, 400);
        }
        let second = run(self, other);
        self.now = self.now.max(done);
        first.and(second)
    }

    pub(crate) fn whisper(&mut self, role: Role) -> Going {
        let flow = self.catalogue.flow(role, self.chance);
        let execution = self.enter(Resource::Flow(flow), None);
        self.prompt(execution, "PlayPrompt");
        self.stay(10)?;
        self.resume(execution)
    }

    /// A hold flow that comes to its end; or the customer hangs up in it.
    fn hold(&mut self, role: Role) -> Going {
        let flow = self.catalogue.flow(role, self.chance);
        let execution = self.enter(Resource::Flow(flow), None);
        for _ in 0..=self.chance.below(3) {
            self.prompt(execution, "AddToPlayLoop");
            self.pass(1_000, 20_000);
            self.stay(40)?;
        }
        self.resume(execution)
    }

    fn resume(&mut self, execution: usize) -> Going {
        let kind = if self.chance.chance(850) { "Resume" } else { "EndFlowExecution" };
        self.run(execution, kind, Parameters::Empty, None);
        self.end(execution, Outcome::Ended, Next::Nowhere);
        Some(())
    }

    pub(crate) fn talk(&mut self) -> Going {
        self.pass(5_000, 300_000);
        if self.chance.chance(120) {
            self.tell("CONTACT_DATA_UPDATED", self.now);
        }
        Some(())
    }
}
