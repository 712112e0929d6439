//! The contact centre itself: its queues, profiles, statuses and groups, and what an agent's configuration is.
//!
//! Everything that repeats is rendered once, here. Names are JSON string literals, some with escapes and letters beyond
//! ASCII, as real ones have.

use crate::contact::Channel;
use crate::options::Options;
use crate::random::Random;

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) arn: String,
    /// The object of a configuration: ARN, Channels, Name.
    json: String,
    /// The object of a contact: ARN and Name.
    pub(crate) brief: String,
}

/// A routing profile.
#[derive(Debug)]
pub(crate) struct Profile {
    arn: String,
    name: &'static str,
    /// Indices of its inbound queues.
    pub(crate) queues: Vec<usize>,
    /// Most contacts at once, by channel in the order of [`Channel::ALL`]; 0 where it does not take part.
    pub(crate) slots: [u8; 4],
}

/// A status that an agent can choose.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) arn: String,
    /// As a JSON literal.
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
}

/// The statuses' places in [`Instance::statuses`]; from `FIRST_CUSTOM` on they are custom.
pub(crate) const AVAILABLE: u8 = 0;
pub(crate) const OFFLINE: u8 = 1;
pub(crate) const FIRST_CUSTOM: u8 = 2;

/// What of an agent an administrator can change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) profile: u8,
    /// How many levels of the hierarchy the agent has, and which group on each.
    levels: u8,
    groups: [u8; 5],
    /// How many proficiencies, and a number that their levels come from.
    proficiencies: u8,
    skill: u8,
    auto_accept: bool,
}

/// Names of an agent, as JSON literals without their quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
}

/// An agent's configuration, rendered around the one part that changes with each contact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) before_concurrency: Vec<u8>,
    pub(crate) after_concurrency: Vec<u8>,
    /// Where, in the two parts, identifiers end whose last [`VARIED_DIGITS`] digits may be varied.
    pub(crate) varied_before: Vec<u32>,
    pub(crate) varied_after: Vec<u32>,
}

/// How many digits at the end of an identifier are varied: the last group of a UUID.
pub(crate) const VARIED_DIGITS: usize = 12;

/// The contact centre.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) queues: Vec<Queue>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) statuses: Vec<Status>,
    groups: Vec<Vec<String>>,
    hierarchy_levels: u8,
    proficiencies: u8,
}

const REGION: &str = "us-west-2";

const QUEUE_NAMES: [&str; 12] = [
    r#""Orders""#,
    r#""Billing""#,
    r#""Support 1""#,
    r#""Support 2""#,
    r#""Kündigungen""#,
    r#""Service apr\u00e8s-vente""#,
    r#""VIP \"Gold\"""#,
    r#""Campaigns""#,
    r#""Claims\\Motor""#,
    r#""Deliveries""#,
    r#""Web Shop""#,
    r#""Back Office""#,
];

const PROFILE_NAMES: [&str; 6] = [
    r#""Voice and Chat - Europe""#,
    r#""Voice Only - First Line""#,
    r#""Digital Channels Team""#,
    r#""Blended - All Channels""#,
    r#""Équipe fran\u00e7aise""#,
    r#""Second Line \"Experts\"""#,
];

/// Slots for voice, chat, task and e-mail of each profile.
const PROFILE_SLOTS: [[u8; 4]; 6] =
    [[1, 2, 0, 0], [1, 0, 0, 0], [1, 3, 2, 0], [1, 4, 5, 2], [1, 0, 0, 0], [1, 2, 0, 0]];

