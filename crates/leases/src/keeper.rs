//! Keeps a worker's leases: reads the table, decides, writes, and knows by its own clock what is still held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tributary_core::Failure;

use crate::plan::{Facts, Parting, Plan, partings, plan};
use crate::sight::Sights;
use crate::{Change, Lease, LeaseTable, Report};

/// Rows of this name say of a worker that it lives, though it may have no lease. No input may be called so.
const WORKER: &str = "worker/";

/// How often a lease is given up anew when somebody asked for it meanwhile. The next turn goes on.
const TRIES: usize = 4;

/// Who keeps leases, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The name of this worker; no other that lives may have it. One that comes back under its name has its leases at once.
    pub worker: String,
    /// A lease that was not renewed for so long has run out. [`Keeper::turn`] is due three times as often.
    pub duration: Duration,
    /// How much more than another a worker may have to do, as a share of the average, before it is asked for a lease.
    pub tolerance: f64,
}

impl Settings {
    /// For so long at most the inputs of a worker that died are not read; a turn every 10 seconds costs little.
    pub const DURATION: Duration = Duration::from_secs(30);

    /// As in the Kinesis Client Library (`reBalanceThresholdPercentage`).
    pub const TOLERANCE: f64 = 0.1;

    /// The usual ones.
    pub fn of(worker: impl Into<String>) -> Self {
        Self { worker: worker.into(), duration: Self::DURATION, tolerance: Self::TOLERANCE }
    }
}

/// What a worker holds, and what it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The inputs that are this worker's to read.
    pub ours: BTreeSet<String>,
    /// Those of ours that another worker asked for: to be read up to here, committed, and [released](Keeper::release).
    pub asked: BTreeSet<String>,
    /// Every input that has a lease: whoever created it found that it can be read.
    pub known: BTreeSet<String>,
    /// How many workers live, this one among them.
    pub workers: usize,
}

/// A worker's leases.
///
/// A worker says that it lives by a row of its own (`worker/<name>`), so that one without a lease is counted, and an asker
/// that died is told from one that waits. Such a row is deleted by whoever finds that it has run out.
pub struct Keeper {
    table: Arc<dyn LeaseTable>,
    settings: Settings,
    sights: Sights,
    /// The instant before each lease's last renewal was sent: from there on it is ours for the duration.
    renewed: BTreeMap<String, Instant>,
    /// What is to be given up, and was not yet for all that is known.
    partings: BTreeMap<String, Parting>,
    /// What was free at the last turn and left to others.
    left: BTreeSet<String>,
    /// Workers whose rows had run out at the last turn.
    dead: BTreeSet<String>,
    /// What the last turn saw, without `ours`.
    seen: Held,
    /// The highest counter of any row that was ever seen.
    highest: u64,
    is_announced: bool,
}

/// The table, as it is understood.
struct View {
    leases: Vec<Lease>,
    /// The rows of workers, by their names.
    workers: BTreeMap<String, Lease>,
    live: BTreeSet<String>,
    run_out: BTreeSet<String>,
}

impl Keeper {
    /// A worker that holds nothing yet. Nothing is read or written before the first turn.
    pub fn new(table: Arc<dyn LeaseTable>, settings: Settings) -> Self {
        Self {
            table,
            settings,
            sights: Sights::default(),
            renewed: BTreeMap::new(),
            partings: BTreeMap::new(),
            left: BTreeSet::new(),
            dead: BTreeSet::new(),
            seen: Held { workers: 1, ..Held::default() },
            highest: 0,
            is_announced: false,
        }
    }

