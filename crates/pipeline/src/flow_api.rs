//! What is asked of Amazon Connect about flows: how, checked; and what was answered.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tributary_aws::Connection;
use tributary_connect::FlowLookup;
use tributary_connect_api::{Client, Edition, Error, Options};
use tributary_core::Timestamp;

use crate::file::{FlowApiSection, Time};
use crate::kept::{KeptIn, whom};
use crate::moment::read_moment;

/// How it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowApiPlan {
    /// The id of the instance.
    pub instance: String,
    /// How old answers may be before it is asked again.
    pub refresh: Duration,
    /// The file that they are kept in.
    pub cache: PathBuf,
    /// Calls in a second, at most.
    pub rate: NonZeroU32,
    /// How the service is reached.
    pub connection: Connection,
}

impl FlowApiPlan {
    pub(crate) fn new(section: FlowApiSection) -> Self {
        Self {
            instance: section.instance,
            refresh: section.refresh.map_or(Duration::from_secs(24 * 3_600), Time::duration),
            cache: section.cache.into(),
            rate: section.rate.and_then(NonZeroU32::new).unwrap_or(Options::RATE),
            connection: section.reach.connection(),
        }
    }

    /// Where answers are kept, and whose they are.
    pub fn kept_in(&self) -> KeptIn {
        let instance = Some(("instance", self.instance.clone()));
        KeptIn { file: self.cache.clone(), of: whom(instance, &self.connection), refresh: self.refresh }
    }
}

/// What is known of the flows and modules of an instance, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFacts {
    flows: BTreeMap<String, FlowFact>,
}

/// What is known of a flow or module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FlowFact {
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<String>,
    language_version: Option<String>,
    /// As RFC 3339 has it.
    published: Option<String>,
}

impl FlowFacts {
    /// How many flows and modules there are.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// As the transform has them.
    pub(crate) fn lookups(self) -> impl Iterator<Item = (String, FlowLookup)> {
        self.flows.into_iter().map(|(id, fact)| {
            let FlowFact { kind, version, language_version, published } = fact;
            (id, FlowLookup { kind, version, language_version, published: published.as_deref().and_then(read_moment) })
        })
    }

    /// Asks for all flows and modules of the instance, and for each that is published what is published of it.
    ///
    /// # Errors
    /// What the service says, with the cure.
    pub(crate) async fn ask(plan: &FlowApiPlan) -> Result<Self, Error> {
        let client = Client::open(&Options { rate: plan.rate, ..Options::new(plan.connection.clone()) }).await?;
        let mut flows = BTreeMap::new();
        for summary in client.flows(&plan.instance).await? {
            let mut fact = FlowFact { kind: summary.kind, ..FlowFact::default() };
            if let Some(flow) = there(client.flow(&plan.instance, &summary.id, Edition::Published).await)? {
                fact.is(flow.version, flow.content.as_deref(), flow.last_modified_time);
            }
            flows.insert(summary.id.to_ascii_lowercase(), fact);
        }
        for summary in client.modules(&plan.instance).await? {
            let mut fact = FlowFact::default();
            if let Some(module) = there(client.module(&plan.instance, &summary.id, Edition::Published).await)? {
                fact.is(module.version, module.content.as_deref(), None);
            }
            flows.insert(summary.id.to_ascii_lowercase(), fact);
        }
        Ok(Self { flows })
    }
}

/// What is not published, or was deleted meanwhile, has nothing to say.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. } | Error::NotPublished { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl FlowFact {
    fn is(&mut self, version: Option<u64>, content: Option<&str>, published: Option<Timestamp>) {
        self.version = version.map(|version| version.to_string());
        // Source: Amazon Connect API Reference, "Amazon Connect Flow language", `Version`.
        let content = content.and_then(|content| serde_json::from_str::<serde_json::Value>(content).ok());
        self.language_version = content.and_then(|content| Some(content.get("Version")?.as_str()?.to_owned()));
        self.published = published.map(|published| published.to_string());
    }
}
