//! The dictionaries of a decoder, and what a snapshot is made of once its values are codes.

use arrow_array::ArrayRef;
use arrow_schema::{ArrowError, DataType};
use tributary_core::Timestamp;

use crate::columns::{IntegerColumn, ListColumn, NumberColumn, TextColumn, element_members, structs};
use crate::dictionary::{Code, ListValues, Lists, Texts};
use crate::privacy::Privacy;

/// The number of hierarchy levels that Amazon Connect has.
pub(crate) const LEVELS: usize = 5;

/// The status an agent is in since `since`, or the one that comes next, asked for at `since`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Status {
    pub(crate) arn: Code,
    pub(crate) name: Code,
    pub(crate) since: Option<Timestamp>,
    pub(crate) kind: Code,
}

/// ARN and name of each level of the hierarchy in turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups {
    pub(crate) codes: [Code; 2 * LEVELS],
}

/// How the agent is set up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) groups: Groups,
    pub(crate) auto_accept: Option<bool>,
    pub(crate) first_name: Code,
    pub(crate) language_code: Code,
    pub(crate) last_name: Code,
    pub(crate) proficiencies: Code,
    pub(crate) profile: Profile,
    pub(crate) sip_address: Code,
    pub(crate) username: Code,
}

/// Which contacts the agent gets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Profile {
    pub(crate) arn: Code,
    pub(crate) name: Code,
    pub(crate) concurrency: Code,
    pub(crate) outbound: Outbound,
    pub(crate) inbound: Code,
}

/// The queue of outbound calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outbound {
    pub(crate) arn: Code,
    pub(crate) name: Code,
    pub(crate) channels: Code,
}

/// Every dictionary of a decoder. Columns of the current and of the previous snapshot share theirs.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries {
    /// Rises when they are begun anew, but for the contacts' ids.
    pub(crate) generation: u32,
    /// Rises when the contacts' ids are begun anew: they never stop coming, and the rest hardly grows.
    pub(crate) contact_generation: u32,
    pub(crate) account_id: Texts,
    pub(crate) instance_arn: Texts,
    pub(crate) instance_id: Texts,
    pub(crate) agent_arn: Texts,
    pub(crate) agent_id: Texts,
    pub(crate) event_type: Texts,
    pub(crate) version: Texts,
    pub(crate) status_arn: Texts,
    pub(crate) status_name: Texts,
    pub(crate) status_kind: Texts,
    pub(crate) username: Texts,
    pub(crate) first_name: Texts,
    pub(crate) last_name: Texts,
    pub(crate) sip_address: Texts,
    pub(crate) language_code: Texts,
    pub(crate) profile_arn: Texts,
    pub(crate) profile_name: Texts,
    pub(crate) queue_arn: Texts,
    pub(crate) queue_name: Texts,
    pub(crate) groups: [Texts; 2 * LEVELS],
    pub(crate) snapshot: Texts,
    pub(crate) contact_id: Texts,
    pub(crate) channel: Texts,
    pub(crate) initiation_method: Texts,
    pub(crate) state: Texts,
    pub(crate) proficiencies: ListValues<Proficiencies>,
    pub(crate) concurrency: ListValues<Concurrency>,
    pub(crate) channels: ListValues<Channels>,
    pub(crate) inbound: ListValues<Queues>,
}

impl Dictionaries {
    /// Those of a decoder that keeps people's data so.
    pub(crate) fn new(privacy: &Privacy) -> Self {
        let texts = |treatment| Texts::masked(privacy.mask(treatment));
        Self {
            username: texts(privacy.user_names),
            first_name: texts(privacy.names),
            last_name: texts(privacy.names),
            sip_address: texts(privacy.sip_addresses),
            ..Self::default()
        }
    }

    /// Before a batch: begins them anew when one has become large. Whether any is.
    pub(crate) fn begin_batch(&mut self) -> bool {
        let has_contacts_anew = self.contact_id.is_large_for_passing();
        if has_contacts_anew {
            self.contact_generation = self.contact_generation.wrapping_add(1);
            self.contact_id.clear();
        }
        let is_large = self.texts().iter().any(|texts| texts.is_large())
            || self.proficiencies.is_large()
            || self.concurrency.is_large()
            || self.channels.is_large()
            || self.inbound.is_large();
        if !is_large {
            return has_contacts_anew;
        }
        self.generation = self.generation.wrapping_add(1);
        self.texts().into_iter().for_each(Texts::clear);
        self.proficiencies.clear();
        self.concurrency.clear();
        self.channels.clear();
        self.inbound.clear();
        true
    }

    fn texts(&mut self) -> Vec<&mut Texts> {
        let mut all = vec![
            &mut self.account_id,
            &mut self.instance_arn,
            &mut self.instance_id,
            &mut self.agent_arn,
            &mut self.agent_id,
            &mut self.event_type,
            &mut self.version,
            &mut self.status_arn,
            &mut self.status_name,
            &mut self.status_kind,
            &mut self.username,
            &mut self.first_name,
            &mut self.last_name,
            &mut self.sip_address,
            &mut self.language_code,
            &mut self.profile_arn,
            &mut self.profile_name,
            &mut self.queue_arn,
            &mut self.queue_name,
            &mut self.snapshot,
            &mut self.channel,
            &mut self.initiation_method,
            &mut self.state,
        ];
        all.extend(&mut self.groups);
        all
    }
}

/// Lists of proficiencies.
#[derive(Debug, Default)]
pub(crate) struct Proficiencies {
    pub(crate) lists: ListColumn,
    pub(crate) name: TextColumn,
    pub(crate) value: TextColumn,
    pub(crate) level: NumberColumn,
}

impl Lists for Proficiencies {
    fn array(&self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let columns = vec![self.name.array()?, self.value.array()?, self.level.array()];
        self.lists.array(kind, structs(element_members(kind)?, columns)?)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Lists of slots by channel.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    pub(crate) lists: ListColumn,
    pub(crate) channel: TextColumn,
    pub(crate) available: IntegerColumn,
    pub(crate) maximum: IntegerColumn,
    pub(crate) current_available: IntegerColumn,
}

impl Lists for Concurrency {
    fn array(&self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let columns =
            vec![self.channel.array()?, self.available.array(), self.maximum.array(), self.current_available.array()];
        self.lists.array(kind, structs(element_members(kind)?, columns)?)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Lists of channels.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    pub(crate) lists: ListColumn,
    pub(crate) channel: TextColumn,
}

impl Lists for Channels {
    fn array(&self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        self.lists.array(kind, self.channel.array()?)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Lists of queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) lists: ListColumn,
    pub(crate) arn: TextColumn,
    pub(crate) name: TextColumn,
    pub(crate) channels: Channels,
}

impl Lists for Queues {
    fn array(&self, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let members = element_members(kind)?;
        let Some(channels) = members.get(2) else {
            return Err(ArrowError::SchemaError("a queue has arn, name and channels".to_owned()));
        };
        let channels = self.channels.lists.array(channels.data_type(), self.channels.channel.array()?)?;
        self.lists.array(kind, structs(members, vec![self.arn.array()?, self.name.array()?, channels])?)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