    /// One turn, due about three times in the duration of a lease: reads the table, renews what is ours, takes what is free,
    /// has run out or is in `readable` without a lease (as far as our share goes, and all of it if nobody took it by the next
    /// turn), asks owners that have clearly more to do for some of theirs, and says what is ours now.
    ///
    /// `readable` must not hold what has been read to its end: it would be given a lease again. `reports` are of
    /// our inputs; what stands in the rows of inputs that are not named stays as it was. `now` is the
    /// caller's monotonic clock (`&Instant::now`): it is asked again behind each call to the table, which may take long. Where it
    /// stands still while the machine sleeps, leases seem to be ours for a while after it woke up: the commit log fences us then.
    ///
    /// # Errors
    /// What the table says. What is ours stands in [`held`](Self::held) then, for as long as its last renewal carries.
    pub async fn turn(
        &mut self,
        readable: &BTreeSet<String>,
        reports: &BTreeMap<String, Report>,
        now: &(dyn Fn() -> Instant + Sync),
    ) -> Result<Held, Failure> {
        if !self.is_announced {
            // Two who begin together see each other before either reaches for leases.
            self.announce().await?;
        }
        let rows = self.table.read().await?;
        let view = self.look(rows, now());
        let Plan { mut changes, left } = plan(&self.facts(&view, readable, reports));
        changes.extend(self.signs_of_life(&view));
        let counters = changes.iter().filter_map(Change::lease).map(|lease| lease.counter);
        self.highest = counters.fold(self.highest, u64::max);
        let sent = now();
        let done = self.table.write(changes.clone()).await?;
        self.left = left;
        for (change, _) in changes.iter().zip(done).filter(|(_, done)| *done) {
            self.note(change, sent);
        }
        Ok(self.held(now()))
    }

    /// What is ours at `now`, without looking at the table: what was renewed longer ago than the duration is not.
    pub fn held(&self, now: Instant) -> Held {
        let holds = |renewed: Instant| now.saturating_duration_since(renewed) < self.settings.duration;
        let renewed = self.renewed.iter().filter(|(_, renewed)| holds(**renewed));
        let ours: BTreeSet<String> = renewed.map(|(key, _)| key.clone()).collect();
        let asked = self.seen.asked.intersection(&ours).cloned().collect();
        Held { ours, asked, known: self.seen.known.clone(), workers: self.seen.workers }
    }

    /// Gives leases up, after what was read under them is committed: to whoever asked for them and lives, else they are free.
    /// From the call on they are not ours, whatever comes of it; what did not succeed is done by the next turn.
    ///
    /// # Errors
    /// What the table says.
    pub async fn release(&mut self, keys: &BTreeSet<String>) -> Result<(), Failure> {
        self.part(keys, Parting::Release).await
    }

    /// Deletes the leases of inputs that are read to their end, after that is committed. As [`release`](Self::release).
    ///
    /// # Errors
    /// What the table says.
    pub async fn end(&mut self, keys: &BTreeSet<String>) -> Result<(), Failure> {
        self.part(keys, Parting::End).await
    }

    /// Gives everything up and says goodbye, so that the others need not wait until it runs out. A turn after it begins anew.
    ///
    /// # Errors
    /// What the table says.
    pub async fn leave(&mut self) -> Result<(), Failure> {
        self.renewed.clear();
        self.left.clear();
        self.is_announced = false;
        let rows = self.table.read().await?;
        let me = &self.settings.worker;
        let own = rows.iter().find(|row| worker_of(row) == Some(me));
        let goodbye = own.map(|row| Change::Delete { key: row.key.clone(), seen: row.counter });
        let keys = rows.iter().filter(|row| row.owner.as_ref() == Some(me) && worker_of(row).is_none());
        let keys: BTreeSet<String> = keys.map(|row| row.key.clone()).collect();
        self.part(&keys, Parting::Release).await?;
        self.table.write(goodbye.into_iter().collect()).await.map(|_| ())
    }

    async fn part(&mut self, keys: &BTreeSet<String>, parting: Parting) -> Result<(), Failure> {
        for key in keys {
            self.renewed.remove(key);
            self.partings.insert(key.clone(), parting);
        }
        for _ in 0..TRIES {
            let view = self.view(self.table.read().await?, BTreeSet::new());
            let changes = partings(&self.facts(&view, &BTreeSet::new(), &BTreeMap::new()));
            if changes.is_empty() {
                break;
            }
            self.table.write(changes).await?;
        }
        Ok(())
    }

    async fn announce(&mut self) -> Result<(), Failure> {
        let rows = self.table.read().await?;
        self.count(&rows);
        let view = self.view(rows, BTreeSet::new());
        self.table.write(vec![self.sign_of_life(&view)]).await?;
        self.is_announced = true;
        Ok(())
    }

