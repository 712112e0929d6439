//! The task that knows which shards are ours: lists them, keeps their leases, and ends the line when they are other ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tributary_core::{Clock, Delta, Failure, Position, RawBatch, ScopeId};
use tributary_leases::{Held, Keeper, Report};

use crate::begin::begin;
use crate::client::{Described, Stream};
use crate::error::Error;
use crate::feed::{BETWEEN_SUBSCRIPTIONS, FanOut, Feed, PAGE_BYTES, Polling};
use crate::options::Options;
use crate::part::{Part, Until};
use crate::reader::{Gauge, Note, Reader};
use crate::session::Session;
use crate::shard::{Positions, ShardId, checkpoint_of};
use crate::source::{End, Facts, KinesisSource};

/// Batches that wait for the line.
const BATCHES: usize = 2;

/// How often it is looked whether the shards are still the same.
const LOOK: Duration = Duration::from_millis(250);

/// After the end of a shard the ends of others are waited for: a stream is resharded shard by shard.
const GATHER: Duration = Duration::from_secs(1);

/// Leases are renewed so many times before they would run out.
const TURNS: u32 = 3;

/// What the task is asked for.
pub(crate) enum Command {
    /// A line wants what comes after its checkpoint.
    Attach(Box<Attach>),
    /// So much is committed.
    Durable(Positions),
    /// No line will follow: the leases are given up.
    Leave(oneshot::Sender<()>),
}

/// A line that wants to be fed.
pub(crate) struct Attach {
    /// Where its checkpoint stands.
    pub(crate) positions: Positions,
    pub(crate) described: Described,
    /// The ARN of the registered consumer, where records are pushed.
    pub(crate) consumer: Option<String>,
    pub(crate) reply: oneshot::Sender<Result<KinesisSource, Error>>,
}

/// What the task is made of.
pub(crate) struct Coordinator {
    pub(crate) options: Options,
    pub(crate) stream: Stream,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) facts: Arc<Facts>,
    /// In a batch: where it ends.
    pub(crate) until: Option<Until>,
    pub(crate) known: Described,
    pub(crate) to_self: Sender<Command>,
}

/// What changes.
struct Running {
    parts: Coordinator,
    /// The ARN of the registered consumer, where records are pushed.
    consumer: Option<String>,
    positions: Positions,
    held: Held,
    session: Option<Session>,
    sessions: u64,
    /// When the last line ended, and what it read.
    left: (Instant, BTreeSet<ShardId>),
    room: Arc<Semaphore>,
    notes: Sender<(u64, Note)>,
    listing: JoinSet<Result<Described, Error>>,
    listed: Instant,
    turned: Instant,
    /// Whether leases are to be looked at before it is time.
    is_due: bool,
    /// Whether others know of shards that are not listed here.
    is_unknown: bool,
    /// Whether the last list of shards left hash keys out.
    had_hole: bool,
}

impl Coordinator {
    /// Until nobody asks for anything more.
    pub(crate) async fn run(self, mut commands: Receiver<Command>) {
        let (notes, mut came) = mpsc::channel(64);
        let mut running = Running::new(self, notes);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Attach(attach)) => running.attach(*attach).await,
                    Some(Command::Durable(positions)) => running.durable(positions),
                    Some(Command::Leave(done)) => {
                        running.leave().await;
                        // Who does not wait need not be told.
                        done.send(()).ok();
                    }
                    None => return,
                },
                Some((session, note)) = came.recv() => running.note(session, note),
                Some(listed) = running.listing.join_next() => running.take_list(listed),
                _ = look.tick() => running.look().await,
            }
        }
    }
}

impl Running {
    fn new(parts: Coordinator, notes: Sender<(u64, Note)>) -> Self {
        let pages = (parts.options.queue_bytes / PAGE_BYTES).clamp(2, 256);
        Self {
            parts,
            consumer: None,
            positions: Positions::new(),
            held: Held::default(),
            session: None,
            sessions: 0,
            left: (Instant::now(), BTreeSet::new()),
            room: Arc::new(Semaphore::new(pages)),
            notes,
            listing: JoinSet::new(),
            listed: Instant::now(),
            turned: Instant::now(),
            is_due: false,
            is_unknown: false,
            had_hole: false,
        }
    }

    async fn attach(&mut self, Attach { positions, described, consumer, reply }: Attach) {
        // The line before this one is gone, and what it had is committed or dropped.
        drop(self.end_session());
        self.consumer = consumer;
        self.known(described);
        self.positions = positions;
        let source = self.feed().await;
        // A line that is gone wants no source.
        if reply.send(source).is_err() {
            drop(self.end_session());
        }
    }

    /// The line is fed no more. What was subscribed to for it is not to be subscribed to again at once.
    fn end_session(&mut self) -> Option<Session> {
        let session = self.session.take()?;
        self.left = (Instant::now(), session.reading.clone());
        Some(session)
    }

