//! What is related to a case: comments, contacts, files, agreements on service levels, other cases, custom items.

use crate::cases::domain::TEXTS;
use crate::random::{Random, Uuid};

/// An item that belongs to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: Uuid,
    pub(crate) created: i64,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Comment {
        /// A place in [`TEXTS`].
        text: usize,
        /// How often the text comes: some people paste whole letters.
        times: usize,
        /// The first events did not say that it is plain text.
        says_type: bool,
    },
    Contact {
        id: Uuid,
        channel: &'static str,
    },
    File {
        id: Uuid,
    },
    Sla(Sla),
    Case {
        id: Uuid,
    },
    Custom {
        /// A place in [`TEXTS`], if the text is there.
        text: Option<usize>,
        /// Hundredths.
        number: i64,
        flag: bool,
    },
}

/// An agreement that the case's status is another one by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sla {
    pub(crate) name: &'static str,
    pub(crate) status: SlaStatus,
    pub(crate) target: i64,
    pub(crate) completed: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlaStatus {
    Active,
    Overdue,
    Met,
    NotMet,
}

impl SlaStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Overdue => "Overdue",
            Self::Met => "Met",
            Self::NotMet => "NotMet",
        }
    }
}

const CHANNELS: [&str; 4] = ["VOICE", "CHAT", "TASK", "EMAIL"];

const AGREEMENTS: [&str; 3] = ["First answer", "Closed within a day", "R\\u00fcckruf"];

impl Item {
    pub(crate) fn by_chance(at: i64, other: &Uuid, random: &mut Random) -> Self {
        let content = match random.below(100) {
            0..34 => Content::Comment {
                text: random.below(TEXTS.len()),
                times: if random.chance(10) { random.below(400) + 1 } else { 1 },
                says_type: random.chance(700),
            },
            34..60 => Content::Contact { id: random.uuid(), channel: CHANNELS[random.below(CHANNELS.len())] },
            60..68 => Content::File { id: random.uuid() },
            68..88 => Content::Sla(Sla {
                name: AGREEMENTS[random.below(AGREEMENTS.len())],
                status: SlaStatus::Active,
                target: at + random.between(60_000, 3 * 86_400_000),
                completed: None,
            }),
            88..94 => Content::Case { id: *other },
            _ => Content::Custom {
                text: random.chance(800).then(|| random.below(TEXTS.len())),
                number: random.between(0, 100_000),
                flag: random.chance(500),
            },
        };
        Self { id: random.uuid(), created: at, content }
    }

    /// Changes the item at `at`, where its type can change; otherwise it is to be deleted.
    pub(crate) fn change(&mut self, at: i64, random: &mut Random) -> bool {
        match &mut self.content {
            Content::Sla(sla) => sla.advance(at, random),
            Content::Comment { text, .. } if random.chance(600) => {
                *text = random.below(TEXTS.len());
                true
            }
            Content::Custom { number, .. } if random.chance(600) => {
                *number += 1;
                true
            }
            _ => false,
        }
    }

    /// When an agreement will be broken (nothing: no longer); `None` for what is no agreement.
    pub(crate) fn breach(&self) -> Option<Option<i64>> {
        match &self.content {
            Content::Sla(sla) if sla.status == SlaStatus::Active => Some(Some(sla.target)),
            Content::Sla(_) => Some(None),
            _ => None,
        }
    }

    /// The item's type as the API writes it, its key in an event, and as the lake writes it.
    pub(crate) fn names(&self) -> ItemNames {
        let (api, key, lake) = match &self.content {
            Content::Comment { .. } => ("Comment", "comment", "comment"),
            Content::Contact { .. } => ("Contact", "contact", "contact"),
            Content::File { .. } => ("File", "file", "file"),
            Content::Sla(_) => ("Sla", "sla", "sla"),
            Content::Case { .. } => ("ConnectCase", "connectCase", "connect"),
            Content::Custom { .. } => ("Custom", "custom", "custom"),
        };
        ItemNames { api, key, lake }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemNames {
    pub(crate) api: &'static str,
    pub(crate) key: &'static str,
    pub(crate) lake: &'static str,
}

impl Sla {
    /// Kept in time, or too late, or never; whether there was anything left to decide.
    fn advance(&mut self, at: i64, random: &mut Random) -> bool {
        let is_late = at > self.target || random.chance(200);
        self.status = match self.status {
            SlaStatus::Active if is_late => SlaStatus::Overdue,
            SlaStatus::Active => SlaStatus::Met,
            SlaStatus::Overdue => SlaStatus::NotMet,
            SlaStatus::Met | SlaStatus::NotMet => return false,
        };
        if self.status == SlaStatus::Overdue {
            self.target = self.target.min(at);
        } else {
            self.completed = Some(at);
        }
        true
    }
}
