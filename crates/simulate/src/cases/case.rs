//! One case: what it is, and what happens to it next.

use crate::cases::domain::{CHOICES, CUSTOM, Domain, ENTITIES, Kind, REASONS, TEXTS, TITLES};
use crate::cases::item::Item;
use crate::random::{Random, Uuid};

/// The value of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A place in [`TEXTS`].
    Text(usize),
    /// Hundredths.
    Number(i64),
    Flag(bool),
    /// Milliseconds since 1970.
    Moment(i64),
    /// A place in [`CHOICES`].
    Choice(usize),
    /// The last part of an address.
    Link(i64),
    /// A place in [`Domain::staff`].
    User(usize),
    Empty,
}

impl Value {
    fn by_chance(kind: Kind, domain: &Domain, at: i64, random: &mut Random) -> Self {
        if random.chance(10) {
            return Self::Empty;
        }
        match kind {
            Kind::Text => Self::Text(random.below(TEXTS.len())),
            Kind::Number => Self::Number(random.between(-10_000, 1_000_000)),
            Kind::Boolean => Self::Flag(random.chance(500)),
            Kind::DateTime => Self::Moment(at + random.between(-90 * DAY, 90 * DAY)),
            Kind::SingleSelect => Self::Choice(random.below(CHOICES.len())),
            Kind::Url => Self::Link(random.between(1, 9_999_999)),
            Kind::User => Self::User(random.below(domain.staff.len())),
        }
    }
}

const DAY: i64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Waiting,
    Closed,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting for customer",
            Self::Closed => "closed",
        }
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A place in [`Domain::staff`].
    User(usize),
    /// A place in [`ENTITIES`].
    Entity(usize),
    /// A principal of IAM, for nobody.
    Principal,
    /// The event does not say, as the earliest did not.
    Unknown,
}

impl Actor {
    fn by_chance(domain: &Domain, random: &mut Random) -> Self {
        match random.below(100) {
            0 => Self::Unknown,
            1..5 => Self::Principal,
            5..20 => Self::Entity(random.below(ENTITIES.len())),
            _ => Self::User(random.below(domain.staff.len())),
        }
    }
}

/// What an event tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Created,
    /// With the ids of the fields that changed.
    Updated(Vec<String>),
    Deleted,
    ItemCreated(Item),
    ItemUpdated(Item),
    ItemDeleted(Item),
}

/// A case with its fields as they are now. Moments are milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: Uuid,
    /// A place in [`Domain::templates`].
    pub(crate) template: usize,
    pub(crate) created: i64,
    pub(crate) actor: Actor,
    pub(crate) created_by: Actor,
    /// Eight digits, which need not be the only ones of their kind.
    pub(crate) reference: i64,
    pub(crate) status: Status,
    pub(crate) title: usize,
    pub(crate) summary: Option<usize>,
    pub(crate) reason: Option<usize>,
    pub(crate) customer: Option<Uuid>,
    pub(crate) assigned_user: Option<usize>,
    pub(crate) assigned_queue: Option<usize>,
    pub(crate) last_updated: i64,
    pub(crate) last_updated_user: Actor,
    pub(crate) last_closed: Option<i64>,
    pub(crate) last_reopened: Option<i64>,
    pub(crate) next_breach: Option<i64>,
    /// By place in [`CUSTOM`].
    pub(crate) custom: [Option<Value>; CUSTOM.len()],
    pub(crate) items: Vec<Item>,
    /// Events to come.
    pub(crate) left: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unborn,
    Begun,
}

impl Case {
    /// A case that is to have `length` events from `at` on.
    pub(crate) fn new(domain: &Domain, at: i64, length: u64, random: &mut Random) -> Self {
        let template = random.below(domain.templates.len());
        let actor = Actor::by_chance(domain, random);
        let mut custom = [None; CUSTOM.len()];
        for field in domain.templates[template].fields {
            if random.chance(600) {
                custom[*field] = Some(Value::by_chance(CUSTOM[*field].1, domain, at, random));
            }
        }
        Self {
            id: random.uuid(),
            template,
            created: at,
            actor,
            created_by: actor,
            reference: random.between(0, 99_999_999),
            status: Status::Open,
            title: random.below(TITLES.len()),
            summary: maybe(random, TEXTS.len()),
            reason: maybe(random, REASONS.len()),
            customer: random.chance(800).then(|| random.uuid()),
            assigned_user: maybe(random, domain.staff.len()),
            assigned_queue: maybe(random, domain.queues.len()),
            last_updated: at,
            last_updated_user: actor,
            last_closed: None,
            last_reopened: None,
            next_breach: None,
            custom,
            items: Vec::new(),
            left: length,
            stage: Stage::Unborn,
        }
    }

