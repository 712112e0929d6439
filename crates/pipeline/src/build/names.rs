//! What is known beside the events: read and asked for when the first line is built, and asked for again while a stream runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tributary_aws::in_words;
use tributary_connect::Known;
use tributary_core::{Clock, Failure};

use super::{LineFactory, blocking, nonce};
use crate::cases_api::{CaseNames, CasesApiPlan};
#[cfg(not(feature = "cases"))]
use crate::error::Error;
use crate::file::Mode;
use crate::flow_api::{FlowApiPlan, FlowFacts};
use crate::kept::{Kept, KeptIn};
use crate::lookups::{Asked, read_lookups};
use crate::plan::ConnectPlan;

/// How long a run that has old answers waits for new ones before it begins.
const PATIENCE: Duration = Duration::from_secs(20);

/// After it was asked in vain, it is tried again at the latest after this.
const AGAIN: Duration = Duration::from_secs(60);

impl LineFactory {
    /// What is known beside the events.
    pub(crate) async fn known(&self) -> Result<Arc<Known>, Failure> {
        self.known.get_or_try_init(|| Box::pin(self.learn())).await.cloned()
    }

    async fn learn(&self) -> Result<Arc<Known>, Failure> {
        let connect = &self.plan.connect;
        let (mut asked, mut ages) = (Asked::default(), [Duration::ZERO; 2]);
        if let Some(api) = &connect.cases_api {
            let names = self.begin_with(api.kept_in(), || self.ask_for_names(api)).await?;
            (ages[0], asked.names) = (names.age(self.clock.now()), Some(names.said));
        }
        if let Some(api) = &connect.flow_api {
            let facts = self.begin_with(api.kept_in(), || self.ask_for_flows(api)).await?;
            (ages[1], asked.flows) = (facts.age(self.clock.now()), Some(facts.said));
        }
        let known = Arc::new(Known::new(read_lookups(connect, asked.clone())?));
        if self.plan.mode == Mode::Streaming {
            let asker = Asker {
                connect: connect.clone(),
                clock: self.clock(),
                known: Arc::clone(&known),
                asked: Arc::new(Mutex::new(asked)),
            };
            self.ask_on(&asker, ages);
        }
        Ok(known)
    }

    /// Asks again and again, each service by itself, for as long as the factory lives.
    fn ask_on(&self, asker: &Asker, [names, flows]: [Duration; 2]) {
        let connect = &self.plan.connect;
        let services = [
            (connect.cases_api.clone().map(Service::Cases), names),
            (connect.flow_api.clone().map(Service::Flows), flows),
        ];
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        for (service, age) in services {
            if let Some(service) = service {
                asking.spawn(asker.clone().run(service, age));
            }
        }
    }

    /// What a run begins with: what is kept, where it is young enough or nothing better can be had; else what is answered now.
    async fn begin_with<T, F>(&self, place: KeptIn, ask: impl FnOnce() -> F) -> Result<Kept<T>, Failure>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<Kept<T>, Failure>>,
    {
        let refresh = place.refresh;
        let Some(kept) = kept::<T>(place).await? else { return ask().await };
        if kept.age(self.clock.now()) < refresh {
            return Ok(kept);
        }
        let why = match tokio::time::timeout(PATIENCE, ask()).await {
            Ok(Ok(asked)) => return Ok(asked),
            Ok(Err(failure)) => in_words(&failure),
            Err(_) => "no answer yet".to_owned(),
        };
        tracing::warn!(age = ?kept.age(self.clock.now()), why, "the run begins with old answers about names");
        Ok(kept)
    }

    /// Asks for names of templates and fields, and keeps them.
    pub(crate) async fn ask_for_names(&self, api: &CasesApiPlan) -> Result<Kept<CaseNames>, Failure> {
        names_now(api, self.clock.as_ref()).await
    }

    /// Asks for flows and modules, and keeps what is answered.
    pub(crate) async fn ask_for_flows(&self, api: &FlowApiPlan) -> Result<Kept<FlowFacts>, Failure> {
        flows_now(api, self.clock.as_ref()).await
    }
}

