//! Flows and their versions.

use serde::Deserialize;
use serde_json::Value;
use tributary_core::Timestamp;

use crate::answer::Answer;
use crate::request::Request;
use crate::sent::read;
use crate::{Client, Error, epoch};

/// The most on a page. Source: the service's model, `MaxResult1000`.
pub(crate) const PAGE: usize = 1_000;

/// Which text of a flow or a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// The published one.
    #[default]
    Published,
    /// The one that was saved last, published or not.
    Saved,
    /// The version of this number.
    Version(u64),
}

impl Edition {
    /// The id or ARN of this edition. Source: Amazon Connect API Reference, `DescribeContactFlow`, which shows the ending
    /// behind an ARN.
    pub(crate) fn of(self, id: &str) -> String {
        match self {
            Self::Published => id.to_owned(),
            Self::Saved => format!("{id}:$SAVED"),
            Self::Version(number) => format!("{id}:{number}"),
        }
    }
}

/// A flow in a list. Source: the service's model, `ContactFlowSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FlowSummary {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
    /// Its type, as in `CONTACT_FLOW` or `CUSTOMER_QUEUE`.
    #[serde(rename = "ContactFlowType")]
    pub kind: Option<String>,
    /// `ACTIVE` or `ARCHIVED`.
    #[serde(rename = "ContactFlowState")]
    pub state: Option<String>,
    /// `PUBLISHED` or `SAVED`.
    #[serde(rename = "ContactFlowStatus")]
    pub status: Option<String>,
}

/// A flow. Source: the service's model, `ContactFlow`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Flow {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
    /// Its type, as in `CONTACT_FLOW` or `CUSTOMER_QUEUE`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// `ACTIVE` or `ARCHIVED`.
    pub state: Option<String>,
    /// `PUBLISHED` or `SAVED`: that of this edition.
    pub status: Option<String>,
    /// What it does, in the flow language: a text of JSON.
    pub content: Option<String>,
    /// The number of its version, if it has versions.
    pub version: Option<u64>,
    /// What was said of the version.
    pub version_description: Option<String>,
    /// When it was changed last.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub last_modified_time: Option<Timestamp>,
}

/// A version of a flow. Source: the service's model, `ContactFlowVersionSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FlowVersion {
    /// The ARN of the version.
    pub arn: String,
    /// Its number.
    pub version: u64,
    /// What was said of it.
    pub version_description: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "epoch::moment")]
    pub last_modified_time: Option<Timestamp>,
}

/// What an instance is called in an error.
pub(crate) fn instance_of(id: &str) -> String {
    format!("instance {id}")
}

/// The member `name` of an answer, which is all of it.
pub(crate) fn member(mut answer: Value, name: &str) -> Result<Value, Answer> {
    let member = answer.get_mut(name).map(Value::take).filter(Value::is_object);
    member.ok_or_else(|| Answer::Strange(format!("there is no {name} in its answer")))
}

impl Client {
    /// The flows of an instance, of all types. `ListContactFlows`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such instance; what the service says.
    pub async fn flows(&self, instance: &str) -> Result<Vec<FlowSummary>, Error> {
        let path = ["contact-flows-summary", instance];
        let request =
            Request::new("ListContactFlows", "the instance and its flows", &path).about(instance_of(instance));
        self.all(&request.with("maxResults", Some(PAGE)), "ContactFlowSummaryList", |item| read(&item)).await
    }

    /// A flow, by its id or ARN. `DescribeContactFlow`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotPublished`] when it was only saved; what the service says.
    pub async fn flow(&self, instance: &str, flow: &str, edition: Edition) -> Result<Flow, Error> {
        let id = edition.of(flow);
        let path = ["contact-flows", instance, &id];
        let request = Request::new("DescribeContactFlow", "the flows of the instance", &path);
        let request = request.about(format!("flow {id} of the instance {instance}"));
        self.one(&request, |answer| read(&member(answer, "ContactFlow")?)).await
    }

    /// The versions of a flow, by its id or ARN. `ListContactFlowVersions`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn flow_versions(&self, instance: &str, flow: &str) -> Result<Vec<FlowVersion>, Error> {
        let path = ["contact-flows", instance, flow, "versions"];
        let request = Request::new("ListContactFlowVersions", "the flows of the instance", &path);
        let request = request.about(format!("flow {flow} of the instance {instance}")).with("maxResults", Some(PAGE));
        self.all(&request, "ContactFlowVersionSummaryList", |item| read(&item)).await
    }
}
