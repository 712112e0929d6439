//! Keeps a token fresh ahead of time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tributary_aws::in_words;
use tributary_core::{Clock, Timestamp};

use crate::file::Stamp;
use crate::msk::Signer;
use crate::provider::Asker;
use crate::url::shown;
use crate::{Error, Token, TokenSource, file};

/// How long one fetch may take: credentials may come from a chain of several services.
const PATIENCE: Duration = Duration::from_secs(30);

/// A token is fetched anew after so much of its life: before librdkafka asks for one, which is at four fifths.
const RENEWED: f64 = 0.75;

/// The shortest and longest time to the next try.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(24 * 3_600);

/// How often the clock, and the file, are looked at between two fetches: a machine that slept, or whose clock was set, has less
/// time left than was thought.
const LOOK: Duration = Duration::from_secs(10);

/// How many threads may wait for a disk. One that never answers gets no more of them.
const WAITING: usize = 4;

/// The longest time after a failure.
const BACKOFF: Duration = Duration::from_secs(30);

/// A thread that fetches a token, and another one before that is over. It ends with the keeper.
pub struct Keeper {
    kept: Arc<Kept>,
    clock: Arc<dyn Clock>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Kept {
    newest: Mutex<Newest>,
    changed: Condvar,
}

/// The last token, and why there is none after it.
#[derive(Default)]
struct Newest {
    token: Option<Token>,
    trouble: Option<Error>,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Fetches the first token. Blocks until it is there.
    ///
    /// # Errors
    /// Any of [`Error`]: why there is none.
    pub fn start(source: TokenSource, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::begin(source, clock, LOOK)
    }

    fn begin(source: TokenSource, clock: Arc<dyn Clock>, look: Duration) -> Result<Self, Error> {
        let kept = Arc::new(Kept::default());
        let (stop, stopped) = oneshot::channel();
        let (ours, shared) = (Arc::clone(&clock), Arc::clone(&kept));
        let fetching = Fetching { source, clock: ours, kept: shared, look, opened: None, stamp: None };
        let thread = std::thread::Builder::new().name("tokens".to_owned()).spawn(move || fetching.run(stopped));
        let thread = thread.map_err(|error| Error::Broken(format!("no thread for tokens: {error}")))?;
        let keeper = Self { kept, clock, stop: Some(stop), thread: Some(thread) };
        keeper.first()?;
        Ok(keeper)
    }