const STATUSES: [(&str, &str); 7] = [
    (r#""Available""#, "ROUTABLE"),
    (r#""Offline""#, "OFFLINE"),
    (r#""Lunch""#, "CUSTOM"),
    (r#""Break""#, "CUSTOM"),
    (r#""Training""#, "CUSTOM"),
    (r#""R\u00e9union d'équipe""#, "CUSTOM"),
    (r#""Coaching \"1:1\"""#, "CUSTOM"),
];

const GROUP_NAMES: [[&str; 3]; 5] = [
    [r#""EMEA""#, r#""Americas""#, r#""Asia Pacific""#],
    [r#""Customer Service""#, r#""Sales""#, r#""Technical Support""#],
    [r#""Köln""#, r#""Porto""#, r#""Krak\u00f3w""#],
    [r#""Floor 1""#, r#""Floor 2""#, r#""Remote""#],
    [r#""Team \"Falcon\"""#, r#""Team Heron""#, r#""Team Kingfisher""#],
];

const PROFICIENCIES: [(&str, &str); 5] = [
    ("connect:Language", "connect:German"),
    ("connect:Language", "connect:French"),
    ("Product", "Router X200"),
    ("Product", "Solar Inverter"),
    ("Certification", "Level \\\"B\\\""),
];

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Bruno",
    "Chiara",
    "David",
    "Elif",
    "Fatima",
    "Greta",
    "Håkon",
    "Iris",
    "Jos\\u00e9",
    "Kofi",
    "Lena",
    "Mateo",
    "Noor",
    "Oskar",
    "Priya",
];

const LAST_NAMES: [&str; 16] = [
    "Andersen",
    "Bauer",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garc\\u00eda",
    "Horvat",
    "Ivanova",
    "Jansen",
    "Kowalska",
    "Lindqvist",
    "Müller",
    "Nowak",
    "O'Brien",
    "Smith \\\"Smithy\\\"",
];

impl Instance {
    /// The contact centre of these options.
    pub(crate) fn of(options: &Options) -> Self {
        let sizes = Sizes {
            inbound_queues: options.inbound_queues,
            hierarchy_levels: options.hierarchy_levels,
            proficiencies: options.proficiencies,
        };
        Self::new(&mut Random::new(options.seed, 0), &options.account, sizes)
    }

    fn new(random: &mut Random, account: &str, sizes: Sizes) -> Self {
        let id = uuid(random);
        let arn = format!("arn:aws:connect:{REGION}:{account}:instance/{id}");
        let queue_count = QUEUE_NAMES.len().max(usize::from(sizes.inbound_queues) + 4);
        let queues = (0..queue_count)
            .map(|index| {
                let name = QUEUE_NAMES[index % QUEUE_NAMES.len()];
                queue(format!("{arn}/queue/{}", uuid(random)), name, index)
            })
            .collect();
        let profiles = (0..PROFILE_NAMES.len())
            .map(|index| Profile {
                arn: format!("{arn}/routing-profile/{}", uuid(random)),
                name: PROFILE_NAMES[index],
                queues: (0..usize::from(sizes.inbound_queues)).map(|next| (index * 3 + next) % queue_count).collect(),
                slots: PROFILE_SLOTS[index],
            })
            .collect();
        let statuses = STATUSES
            .iter()
            .map(|(name, kind)| Status { arn: format!("{arn}/agent-state/{}", uuid(random)), name, kind })
            .collect();
        let groups = GROUP_NAMES
            .iter()
            .map(|names| {
                let group = |name: &&str| {
                    let group_id = uuid(random);
                    format!(r#"{{"ARN":"{arn}/agent-group/{group_id}","Name":{name}}}"#)
                };
                names.iter().map(group).collect()
            })
            .collect();
        let Sizes { hierarchy_levels, proficiencies, .. } = sizes;
        let account = account.to_owned();
        Self { id, arn, account, queues, profiles, statuses, groups, hierarchy_levels, proficiencies }
    }

    /// A setup by chance.
    pub(crate) fn setup(&self, random: &mut Random) -> Setup {
        Setup {
            profile: random.below(self.profiles.len()) as u8,
            levels: if random.chance(500) { 0 } else { skewed(random, self.hierarchy_levels) },
            groups: std::array::from_fn(|_| random.below(3) as u8),
            proficiencies: skewed(random, self.proficiencies),
            skill: random.below(41) as u8,
            auto_accept: random.chance(200),
        }
    }

    /// Names by chance.
    pub(crate) fn person(random: &mut Random) -> Person {
        let first = FIRST_NAMES[random.below(FIRST_NAMES.len())];
        Person { first, last: LAST_NAMES[random.below(LAST_NAMES.len())] }
    }

    /// Renders an agent's configuration.
    pub(crate) fn configuration(&self, setup: &Setup, person: Person, user: &str, number: usize) -> Configuration {
        let profile = &self.profiles[usize::from(setup.profile)];
        let mut before = Varied::default();
        before.text("{\"AgentHierarchyGroups\":");
        self.push_hierarchy(&mut before, setup);
        before.text(if setup.auto_accept { ",\"AutoAccept\":true" } else { ",\"AutoAccept\":false" });
        let (first, last) = (person.first, person.last);
        before.text(&format!(r#","FirstName":"{first}","LanguageCode":"","LastName":"{last}","Proficiencies":["#));
        for index in 0..usize::from(setup.proficiencies) {
            let (name, value) = PROFICIENCIES[index % PROFICIENCIES.len()];
            let level = 10 + (usize::from(setup.skill) + index * 7) % 41;
            let comma = if index == 0 { "" } else { "," };
            let (whole, tenth) = (level / 10, level % 10);
            before.text(&format!(r#"{comma}{{"Level":{whole}.{tenth},"Name":"{name}","Value":"{value}"}}"#));
        }
        before.text("],\"RoutingProfile\":{\"ARN\":\"");
        before.identifier(&profile.arn);
        before.text("\",\"Concurrency\":[");
        let mut after = Varied::default();
        after.text("],\"DefaultOutboundQueue\":");
        self.push_queue(&mut after, profile.queues[0]);
        after.text(",\"InboundQueues\":[");
        for queue in &profile.queues {
            self.push_queue(&mut after, *queue);
            after.text(",");
        }
        let instance = &self.arn;
        let name = profile.name;
        after.text(&format!(r#"{{"ARN":"{instance}/queue/agent/{user}","Channels":["VOICE"],"Name":null}}]"#));
        after.text(&format!(r#","Name":{name}}},"SipAddress":"","Username":"agent.{number:05}"}}"#));
        Configuration {
            before_concurrency: before.bytes,
            after_concurrency: after.bytes,
            varied_before: before.places,
            varied_after: after.places,
        }
    }

    fn push_queue(&self, out: &mut Varied, queue: usize) {
        let queue = &self.queues[queue];
        out.text("{\"ARN\":\"");
        out.identifier(&queue.arn);
        out.text(&queue.json);
    }

    fn push_hierarchy(&self, out: &mut Varied, setup: &Setup) {
        if setup.levels == 0 {
            return out.text("null");
        }
        let opening = "{\"ARN\":\"".len();
        for (level, group) in setup.groups.iter().enumerate() {
            let separator = if level == 0 { '{' } else { ',' };
            out.text(&format!("{separator}\"Level{}\":", level + 1));
            if level >= usize::from(setup.levels) {
                out.text("null");
                continue;
            }
            let json = &self.groups[level][usize::from(*group)];
            let arn_end = opening + self.arn.len() + "/agent-group/".len() + 36;
            let (head, tail) = json.split_at(arn_end);
            out.identifier(head);
            out.text(tail);
        }
        out.text("}");
    }
}

/// How large configurations become.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    inbound_queues: u8,
    hierarchy_levels: u8,
    proficiencies: u8,
}

/// Text under way, with the places where identifiers end.
#[derive(Default)]
struct Varied {
    bytes: Vec<u8>,
    places: Vec<u32>,
}

impl Varied {
    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn identifier(&mut self, text: &str) {
        self.text(text);
        self.places.push(self.bytes.len() as u32);
    }
}

fn queue(arn: String, name: &'static str, index: usize) -> Queue {
    let channels = match index % 5 {
        0 => r#"["VOICE"]"#,
        1 => r#"["VOICE","CHAT"]"#,
        _ => r#"["VOICE","CHAT","TASK","EMAIL"]"#,
    };
    let json = format!(r#"","Channels":{channels},"Name":{name}}}"#);
    let brief = format!(r#"{{"ARN":"{arn}","Name":{name}}}"#);
    Queue { arn, json, brief }
}

fn uuid(random: &mut Random) -> String {
    random.uuid().iter().map(|byte| char::from(*byte)).collect()
}

/// A number from 0 to `most`, small ones more often: most agents stand high in a hierarchy and have few skills.
fn skewed(random: &mut Random, most: u8) -> u8 {
    let bound = usize::from(most) + 1;
    random.below(bound).min(random.below(bound)).min(random.below(bound)) as u8
}

/// Appends the `Concurrency` objects' contents: `busy` counts the listed contacts by channel.
pub(crate) fn push_concurrency(out: &mut Vec<u8>, slots: &[u8; 4], busy: &[u8; 4], is_routable: bool) {
    let on_voice = busy[0] > 0;
    let on_anything = busy.iter().any(|count| *count > 0);
    let mut separator: &[u8] = b"";
    for (index, channel) in Channel::ALL.into_iter().enumerate() {
        if slots[index] == 0 {
            continue;
        }
        let available = slots[index].saturating_sub(busy[index]);
        // A call takes the whole agent; chats, tasks and e-mails only keep calls away.
        let is_blocked = on_voice || (channel == Channel::Voice && on_anything);
        let current = if is_routable && !is_blocked { available } else { 0 };
        out.extend_from_slice(separator);
        out.extend_from_slice(b"{\"AvailableSlots\":");
        out.push(b'0' + available % 10);
        out.extend_from_slice(b",\"Channel\":\"");
        out.extend_from_slice(channel.name().as_bytes());
        out.extend_from_slice(b"\",\"CurrentAvailableSlots\":");
        out.push(b'0' + current % 10);
        out.extend_from_slice(b",\"MaximumSlots\":");
        out.push(b'0' + slots[index] % 10);
        out.push(b'}');
        separator = b",";
    }
}
