//! A member of a group, for as long as the process wants one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tributary_core::Checkpoint;

use crate::context::{Command, Context, End, Facts, Session, State};
use crate::error::Error;
use crate::options::Options;
use crate::poll::Polling;
use crate::signing::Signing;
use crate::source::KafkaSource;
use crate::{client, config};

/// Batches that wait for the line.
const BATCHES: usize = 2;

/// A member of a consumer group. It outlives lines; dropping it leaves the group.
pub struct Group {
    name: String,
    commands: Option<Sender<Command>>,
    facts: Arc<Facts>,
    sessions: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Group {
    /// Looks whether the topics are there, and joins, signing in with `signing`. Blocks until a broker has answered.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Unreachable`] after some seconds, [`Error::Topic`].
    pub fn join(options: Options, signing: &Signing) -> Result<Self, Error> {
        let (commands, receiver) = mpsc::channel();
        let name = options.name.clone();
        let settings = |cause| Error::settings(&name, &cause);
        let facts = Arc::new(Facts::new(&options));
        let config = config::member(&options);
        let context = Context::new(options.clone(), Arc::clone(&facts), signing.clone(), State::new(receiver));
        let member: BaseConsumer<Context> = config.create_with_context(context).map_err(settings)?;
        client::look(&member, &options, &|| facts.said.text())?;
        let topics: Vec<&str> = options.topics.iter().map(String::as_str).collect();
        member.subscribe(&topics).map_err(settings)?;
        let polling = Polling::new(member);
        let thread = std::thread::Builder::new().name(format!("kafka-{name}")).spawn(move || polling.run());
        let thread = thread.map_err(|_| Error::Thread { name: name.clone() })?;
        Ok(Self { name, commands: Some(commands), facts, sessions: AtomicU64::new(0), thread: Some(thread) })
    }

    /// Whether it has left: a batch leaves when it has read everything.
    pub fn has_left(&self) -> bool {
        self.facts.has_left.load(Ordering::Acquire) || self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// A source that goes on where `checkpoint` says. The one before it has to be gone.
    ///
    /// # Errors
    /// [`Error::Fatal`], [`Error::Held`], [`Error::Thread`].
    pub fn attach(&self, checkpoint: &Checkpoint) -> Result<KafkaSource, Error> {
        let commands = self.commands.clone().ok_or_else(|| self.facts.gone())?;
        let (batches, receiver) = tokio::sync::mpsc::channel(BATCHES);
        let end = Arc::new(End::default());
        let id = self.sessions.fetch_add(1, Ordering::Relaxed);
        let session = Session { id, checkpoint: checkpoint.clone(), batches, end: Arc::clone(&end) };
        commands.send(Command::Attach(session)).map_err(|_| self.facts.gone())?;
        Ok(KafkaSource::new(id, receiver, end, commands, Arc::clone(&self.facts)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(source = self.name, "the thread that polls died");
        }
    }
}