/// What a file has kept. One that cannot be read is as good as none.
async fn kept<T: Serialize + DeserializeOwned + Send + 'static>(place: KeptIn) -> Result<Option<Kept<T>>, Failure> {
    let file = place.file.clone();
    let read = blocking("the answers that were kept", move || Kept::read(&place)).await?;
    Ok(read.unwrap_or_else(|why| {
        tracing::warn!(file = %file.display(), why, "what was kept cannot be read");
        None
    }))
}

/// Who is asked.
enum Service {
    Cases(CasesApiPlan),
    Flows(FlowApiPlan),
}

impl Service {
    async fn ask(&self, clock: &dyn Clock) -> Result<Asked, Failure> {
        Ok(match self {
            Self::Cases(api) => Asked { names: Some(names_now(api, clock).await?.said), flows: None },
            Self::Flows(api) => Asked { names: None, flows: Some(flows_now(api, clock).await?.said) },
        })
    }

    fn refresh(&self) -> Duration {
        match self {
            Self::Cases(api) => api.refresh,
            Self::Flows(api) => api.refresh,
        }
    }
}

/// Keeps what is known fresh.
#[derive(Clone)]
struct Asker {
    connect: ConnectPlan,
    clock: Arc<dyn Clock>,
    known: Arc<Known>,
    /// What was answered last, by all services.
    asked: Arc<Mutex<Asked>>,
}

impl Asker {
    /// Asks `service`, whose last answer is so old.
    async fn run(self, service: Service, age: Duration) {
        let mut pause = service.refresh().saturating_sub(age);
        loop {
            sleep(pause).await;
            pause = match service.ask(self.clock.as_ref()).await.and_then(|news| self.learn(news)) {
                Ok(()) => service.refresh(),
                Err(failure) => {
                    tracing::warn!(error = %in_words(&failure), "what is known of names stays as it is");
                    service.refresh().min(AGAIN)
                }
            };
        }
    }

    fn learn(&self, news: Asked) -> Result<(), Failure> {
        let all = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.take(news);
            asked.clone()
        };
        self.known.learn(read_lookups(&self.connect, all)?);
        Ok(())
    }
}

/// Keeps an answer. It is good also where it cannot be kept: the next run asks again.
async fn keep<T>(place: KeptIn, answer: &Kept<T>, whom: &'static str) -> Result<(), Failure>
where
    T: Serialize + DeserializeOwned + Clone + Send + 'static,
{
    let (answer, file) = (answer.clone(), place.file.clone());
    let written = blocking("the answers that are kept", move || answer.write(&place.file, &nonce())).await?;
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), %error, "answers cannot be kept: correct cache in {whom}");
    }
    Ok(())
}

#[cfg(feature = "cases")]
async fn names_now(api: &CasesApiPlan, clock: &dyn Clock) -> Result<Kept<CaseNames>, Failure> {
    let options = tributary_source_cases::NameOptions {
        name: CASES.to_owned(),
        domain: api.domain.clone(),
        rate: api.rate,
        connection: api.connection.clone(),
    };
    let (now, place) = (clock.now(), api.kept_in());
    let names = Kept::new(&place, now, tributary_source_cases::Names::ask(options).await?.into());
    keep(place, &names, CASES).await?;
    Ok(names)
}

#[cfg(not(feature = "cases"))]
async fn names_now(_: &CasesApiPlan, _: &dyn Clock) -> Result<Kept<CaseNames>, Failure> {
    Err(Error::NoCases { whom: CASES.to_owned() }.into())
}

async fn flows_now(api: &FlowApiPlan, clock: &dyn Clock) -> Result<Kept<FlowFacts>, Failure> {
    let (now, place) = (clock.now(), api.kept_in());
    let facts = Kept::new(&place, now, FlowFacts::ask(api).await?);
    keep(place, &facts, "[transform.connect.flow_api]").await?;
    Ok(facts)
}

/// Who asks for names of templates and fields.
const CASES: &str = "[transform.connect.cases_api]";