    /// A source for what is ours, as the checkpoint of the line has it.
    async fn feed(&mut self) -> Result<KinesisSource, Error> {
        let start = self.parts.options.start;
        let first =
            begin(&self.parts.known, &self.positions, start, self.parts.clock.now()).map_err(Error::Positions)?;
        let (batches, receiver) = mpsc::channel(BATCHES);
        let (end, id) = (Arc::new(End::default()), self.sessions);
        self.sessions += 1;
        let mut session = Session::new(id, Arc::clone(&end), batches);
        let source = KinesisSource {
            id,
            batches: receiver,
            end,
            commands: self.parts.to_self.clone(),
            facts: Arc::clone(&self.parts.facts),
            lineage: self.parts.known.shards.lineage(),
        };
        if !first.is_empty() {
            tracing::info!(splits = first.len(), "where reading begins is committed first");
            self.hand_on(session, first);
            return Ok(source);
        }
        let readable = self.parts.known.shards.readable(&self.positions);
        // What is given to us only now may have been read further than this line's log says. Then the log refuses what is read
        // twice, and the line after that goes on behind it: better than to let a shard lie that moves often.
        self.settle(&readable).await?;
        for shard in self.wanted().intersection(&readable) {
            let reader = self.reader(id, shard, &session);
            session.read(reader);
        }
        session.note_closed(&self.parts.known.shards);
        tracing::info!(shards = session.reading.len(), of = readable.len(), "shards are read");
        self.session = Some(session);
        self.review();
        Ok(source)
    }

    /// Commits positions alone; the line begins anew then.
    fn hand_on(&self, session: Session, delta: Delta) {
        let scope = ScopeId::new(format!("source:{}", self.parts.options.name));
        let batch = RawBatch { scope, records: Vec::new(), delta, read_at: None };
        if session.batches().try_send(Ok(batch)).is_err() {
            tracing::error!("a new channel is full");
        }
        session.interrupt();
    }

    /// Before a line reads: what others asked for is theirs now, and what is over has no lease.
    async fn settle(&mut self, readable: &BTreeSet<ShardId>) -> Result<(), Error> {
        let Some(keeper) = &mut self.parts.keeper else { return Ok(()) };
        let failed = |cause| Error::Leases { name: self.parts.options.name.clone(), cause };
        let asked: BTreeSet<ShardId> = self.held.asked.intersection(&self.held.ours).cloned().collect();
        if !asked.is_empty() {
            keeper.release(&asked).await.map_err(failed)?;
        }
        let shards = &self.parts.known.shards;
        let is_over = |shard: &&ShardId| shards.is_over(&self.positions, shard);
        let over: BTreeSet<ShardId> = self.held.ours.iter().filter(is_over).cloned().collect();
        if !over.is_empty() {
            keeper.end(&over).await.map_err(failed)?;
        }
        self.held = turn(keeper, readable, &BTreeMap::new()).await.map_err(failed)?;
        self.turned = Instant::now();
        // Somebody saw it begin who knows more of the log than this line does, which will not last. And what is asked for
        // by now is not read here either: nothing would end this line for it.
        let is_given = |shard: &&ShardId| !readable.contains(*shard) || self.held.asked.contains(*shard);
        let given: BTreeSet<ShardId> = self.held.ours.iter().filter(is_given).cloned().collect();
        if !given.is_empty() {
            keeper.release(&given).await.map_err(failed)?;
            self.held.ours.retain(|shard| !given.contains(shard));
            self.held.asked.clear();
        }
        Ok(())
    }

    fn reader(&self, session: u64, shard: &str, fed: &Session) -> Reader {
        let parts = &self.parts;
        let (options, shards) = (&parts.options, &parts.known.shards);
        let at = self.positions.get(&shards.split(shard)).cloned().unwrap_or(Position::Start);
        let part = Part::new(shards, options.stream_name(), shard, at);
        let stream = parts.stream.clone();
        let gauge = Arc::new(Gauge::default());
        Reader {
            session,
            name: options.name.clone(),
            part: part.limited(options.record_limit, parts.known.retention, parts.until),
            feed: match &self.consumer {
                Some(consumer) => {
                    let not_before = match &self.left {
                        (left, shards) if shards.contains(shard) => *left + BETWEEN_SUBSCRIPTIONS,
                        _ => Instant::now(),
                    };
                    let is_closed = Arc::clone(&gauge.is_closed);
                    Feed::FanOut(Box::new(FanOut::new(stream, consumer, shard, is_closed, not_before)))
                }
                None => Feed::Polling(Polling::new(stream, shard)),
            },
            idle: options.idle,
            clock: Arc::clone(&parts.clock),
            gauge,
            room: Arc::clone(&self.room),
            batches: fed.batches().clone(),
            notes: self.notes.clone(),
        }
    }

    /// What should be read now, as far as the log is known.
    fn wanted(&self) -> BTreeSet<ShardId> {
        let shards = &self.parts.known.shards;
        if self.parts.keeper.is_none() {
            return shards.readable(&self.positions);
        }
        let is_wanted = |shard: &&ShardId| !self.held.asked.contains(*shard) && !shards.is_over(&self.positions, shard);
        self.held.ours.iter().filter(is_wanted).cloned().collect()
    }

