//! A worker that reads a stream, for as long as the process wants one.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tributary_core::{Checkpoint, Clock};
use tributary_leases::{Keeper, LeaseTable, Settings};

use crate::client::Stream;
use crate::coordinator::{Attach, Command, Coordinator};
use crate::error::Error;
use crate::fan_out;
use crate::options::{Delivery, Options};
use crate::part::Until;
use crate::shard::positions_of;
use crate::source::{Facts, KinesisSource};

/// A batch ends where nothing follows, and in a stream that never rests some time after its start: clocks differ.
const CLOCKS: Duration = Duration::from_secs(60);

/// A worker that reads shards of a stream. It outlives lines.
pub struct Group {
    options: Options,
    stream: Stream,
    facts: Arc<Facts>,
    commands: Sender<Command>,
    /// One task; it ends when this is dropped.
    _coordinator: JoinSet<()>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("name", &self.options.name).finish_non_exhaustive()
    }
}

impl Group {
    /// Looks whether the stream is there. With `leases` the shards are shared with all workers that have the same, and this
    /// one is called `worker` there; without, and in a batch, all of them are ours.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::NoStream`], [`Error::Denied`], [`Error::Call`] after some seconds.
    pub async fn join(
        options: Options,
        leases: Option<(String, Arc<dyn LeaseTable>)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let stream = Stream::connect(&options).await?;
        let known = stream.describe(&options.name).await?;
        // A batch ends when its shards are read: it could not wait for those of others.
        let keeper = leases.filter(|_| !options.batch).map(|(worker, table)| {
            Keeper::new(table, Settings { duration: options.lease_duration, ..Settings::of(worker) })
        });
        let until = options.batch.then(|| Until {
            moment: options.until.unwrap_or_else(|| clock.now().plus_micros(CLOCKS.as_micros() as i64)),
            or_at_tip: true,
        });
        let facts = Arc::new(Facts { name: options.name.clone(), behind: AtomicI64::new(-1) });
        let (commands, receiver) = mpsc::channel(8);
        let coordinator = Coordinator {
            options: options.clone(),
            stream: stream.clone(),
            keeper,
            clock,
            facts: Arc::clone(&facts),
            until,
            known,
            to_self: commands.clone(),
        };
        let mut task = JoinSet::new();
        task.spawn(coordinator.run(receiver));
        Ok(Self { options, stream, facts, commands, _coordinator: task })
    }

    /// A source that goes on where `checkpoint` says. The one before it has to be gone.
    ///
    /// # Errors
    /// As [`join`](Self::join), and [`Error::Leases`], [`Error::Task`].
    pub async fn attach(&self, checkpoint: &Checkpoint) -> Result<KinesisSource, Error> {
        let described = self.stream.describe(&self.options.name).await?;
        // Each time: it may have been removed, and with a stream that was made again it is gone.
        let consumer = match &self.options.delivery {
            Delivery::Polling => None,
            Delivery::FanOut { consumer } => fan_out::register(&self.stream, &described.arn, consumer).await?,
        };
        let (reply, answer) = oneshot::channel();
        let positions = positions_of(&self.options.name, checkpoint);
        let attach = Attach { positions, described, consumer, reply };
        let gone = || Error::Task { name: self.facts.name.clone() };
        self.commands.send(Command::Attach(Box::new(attach))).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// No line will follow: the shards go to other workers at once.
    pub async fn leave(&self) {
        let (done, left) = oneshot::channel();
        // Where the task is gone, leases run out by themselves.
        if self.commands.send(Command::Leave(done)).await.is_ok() {
            left.await.ok();
        }
    }
}