    fn first(&self) -> Result<(), Error> {
        let is_empty = |newest: &mut Newest| newest.token.is_none() && newest.trouble.is_none();
        // The fetch is over by then, whatever came of it.
        let waited = self.kept.changed.wait_timeout_while(self.kept.lock(), 2 * PATIENCE, is_empty);
        let (mut newest, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (newest.token.is_some(), newest.trouble.take()) {
            (true, _) => Ok(()),
            (false, trouble) => Err(trouble.unwrap_or(Error::Slow(PATIENCE))),
        }
    }

    /// The newest token that is worth something. Never waits.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn newest(&self) -> Result<Token, String> {
        let newest = self.kept.lock();
        match (&newest.token, &newest.trouble) {
            (Some(token), _) if token.expires > self.clock.now() => Ok(token.clone()),
            (_, Some(trouble)) => Err(in_words(trouble)),
            (Some(token), None) => {
                Err(format!("the token is over since {}, and the next one is on its way", token.expires))
            }
            (None, None) => Err("the first token is on its way".to_owned()),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that fetches tokens died");
        }
    }
}

/// Whatever is kept open between two tokens.
#[derive(Debug)]
enum Opened {
    Provider(Asker),
    Msk(Signer),
}

struct Fetching {
    source: TokenSource,
    clock: Arc<dyn Clock>,
    kept: Arc<Kept>,
    look: Duration,
    opened: Option<Opened>,
    /// What the file looked like before it was read.
    stamp: Option<Stamp>,
}

impl Fetching {
    fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(WAITING).build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                self.put(Err(Error::Broken(format!("no runtime for tokens: {error}"))), 0);
                return;
            }
        };
        runtime.block_on(async {
            let mut failures = 0;
            loop {
                let fetched = tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    fetched = tokio::time::timeout(PATIENCE, self.fetch()) => fetched,
                };
                let fetched = fetched.unwrap_or(Err(Error::Slow(PATIENCE)));
                failures = if fetched.is_ok() { 0 } else { failures + 1 };
                let wait = self.put(fetched, failures);
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    () = self.sleep(wait) => {}
                }
            }
        });
        // A disk that does not answer holds up nobody who ends.
        runtime.shutdown_background();
    }

    /// Until so much time is over, by the clock or by what this thread has waited, or the file is another one.
    async fn sleep(&self, wait: Duration) {
        let due = self.clock.now().plus_micros(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        let mut left = wait;
        while !left.is_zero() && self.clock.now() < due {
            let step = left.min(self.look);
            tokio::time::sleep(step).await;
            left = left.saturating_sub(step);
            if self.has_changed().await {
                return;
            }
        }
    }

    async fn has_changed(&self) -> bool {
        let TokenSource::File(path) = &self.source else { return false };
        matches!(tokio::time::timeout(PATIENCE, file::stamp(path)).await, Ok(stamp) if stamp != self.stamp)
    }

    async fn fetch(&mut self) -> Result<Token, Error> {
        let now = self.clock.now();
        let token = match (&self.source, &self.opened) {
            (TokenSource::File(path), _) => {
                self.stamp = file::stamp(path).await;
                file::read(path).await?
            }
            (_, Some(Opened::Provider(asker))) => asker.ask(now).await?,
            (_, Some(Opened::Msk(signer))) => signer.token(now).await?,
            (TokenSource::Provider(provider), None) => {
                // It reads the file of authorities.
                let provider = provider.clone();
                let asker = tokio::task::spawn_blocking(move || Asker::new(provider)).await;
                let asker = asker.map_err(|error| Error::Broken(format!("no client for tokens: {error}")))??;
                let token = asker.ask(now).await?;
                self.opened = Some(Opened::Provider(asker));
                token
            }
            (TokenSource::Msk(connection), None) => {
                let signer = Signer::open(connection).await?;
                let token = signer.token(now).await?;
                self.opened = Some(Opened::Msk(signer));
                token
            }
        };
        if token.expires > now {
            return Ok(token);
        }
        Err(Error::Over { place: self.place(), since: token.expires.to_string() })
    }

    fn place(&self) -> String {
        match &self.source {
            TokenSource::File(path) => path.display().to_string(),
            TokenSource::Provider(provider) => shown(&provider.url),
            TokenSource::Msk(_) => "the credentials of AWS".to_owned(),
        }
    }

    /// Puts it where it is asked for; how long to wait for the next one.
    fn put(&self, fetched: Result<Token, Error>, failures: u32) -> Duration {
        let mut newest = self.kept.lock();
        let wait = match fetched {
            Ok(token) => {
                tracing::debug!(principal = token.principal, expires = %token.expires, "token");
                let wait = until_renewal(self.clock.now(), token.expires);
                *newest = Newest { token: Some(token), trouble: None };
                wait
            }
            Err(error) => {
                // The first is told to whoever waits for it.
                if newest.token.is_some() {
                    tracing::warn!(error = in_words(&error), "the token could not be renewed");
                }
                newest.trouble = Some(error);
                SOON.saturating_mul(1 << failures.min(6)).min(BACKOFF)
            }
        };
        self.kept.changed.notify_all();
        wait
    }
}