    /// Ends the line when the shards are other ones, or when a batch has read everything.
    fn review(&mut self) {
        let wanted = self.wanted();
        let Some(session) = &self.session else { return };
        let has_gathered = session.over_since.is_some_and(|since| since.elapsed() >= GATHER);
        let all_done = session.done.len() == session.reading.len();
        let is_batch = self.parts.until.is_some();
        if wanted != session.reading || has_gathered || all_done && session.over_since.is_some() {
            let (reading, wanted) = (session.reading.len(), wanted.len());
            tracing::info!(reading, wanted, "the shards are other ones");
            if let Some(session) = self.end_session() {
                session.interrupt();
            }
        } else if is_batch
            && all_done
            && let Some(session) = self.end_session()
        {
            session.finish();
        }
    }

    fn durable(&mut self, positions: Positions) {
        self.positions = positions;
        self.review();
    }

    fn note(&mut self, id: u64, note: Note) {
        let Some(session) = self.session.as_mut().filter(|session| session.id == id) else { return };
        match note {
            Note::Done { shard, is_over } => {
                tracing::info!(shard, is_over, "nothing more is read of a shard");
                session.note_done(shard, is_over);
                self.review();
            }
            // Whose it is now is known after the next turn.
            Note::Taken => self.is_due = true,
        }
    }

    /// Every now and then: lag, leases, and the list of shards.
    async fn look(&mut self) {
        if self.session.as_mut().is_some_and(Session::has_lost_a_reader) {
            // The channel ends without a word why, with which the line fails.
            drop(self.end_session());
        }
        let behind = self.session.as_ref().map_or(-1, Session::behind);
        self.parts.facts.behind.store(behind, Ordering::Relaxed);
        let is_stale = self.is_unknown || self.listed.elapsed() >= self.parts.options.discover;
        if is_stale && self.listing.is_empty() {
            (self.listed, self.is_unknown) = (Instant::now(), false);
            let (stream, name) = (self.parts.stream.clone(), self.parts.options.name.clone());
            self.listing.spawn(async move { stream.describe(&name).await });
        }
        if self.is_due || self.turned.elapsed() >= self.parts.options.lease_duration / TURNS {
            self.turn().await;
        }
        self.review();
    }

    /// What is said in the leases of the shards that are read.
    fn reports(&mut self) -> BTreeMap<ShardId, Report> {
        let Some(session) = &mut self.session else { return BTreeMap::new() };
        let shards = &self.parts.known.shards;
        let checkpoint = |shard: &ShardId| self.positions.get(&shards.split(shard)).map(checkpoint_of);
        let rates = session.rates().into_iter();
        rates.map(|(shard, rate)| (shard.clone(), Report { rate, checkpoint: checkpoint(&shard) })).collect()
    }

    async fn turn(&mut self) {
        (self.turned, self.is_due) = (Instant::now(), false);
        let reports = self.reports();
        let readable = self.parts.known.shards.readable(&self.positions);
        let Some(keeper) = &mut self.parts.keeper else { return };
        match turn(keeper, &readable, &reports).await {
            Ok(held) => {
                // Others know of shards that were made since they were listed here.
                let listed = &self.parts.known.shards;
                self.is_unknown = held.known.iter().any(|shard| listed.get(shard).is_none());
                self.held = held;
            }
            Err(error) => {
                tracing::warn!(%error, "the leases cannot be renewed");
                // By our own clock: what was not renewed for too long may be read by others.
                self.held = keeper.held(std::time::Instant::now());
            }
        }
    }

    fn take_list(&mut self, listed: Result<Result<Described, Error>, tokio::task::JoinError>) {
        match listed {
            Ok(Ok(described)) => self.known(described),
            // Those that are read say more, should it last.
            Ok(Err(error)) => tracing::warn!(%error, "the shards cannot be listed for now"),
            Err(error) => tracing::error!(%error, "the task that lists the shards is gone"),
        }
        self.review();
    }

    fn known(&mut self, described: Described) {
        self.listed = Instant::now();
        let hole = described.shards.hole();
        if let Some(key) = hole.filter(|_| self.had_hole) {
            tracing::warn!(hash_key = %key, "no open shard takes this hash key: the list of shards is not whole");
        }
        self.had_hole = hole.is_some();
        if described.shards.prefix() != self.parts.known.shards.prefix() {
            tracing::warn!(stream = self.parts.options.stream, "the stream was deleted and made again");
            // Its shards are called as before, so that nothing else tells them apart.
            if let Some(session) = self.session.take() {
                session.interrupt();
            }
        }
        self.parts.known = described;
        if let Some(session) = &self.session {
            session.note_closed(&self.parts.known.shards);
        }
    }

    async fn leave(&mut self) {
        drop(self.end_session());
        // No turn of its own takes them again.
        let Some(mut keeper) = self.parts.keeper.take() else { return };
        if let Err(error) = keeper.leave().await {
            tracing::warn!(%error, "the leases run out by themselves");
        }
        self.held = Held::default();
    }
}

async fn turn(
    keeper: &mut Keeper,
    readable: &BTreeSet<ShardId>,
    reports: &BTreeMap<ShardId, Report>,
) -> Result<Held, Failure> {
    keeper.turn(readable, reports, &std::time::Instant::now).await
}