    /// Takes in what was read, and forgets what it contradicts.
    fn look(&mut self, rows: Vec<Lease>, now: Instant) -> View {
        self.count(&rows);
        self.sights.look(&rows, now);
        let stands = |row: &&Lease| self.sights.has_run_out(row, now, self.settings.duration);
        let run_out: BTreeSet<String> = rows.iter().filter(stands).map(|row| row.key.clone()).collect();
        let dead = rows.iter().filter(|row| run_out.contains(&row.key)).filter_map(worker_of);
        self.dead = dead.filter(|worker| *worker != self.settings.worker).map(str::to_owned).collect();
        let view = self.view(rows, run_out);
        let me = Some(self.settings.worker.as_str());
        let mine: BTreeSet<&str> =
            view.leases.iter().filter(|row| row.owner.as_deref() == me).map(|row| row.key.as_str()).collect();
        self.renewed.retain(|key, _| mine.contains(key.as_str()));
        self.partings.retain(|key, _| mine.contains(key.as_str()));
        let asked = view.leases.iter().filter(|row| mine.contains(row.key.as_str()));
        let is_asked = |row: &&Lease| row.wanted_by.as_deref() != me && is_live(&view.live, row.wanted_by.as_ref());
        self.seen = Held {
            ours: BTreeSet::new(),
            asked: asked.filter(is_asked).map(|row| row.key.clone()).collect(),
            known: view.leases.iter().map(|row| row.key.clone()).collect(),
            workers: view.live.len(),
        };
        view
    }

    fn count(&mut self, rows: &[Lease]) {
        self.highest = rows.iter().map(|row| row.counter).fold(self.highest, u64::max);
    }

    fn view(&self, rows: Vec<Lease>, run_out: BTreeSet<String>) -> View {
        let (workers, leases): (Vec<Lease>, Vec<Lease>) = rows.into_iter().partition(|row| worker_of(row).is_some());
        let workers: BTreeMap<String, Lease> =
            workers.into_iter().filter_map(|row| Some((worker_of(&row)?.to_owned(), row))).collect();
        // Who still holds a lease counts, though his own row be gone.
        let owners = leases.iter().filter(|row| !run_out.contains(&row.key)).filter_map(|row| row.owner.as_ref());
        let alive = owners.chain(workers.keys()).filter(|worker| !self.dead.contains(*worker));
        let mut live: BTreeSet<String> = alive.cloned().collect();
        live.insert(self.settings.worker.clone());
        View { leases, workers, live, run_out }
    }

    fn facts<'a>(
        &'a self,
        view: &'a View,
        readable: &'a BTreeSet<String>,
        reports: &'a BTreeMap<String, Report>,
    ) -> Facts<'a> {
        Facts {
            me: &self.settings.worker,
            live: &view.live,
            leases: &view.leases,
            run_out: &view.run_out,
            readable,
            reports,
            left: &self.left,
            partings: &self.partings,
            first: self.highest + 1,
            tolerance: self.settings.tolerance,
        }
    }

    /// Our own row, and the end of those of the dead.
    fn signs_of_life(&self, view: &View) -> Vec<Change> {
        let dead = self.dead.iter().filter_map(|worker| view.workers.get(worker));
        let mut changes: Vec<Change> =
            dead.map(|row| Change::Delete { key: row.key.clone(), seen: row.counter }).collect();
        changes.push(self.sign_of_life(view));
        changes
    }

    fn sign_of_life(&self, view: &View) -> Change {
        let me = &self.settings.worker;
        match view.workers.get(me) {
            Some(row) => {
                Change::Replace { seen: row.counter, lease: Lease { counter: row.counter + 1, ..row.clone() } }
            }
            None => Change::Create(Lease {
                key: format!("{WORKER}{me}"),
                owner: Some(me.clone()),
                counter: self.highest + 1,
                ..Lease::default()
            }),
        }
    }

    /// Takes in that a change took place.
    fn note(&mut self, change: &Change, sent: Instant) {
        let Some(lease) = change.lease() else {
            self.partings.remove(change.key());
            return;
        };
        if worker_of(lease).is_some() {
            return;
        }
        self.seen.known.insert(lease.key.clone());
        if lease.owner.as_ref() == Some(&self.settings.worker) {
            self.renewed.insert(lease.key.clone(), sent);
        } else {
            self.partings.remove(&lease.key);
        }
    }
}

/// The worker whose sign of life the row is.
fn worker_of(row: &Lease) -> Option<&str> {
    row.key.strip_prefix(WORKER)
}

fn is_live(live: &BTreeSet<String>, worker: Option<&String>) -> bool {
    worker.is_some_and(|worker| live.contains(worker))
}
