//! Workers with a table that loses answers, pauses, crashes, inputs that come and go: thousands of schedules by seed, in a
//! time that is a number. Everything runs on one thread, one call to the table after the other.
#![expect(clippy::unwrap_used, reason = "a broken expectation of a test panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tributary_core::{Failure, Fault};
use tributary_leases::{Change, Keeper, Lease, LeaseTable, Report, Settings};

/// Seconds of the simulation.
const DURATION: u64 = 30;
const TURN: u64 = DURATION / 3;
const TOLERANCE: f64 = 0.1;

/// From the end of all trouble on: everybody looks within a turn, waits for what stands still, sees at the turn after that it
/// has run out, and may leave it to somebody for one more turn.
const OWNED_AFTER: u64 = DURATION + 3 * TURN;
/// And so much until nothing moves any more.
const QUIET_AFTER: u64 = OWNED_AFTER + 12 * TURN;
const QUIET_FOR: u64 = 2 * DURATION;

/// Knuth's MMIX generator; the high bits are the good ones.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

struct World {
    dice: Dice,
    start: Instant,
    now: u64,
    is_calm: bool,
    rows: BTreeMap<String, Lease>,
    /// Inputs and what they carry; those that are read to their end.
    inputs: BTreeMap<String, u64>,
    finished: BTreeSet<String>,
    /// Until when each worker may count each lease as his.
    holds: BTreeMap<String, BTreeMap<String, u64>>,
    /// Workers that wait for their next turn.
    idle: BTreeSet<String>,
    /// When something was last written that is not a renewal.
    restless: u64,
    /// Hand-overs since all is calm.
    moves: usize,
}

type Shared = Arc<Mutex<World>>;

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for _ in 0..4 {
            dice.below(2);
        }
        let mut world = Self {
            dice,
            start: Instant::now(),
            now: 0,
            is_calm: false,
            rows: BTreeMap::new(),
            inputs: BTreeMap::new(),
            finished: BTreeSet::new(),
            holds: BTreeMap::new(),
            idle: BTreeSet::new(),
            restless: 0,
            moves: 0,
        };
        let kind = world.dice.below(4);
        for _ in 0..=world.dice.below(16) {
            world.add_input(kind);
        }
        world
    }

    fn add_input(&mut self, kind: u64) {
        let rate = match kind {
            0 => 0,
            1 => 100_000,
            2 => self.dice.below(1_000_000),
            _ => 1 << self.dice.below(20),
        };
        self.inputs.insert(format!("shard-{:03}", self.inputs.len()), rate);
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_secs(self.now)
    }

    fn apply(&mut self, change: Change) -> bool {
        let key = change.key().to_owned();
        let before = self.rows.get(&key).cloned();
        let done = change.apply(&mut self.rows);
        let after = self.rows.get(&key);
        let face = |row: Option<&Lease>| row.map(|row| (row.owner.clone(), row.wanted_by.clone()));
        if done && face(before.as_ref()) != face(after) {
            self.restless = self.now;
            if before.map(|row| row.owner) != after.map(|row| row.owner.clone()) {
                self.moves += 1;
            }
        }
        done
    }

    /// Nobody counts as his what somebody else does.
    fn check(&self) {
        let mut holders: BTreeMap<&str, &str> = BTreeMap::new();
        for (worker, keys) in &self.holds {
            for (key, _) in keys.iter().filter(|(_, until)| **until > self.now) {
                let other = holders.insert(key, worker);
                assert!(other.is_none(), "at {} both {worker} and {other:?} read {key}", self.now);
            }
        }
    }

    /// Inputs that are to be read, all of them.
    fn open(&self) -> BTreeSet<String> {
        self.inputs.keys().filter(|key| !self.finished.contains(*key)).cloned().collect()
    }

    /// Each has an owner that lives, though it may not know yet what was handed to it.
    fn assert_owned(&self) {
        let lives = |row: &&Lease| row.owner.as_ref().is_some_and(|owner| self.holds.contains_key(owner));
        let leases = self.rows.values().filter(|row| !row.key.starts_with("worker/"));
        let owned: BTreeSet<String> = leases.filter(lives).map(|row| row.key.clone()).collect();
        assert_eq!(owned, self.open(), "{:#?}", self.rows);
    }

    /// All are read, and what is read to its end has no lease.
    fn assert_held(&self) {
        let held: BTreeSet<String> = self.holds.values().flat_map(|keys| keys.keys().cloned()).collect();
        assert_eq!(held, self.open(), "{:#?}", self.rows);
        let leases = self.rows.keys().filter(|key| !key.starts_with("worker/"));
        assert_eq!(leases.cloned().collect::<BTreeSet<String>>(), self.open());
    }

    /// Nobody has more than another, but for what cannot be divided and what is tolerated.
    fn assert_even(&self) {
        let open = self.open();
        let mean = open.iter().map(|key| self.inputs[key]).sum::<u64>() / open.len().max(1) as u64;
        let weight = |key: &String| self.inputs[key] as f64 + mean as f64 / 8.0 + 1.0;
        let loads: BTreeMap<&String, f64> =
            self.holds.iter().map(|(worker, keys)| (worker, keys.keys().map(weight).sum::<f64>())).collect();
        let slack = TOLERANCE * loads.values().sum::<f64>() / loads.len() as f64;
        let least = loads.values().copied().fold(f64::INFINITY, f64::min);
        for (worker, keys) in &self.holds {
            let lightest = keys.keys().map(weight).fold(f64::INFINITY, f64::min);
            // A byte more: rates are whole numbers.
            assert!(keys.is_empty() || loads[worker] - least <= lightest + slack + 1.0, "{loads:#?} {:#?}", self.holds);
        }
    }
}

