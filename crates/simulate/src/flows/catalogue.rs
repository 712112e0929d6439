//! What an instance has of flows: the flows and modules themselves, queues, agents, and the words in their blocks.
//!
//! Names and texts are JSON string literals without their quotes, some with escapes and letters beyond ASCII.

use crate::cases::domain::text;
use crate::instance::Instance;
use crate::random::{Random, Uuid};

/// What a flow is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Contacts come in by it.
    Inbound,
    /// Other flows transfer to it.
    Further,
    QueueTransfer,
    AgentTransfer,
    CustomerQueue,
    AgentWhisper,
    CustomerWhisper,
    AgentHold,
    CustomerHold,
    OutboundWhisper,
}

const FLOWS: [(&str, Role); 15] = [
    ("Main menu", Role::Inbound),
    ("Kündigung", Role::Inbound),
    ("Orders \\\"EU\\\"", Role::Inbound),
    ("Digital entry", Role::Inbound),
    ("Returns", Role::Further),
    ("Apr\\u00e8s-vente", Role::Further),
    ("Default queue transfer", Role::QueueTransfer),
    ("Default agent transfer", Role::AgentTransfer),
    ("Default customer queue", Role::CustomerQueue),
    ("Queue with overflow", Role::CustomerQueue),
    ("Default agent whisper", Role::AgentWhisper),
    ("Default customer whisper", Role::CustomerWhisper),
    ("Default agent hold", Role::AgentHold),
    ("Default customer hold", Role::CustomerHold),
    ("Default outbound", Role::OutboundWhisper),
];

const MODULES: [&str; 4] = ["Identify the customer", "Opening hours", "Consent", "Offer a call back \\\\ later"];

/// Texts of prompts.
pub(crate) const PROMPTS: [&str; 5] = [
    "Welcome to the shop.\\nPlease hold the line.",
    "Für Deutsch drücken Sie die Eins.",
    "All lines are busy \\u2013 thank you for your patience.",
    "Press \\\"one\\\" for orders, two for returns.",
    "Goodbye.",
];

/// A flow or a module.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: &'static str,
    /// Flows that were made long ago have blocks without identifiers.
    pub(crate) names_blocks: bool,
}

/// What runs: a place in [`Catalogue::flows`] or in [`Catalogue::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Flow(usize),
    Module(usize),
}

/// Where a contact waits: a place in [`Catalogue::queues`] or in [`Catalogue::agents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    Standard(usize),
    Agent(usize),
}

/// All that contacts can run into.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) instance_id: String,
    pub(crate) instance_arn: String,
    pub(crate) account: String,
    /// The alias ends the name of the log group.
    pub(crate) alias: String,
    pub(crate) flows: Vec<Piece>,
    pub(crate) modules: Vec<Piece>,
    queues: Vec<String>,
    pub(crate) agents: Vec<String>,
}

/// Most agents that contacts are connected to.
const STAFF: usize = 40;

impl Catalogue {
    pub(crate) fn new(instance: &Instance, agents: &[Uuid], random: &mut Random) -> Self {
        let mut piece = |name, kind: &str| {
            let id = text(&random.uuid()).to_owned();
            Piece { arn: format!("{}/{kind}/{id}", instance.arn), id, name, names_blocks: random.chance(850) }
        };
        let flows = FLOWS.iter().map(|(name, _)| piece(*name, "contact-flow")).collect();
        let modules = MODULES.iter().map(|name| piece(*name, "flow-module")).collect();
        let mut users: Vec<Uuid> = agents.iter().take(STAFF).copied().collect();
        while users.len() < 5 {
            users.push(random.uuid());
        }
        Self {
            instance_id: instance.id.clone(),
            instance_arn: instance.arn.clone(),
            account: instance.account.clone(),
            alias: format!("simulated-{:04}", random.below(10_000)),
            flows,
            modules,
            queues: instance.queues.iter().map(|queue| queue.arn.clone()).collect(),
            agents: users.iter().map(|user| text(user).to_owned()).collect(),
        }
    }

    pub(crate) fn piece(&self, resource: Resource) -> &Piece {
        match resource {
            Resource::Flow(place) => &self.flows[place],
            Resource::Module(place) => &self.modules[place],
        }
    }

    pub(crate) fn queue_arn(&self, queue: Queue) -> String {
        match queue {
            Queue::Standard(place) => self.queues[place].clone(),
            Queue::Agent(place) => format!("{}/queue/agent/{}", self.instance_arn, self.agents[place]),
        }
    }

    /// A flow of that role.
    pub(crate) fn flow(&self, role: Role, random: &mut Random) -> usize {
        let count = FLOWS.iter().filter(|(_, of)| *of == role).count();
        let chosen = random.below(count);
        FLOWS.iter().enumerate().filter(|(_, (_, of))| *of == role).nth(chosen).map_or(0, |(place, _)| place)
    }

    pub(crate) fn queue(&self, random: &mut Random) -> Queue {
        Queue::Standard(random.below(self.queues.len()))
    }
}
