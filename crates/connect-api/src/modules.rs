//! Modules of flows and their versions.

use serde::Deserialize;

use crate::flows::{PAGE, instance_of, member};
use crate::request::Request;
use crate::sent::read;
use crate::{Client, Edition, Error};

/// A module in a list. Source: the service's model, `ContactFlowModuleSummary`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModuleSummary {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
    /// `ACTIVE` or `ARCHIVED`.
    pub state: Option<String>,
}

/// A module. Source: the service's model, `ContactFlowModule`, which has no time of its last change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Module {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: Option<String>,
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
}

/// A version of a module. Source: the service's model, `ContactFlowModuleVersionSummary`, which has no time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModuleVersion {
    /// The ARN of the version.
    pub arn: String,
    /// Its number.
    pub version: u64,
    /// What was said of it.
    pub version_description: Option<String>,
}

impl Client {
    /// The modules of an instance. `ListContactFlowModules`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such instance; what the service says.
    pub async fn modules(&self, instance: &str) -> Result<Vec<ModuleSummary>, Error> {
        let path = ["contact-flow-modules-summary", instance];
        let request = Request::new("ListContactFlowModules", "the instance and its flow modules", &path);
        let request = request.about(instance_of(instance)).with("maxResults", Some(PAGE));
        self.all(&request, "ContactFlowModulesSummaryList", |item| read(&item)).await
    }

    /// A module, by its id or ARN. `DescribeContactFlowModule`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn module(&self, instance: &str, module: &str, edition: Edition) -> Result<Module, Error> {
        let id = edition.of(module);
        let path = ["contact-flow-modules", instance, &id];
        let request = Request::new("DescribeContactFlowModule", "the flow modules of the instance", &path);
        let request = request.about(format!("flow module {id} of the instance {instance}"));
        self.one(&request, |answer| read(&member(answer, "ContactFlowModule")?)).await
    }

    /// The versions of a module, by its id or ARN. `ListContactFlowModuleVersions`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the service says.
    pub async fn module_versions(&self, instance: &str, module: &str) -> Result<Vec<ModuleVersion>, Error> {
        let path = ["contact-flow-modules", instance, module, "versions"];
        let request = Request::new("ListContactFlowModuleVersions", "the flow modules of the instance", &path);
        let request = request.about(format!("flow module {module} of the instance {instance}"));
        let request = request.with("maxResults", Some(PAGE));
        self.all(&request, "ContactFlowModuleVersionSummaryList", |item| read(&item)).await
    }
}