/// Lets the simulation go on somewhere else.
async fn pause() {
    let mut is_over = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut is_over, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

struct Table(Shared);

fn lost() -> Failure {
    Failure::new(Fault::Transient, "test/lost", "the answer is lost")
}

#[async_trait]
impl LeaseTable for Table {
    async fn read(&self) -> Result<Vec<Lease>, Failure> {
        pause().await;
        let rows = {
            let mut world = lock(&self.0);
            let fails = !world.is_calm && world.dice.one_in(12);
            if fails { None } else { Some(world.rows.values().cloned().collect()) }
        };
        pause().await;
        rows.ok_or_else(lost)
    }

    async fn write(&self, changes: Vec<Change>) -> Result<Vec<bool>, Failure> {
        let mut done = Vec::new();
        let mut fails = false;
        for change in changes {
            // A table may change row by row.
            let rests = {
                let mut world = lock(&self.0);
                done.is_empty() || world.dice.one_in(4)
            };
            if rests {
                pause().await;
            }
            let mut world = lock(&self.0);
            if world.is_calm {
                done.push(world.apply(change));
                continue;
            }
            let fate = world.dice.below(30);
            if fate == 0 {
                fails = true;
                break;
            }
            let took_place = world.apply(change);
            done.push(took_place && fate != 1);
        }
        pause().await;
        let is_lost = {
            let mut world = lock(&self.0);
            !world.is_calm && world.dice.one_in(20)
        };
        if fails || is_lost { Err(lost()) } else { Ok(done) }
    }
}

async fn work(name: String, world: Shared, mut due: u64) {
    let settings = Settings { worker: name.clone(), duration: Duration::from_secs(DURATION), tolerance: TOLERANCE };
    let mut keeper = Keeper::new(Arc::new(Table(Arc::clone(&world))), settings);
    let clock = {
        let world = Arc::clone(&world);
        move || lock(&world).instant()
    };
    let mut readable = BTreeSet::new();
    loop {
        lock(&world).idle.insert(name.clone());
        while lock(&world).now < due {
            pause().await;
        }
        lock(&world).idle.remove(&name);
        let reports = {
            let mut world = lock(&world);
            if world.is_calm || world.dice.one_in(2) {
                readable = world.open();
            }
            let report = |key| Report { rate: world.inputs[key], checkpoint: None };
            world.holds[&name].keys().map(|key| (key.clone(), report(key))).collect::<BTreeMap<String, Report>>()
        };
        due = lock(&world).now + TURN;
        let turned = keeper.turn(&readable, &reports, &clock).await;
        let now = clock();
        let held = turned.unwrap_or_else(|_| keeper.held(now));
        assert_eq!(held, keeper.held(now));
        publish(&world, &name, &keeper);
        let (over, asked) = {
            let mut world = lock(&world);
            let over: BTreeSet<String> = held.ours.intersection(&world.finished).cloned().collect();
            let obliges = world.is_calm || world.dice.one_in(2);
            let asked: BTreeSet<String> = held.asked.difference(&over).cloned().collect();
            (over, if obliges { asked } else { BTreeSet::new() })
        };
        for (keys, is_over) in [(over, true), (asked, false)].into_iter().filter(|(keys, _)| !keys.is_empty()) {
            lock(&world).holds.get_mut(&name).unwrap().retain(|key, _| !keys.contains(key));
            pause().await;
            let parted = if is_over { keeper.end(&keys).await } else { keeper.release(&keys).await };
            // It is done at the next turn.
            parted.unwrap_or_else(|failure| assert_eq!(failure.code(), "test/lost"));
        }
    }
}

/// Says until when each lease is the worker's, by what the keeper would say if it were asked at every second.
fn publish(world: &Shared, name: &str, keeper: &Keeper) {
    let (start, now) = {
        let world = lock(world);
        (world.start, world.now)
    };
    let ours = |second| keeper.held(start + Duration::from_secs(second)).ours;
    let mut until = BTreeMap::new();
    let mut second = now;
    while let held = ours(second)
        && !held.is_empty()
    {
        let (mut same, mut fewer) = (second, second + DURATION);
        while fewer - same > 1 {
            let between = (same + fewer) / 2;
            if ours(between) == held { same = between } else { fewer = between }
        }
        until.extend(held.into_iter().map(|key| (key, fewer)));
        second = fewer;
    }
    let mut world = lock(world);
    world.holds.insert(name.to_owned(), until);
    // As time goes on there are only fewer who hold.
    world.check();
}

struct Worker {
    name: String,
    life: Pin<Box<dyn Future<Output = ()>>>,
    paused_until: u64,
}

struct Simulation {
    world: Shared,
    workers: Vec<Worker>,
    born: usize,
}

impl Simulation {
    fn start_worker(&mut self, name: Option<String>) {
        self.born += 1;
        let name = name.unwrap_or_else(|| format!("worker-{:03}", self.born));
        let mut world = lock(&self.world);
        world.holds.insert(name.clone(), BTreeMap::new());
        let due = world.now + if world.dice.one_in(2) { 0 } else { world.dice.below(TURN) };
        drop(world);
        let life = Box::pin(work(name.clone(), Arc::clone(&self.world), due));
        self.workers.push(Worker { name, life, paused_until: 0 });
    }

    fn crash(&mut self, which: usize) -> String {
        let worker = self.workers.swap_remove(which);
        lock(&self.world).holds.remove(&worker.name);
        lock(&self.world).idle.remove(&worker.name);
        worker.name
    }

    fn poll(&mut self, which: usize) {
        let mut context = Context::from_waker(Waker::noop());
        assert!(self.workers[which].life.as_mut().poll(&mut context).is_pending());
    }

    fn roll(&self, bound: u64) -> u64 {
        lock(&self.world).dice.below(bound)
    }

    fn trouble(&mut self, steps: u64, kind: u64) {
        let most = self.roll(6) + 1;
        for _ in 0..steps {
            match self.roll(400) {
                0 if self.workers.len() < most as usize => self.start_worker(None),
                1 if !self.workers.is_empty() => {
                    let which = self.roll(self.workers.len() as u64) as usize;
                    let name = self.crash(which);
                    if self.roll(2) == 0 {
                        self.start_worker(Some(name));
                    }
                }
                2 | 3 if !self.workers.is_empty() => {
                    let which = self.roll(self.workers.len() as u64) as usize;
                    let pause = self.roll(3 * DURATION);
                    self.workers[which].paused_until = lock(&self.world).now + pause;
                }
                4 if lock(&self.world).inputs.len() < 40 => lock(&self.world).add_input(kind),
                5 => {
                    let mut world = lock(&self.world);
                    let open: Vec<String> = world.open().into_iter().collect();
                    if open.len() > 1 {
                        let which = world.dice.below(open.len() as u64) as usize;
                        world.finished.insert(open[which].clone());
                    }
                }
                6..60 => lock(&self.world).now += 1,
                _ => {}
            }
            let now = lock(&self.world).now;
            let awake: Vec<usize> =
                (0..self.workers.len()).filter(|which| self.workers[*which].paused_until <= now).collect();
            if !awake.is_empty() {
                self.poll(awake[self.roll(awake.len() as u64) as usize]);
            }
        }
    }

    /// Nothing goes wrong any more, for so many seconds. A call to the table takes no time that counts.
    fn calm(&mut self, seconds: u64) {
        lock(&self.world).is_calm = true;
        for _ in 0..seconds {
            lock(&self.world).now += 1;
            (0..self.workers.len()).for_each(|which| self.poll(which));
            while lock(&self.world).idle.len() < self.workers.len() {
                let which = self.roll(self.workers.len() as u64) as usize;
                self.poll(which);
            }
        }
    }
}

/// What became of one seed: after how many seconds of calm nothing moved any more, and how many leases had changed hands.
fn simulate(seed: u64) -> (u64, usize) {
    let world = Arc::new(Mutex::new(World::new(seed)));
    let mut simulation = Simulation { world, workers: Vec::new(), born: 0 };
    let kind = simulation.roll(4);
    for _ in 0..=simulation.roll(3) {
        simulation.start_worker(None);
    }
    let steps = simulation.roll(6_000);
    simulation.trouble(steps, kind);
    if simulation.workers.is_empty() {
        simulation.start_worker(None);
    }
    simulation.workers.iter_mut().for_each(|worker| worker.paused_until = 0);
    let calm_since = lock(&simulation.world).now;
    lock(&simulation.world).moves = 0;
    simulation.calm(OWNED_AFTER);
    lock(&simulation.world).assert_owned();
    simulation.calm(QUIET_AFTER - OWNED_AFTER + QUIET_FOR);
    let world = lock(&simulation.world);
    world.assert_held();
    world.assert_even();
    let quiet = world.restless.saturating_sub(calm_since);
    assert!(quiet <= QUIET_AFTER, "still restless {quiet} seconds after all trouble");
    (quiet, world.moves)
}

fn scale() -> u64 {
    std::env::vars().find(|(key, _)| key == "TRIBUTARY_TEST_SCALE").map_or(1, |(_, scale)| scale.parse().unwrap())
}

#[test]
fn any_trouble_ends_with_even_loads_and_quiet() {
    let mut slowest = (0, 0, 0);
    for seed in 0..300 * scale() {
        let ended = std::panic::catch_unwind(|| simulate(seed));
        let (quiet, moves) = ended.unwrap_or_else(|_| panic!("seed {seed}"));
        slowest = slowest.max((quiet, moves, seed));
    }
    println!("the slowest: quiet after {} seconds, {} leases changed hands, seed {}", slowest.0, slowest.1, slowest.2);
}