fn until_renewal(now: Timestamp, expires: Timestamp) -> Duration {
    let left = u64::try_from(expires.micros().saturating_sub(now.micros())).unwrap_or(0);
    Duration::from_micros(left).mul_f64(RENEWED).clamp(SOON, LATE)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Instant;

    use tributary_core::Secret;
    use tributary_testkit::{Reply, ScriptedServer};

    use super::*;
    use crate::Provider;
    use crate::jwt::unsigned;

    /// Stands still until it is moved; in seconds.
    struct Moved(AtomicI64);

    impl Clock for Moved {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
        }
    }

    fn write(file: &Path, subject: &str, expires: i64) {
        std::fs::write(file, format!("{}\n", unsigned(&format!("{{\"sub\":{subject:?},\"exp\":{expires}}}")))).unwrap();
    }

    fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_token_is_renewed_before_it_is_over_and_kept_as_long_as_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        write(&file, "first", 1_002);
        let clock = Arc::new(Moved(AtomicI64::new(1_000)));
        let keeper = Keeper::start(TokenSource::File(file.clone()), Arc::<Moved>::clone(&clock)).unwrap();
        assert_eq!(keeper.newest().unwrap().principal, "first");
        write(&file, "second", 1_003);
        wait_until("it is renewed though the clock stands still", || keeper.newest().unwrap().principal == "second");
        std::fs::remove_file(&file).unwrap();
        wait_until("it is missed", || keeper.kept.lock().trouble.is_some());
        assert_eq!(keeper.newest().unwrap().principal, "second");
        clock.0.store(1_003, Ordering::Relaxed);
        let said = keeper.newest().unwrap_err();
        assert!(said.contains("cannot be read") && said.contains(&file.display().to_string()), "{said}");
        write(&file, "third", 2_000);
        wait_until("it is back", || keeper.newest().is_ok_and(|token| token.principal == "third"));
    }

    #[test]
    fn a_file_that_changes_and_a_clock_that_is_set_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        write(&file, "first", 9_000);
        let clock = Arc::new(Moved(AtomicI64::new(1_000)));
        let source = TokenSource::File(file.clone());
        let keeper = Keeper::begin(source, Arc::<Moved>::clone(&clock), Duration::from_millis(20)).unwrap();
        write(&file, "the second", 9_000);
        wait_until("the file is another one", || keeper.newest().unwrap().principal == "the second");
        // A token that lives for two hours is not fetched again within this test by what the thread waits.
        clock.0.store(9_000, Ordering::Relaxed);
        let over = || keeper.newest().unwrap_err();
        assert!(over().contains("over since"), "{}", over());
        wait_until("it is tried again", || keeper.kept.lock().trouble.is_some());
        assert!(over().contains("renew it"), "{}", over());
    }

    #[test]
    fn a_provider_is_asked_again_before_its_token_is_over() {
        let reply = |token| Reply(200, &[], token);
        let server = ScriptedServer::start(&[
            reply("{\"access_token\":\"first\",\"expires_in\":2}"),
            reply("{\"access_token\":\"second\",\"expires_in\":3000}"),
        ]);
        let server = server.unwrap();
        let provider = Provider {
            url: format!("{}/token", server.endpoint()),
            client_id: "us".to_owned(),
            client_secret: Secret::new("secret".to_owned()),
            scope: None,
            authorities: None,
        };
        let clock = Arc::new(Moved(AtomicI64::new(1_000)));
        let keeper = Keeper::start(TokenSource::Provider(provider), clock).unwrap();
        let held = || keeper.newest().unwrap();
        assert_eq!((held().value.expose(), held().expires.micros()), ("first", 1_002_000_000));
        wait_until("it is renewed", || held().value.expose() == "second");
        assert_eq!((held().expires.micros(), server.requests().len()), (4_000_000_000, 2));
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("token");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let clock = Arc::new(Moved(AtomicI64::new(1_000)));
        let refused = Keeper::start(TokenSource::File(pipe), clock).unwrap_err();
        assert!(in_words(&refused).contains("no regular file"), "{refused:?}");
    }

    #[test]
    fn the_first_token_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let clock = Arc::new(Moved(AtomicI64::new(1_000)));
        let start = || Keeper::start(TokenSource::File(file.clone()), Arc::<Moved>::clone(&clock));
        assert!(matches!(start(), Err(Error::File { .. })));
        write(&file, "late", 1_000);
        assert!(matches!(start(), Err(Error::Over { .. })));
        write(&file, "good", 1_001);
        assert!(start().is_ok());
    }

    #[test]
    fn it_is_renewed_at_three_quarters() {
        let wait = |seconds: i64| until_renewal(Timestamp::from_micros(0), Timestamp::from_micros(seconds * 1_000_000));
        assert_eq!((wait(900), wait(0), wait(i64::MAX / 2_000_000)), (Duration::from_secs(675), SOON, LATE));
    }
}