    /// Lets the next thing happen, at `at`. `other` is a case to be connected with.
    pub(crate) fn act(&mut self, domain: &Domain, at: i64, other: &Uuid, random: &mut Random) -> Happening {
        self.left = self.left.saturating_sub(1);
        if self.stage == Stage::Unborn {
            self.stage = Stage::Begun;
            return Happening::Created;
        }
        self.actor = Actor::by_chance(domain, random);
        if self.left == 0 && random.chance(150) {
            return Happening::Deleted;
        }
        match random.below(100) {
            0..12 => Happening::Updated(self.change_status(at, random)),
            12..50 => Happening::Updated(self.change_fields(domain, at, random)),
            50..80 => self.add_item(at, other, random),
            _ => match self.change_item(at, random) {
                Some(happening) => happening,
                None => self.add_item(at, other, random),
            },
        }
    }

    /// Closes the case, or opens it again: then the moment of the last closing stays.
    fn change_status(&mut self, at: i64, random: &mut Random) -> Vec<String> {
        let mut changed = vec!["status".to_owned()];
        self.status = match self.status {
            Status::Open | Status::Waiting => Status::Closed,
            Status::Closed if random.chance(800) => Status::Open,
            Status::Closed => Status::Waiting,
        };
        if self.status == Status::Closed {
            self.last_closed = Some(at);
            changed.push("last_closed_datetime".to_owned());
        } else {
            self.last_reopened = Some(at);
            changed.push("last_reopened_datetime".to_owned());
        }
        self.touch(at, &mut changed, random);
        changed
    }

    /// Changes one to three fields; some are cleared, so that the event names them and does not have them.
    fn change_fields(&mut self, domain: &Domain, at: i64, random: &mut Random) -> Vec<String> {
        let mut changed = Vec::new();
        let own = domain.templates[self.template].fields;
        for _ in 0..=random.below(3) {
            let id = if own.is_empty() || random.chance(350) {
                self.change_system_field(domain, random).to_owned()
            } else {
                let place = own[random.below(own.len())];
                let is_cleared = self.custom[place].is_some() && random.chance(200);
                let kind = CUSTOM[place].1;
                self.custom[place] = (!is_cleared).then(|| Value::by_chance(kind, domain, at, random));
                domain.fields[place].id.clone()
            };
            if !changed.contains(&id) {
                changed.push(id);
            }
        }
        self.touch(at, &mut changed, random);
        changed
    }

    fn change_system_field(&mut self, domain: &Domain, random: &mut Random) -> &'static str {
        match random.below(6) {
            0 => {
                self.title = random.below(TITLES.len());
                "title"
            }
            1 => {
                self.summary = maybe(random, TEXTS.len());
                "summary"
            }
            2 => {
                self.reason = maybe(random, REASONS.len());
                "case_reason"
            }
            3 => {
                self.customer = random.chance(800).then(|| random.uuid());
                "customer_id"
            }
            4 => {
                self.assigned_user = maybe(random, domain.staff.len());
                "assigned_user"
            }
            _ => {
                self.assigned_queue = maybe(random, domain.queues.len());
                "assigned_queue"
            }
        }
    }

    /// The service notes when a case was changed, though not to the millisecond of the event.
    fn touch(&mut self, at: i64, changed: &mut Vec<String>, random: &mut Random) {
        self.last_updated = at - random.between(0, 2);
        changed.push("last_updated_datetime".to_owned());
        if self.last_updated_user != self.actor {
            self.last_updated_user = self.actor;
            changed.push("last_updated_user".to_owned());
        }
    }

    fn add_item(&mut self, at: i64, other: &Uuid, random: &mut Random) -> Happening {
        let item = Item::by_chance(at, other, random);
        self.keep(&item);
        self.items.push(item.clone());
        Happening::ItemCreated(item)
    }

    /// Something happens to an item that the case has; `None` if it has none.
    fn change_item(&mut self, at: i64, random: &mut Random) -> Option<Happening> {
        if self.items.is_empty() {
            return None;
        }
        let place = random.below(self.items.len());
        if !self.items[place].change(at, random) {
            return Some(Happening::ItemDeleted(self.items.swap_remove(place)));
        }
        let item = self.items[place].clone();
        self.keep(&item);
        Some(Happening::ItemUpdated(item))
    }

    /// The case knows when the agreement that was heard of last will be broken.
    fn keep(&mut self, item: &Item) {
        if let Some(breach) = item.breach() {
            self.next_breach = breach;
        }
    }
}

fn maybe(random: &mut Random, bound: usize) -> Option<usize> {
    random.chance(700).then(|| random.below(bound))
}
