//! commit: claims epochs, publishes them, and hands their receipts back.

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tributary_commit::{Claim, CommitLog, Permit, Proposal, Receipt};
use tributary_core::{Checkpoint, Conflict, Delta, Gap};

use super::{Ended, Sealed};
use crate::error::log_failure;
use crate::progress::Reporter;
use crate::{OnGap, Phase, RunError, SealReason, StageName};

const STAGE: StageName = StageName::Commit;

/// The stage that owns the log.
pub(crate) struct Commit {
    pub(crate) log: CommitLog,
    /// Where the line began.
    pub(crate) checkpoint: Checkpoint,
    /// The last epoch it published.
    pub(crate) newest: Option<Receipt>,
    pub(crate) on_gap: OnGap,
    pub(crate) sealed: mpsc::Receiver<Sealed>,
    pub(crate) receipts: watch::Sender<Option<Receipt>>,
    pub(crate) reporter: Reporter,
}

impl Commit {
    /// Commits until its input ends.
    pub(crate) async fn run(mut self) -> Result<Ended, RunError> {
        while let Some(Sealed { proposal, reason }) = self.sealed.recv().await {
            self.judge_gaps(&proposal.delta)?;
            let begun = Instant::now();
            let (permit, facts) = match self.claim(proposal).await? {
                Ok(claimed) => claimed,
                Err(ended) => return Ok(ended),
            };
            if reason == SealReason::Memory {
                self.reporter.note(|progress| progress.early_seals += 1);
            }
            fail::fail_point!("commit:between", |_| std::process::abort());
            let receipt = self.publish(permit).await?;
            tracing::info!(
                epoch = %receipt.epoch(),
                rows = facts.rows,
                files = facts.files,
                bytes = facts.bytes,
                ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                roll_reason = reason.as_str(),
                "committed"
            );
            self.newest = Some(receipt.clone());
            self.receipts.send_replace(Some(receipt));
        }
        Ok(Ended::Commit)
    }

    /// The epoch, or how the stage ends because it belongs to somebody else.
    async fn claim(&mut self, proposal: Proposal) -> Result<Result<(Permit, Facts), Ended>, RunError> {
        self.reporter.enter(Phase::Claiming);
        self.reporter.note(|progress| progress.claiming(&proposal));
        let (tally, files) = (proposal.tally.clone(), proposal.adds.clone());
        let claim = self.log.claim(proposal).await.map_err(log_failure).map_err(RunError::at(STAGE))?;
        match claim {
            Claim::Owned(permit) => {
                self.reporter.enter(Phase::Claimed);
                self.reporter.note(|progress| progress.claimed(permit.epoch(), &tally, &files));
                let facts = Facts {
                    rows: tally.rows.values().sum(),
                    files: files.len(),
                    bytes: files.iter().map(|file| file.ticket.bytes).sum(),
                };
                Ok(Ok((permit, facts)))
            }
            Claim::Fenced(by) => Err(RunError::Fenced { by: Box::new(by) }),
            Claim::Overtaken { epoch } => Ok(Err(Ended::Overtaken(epoch))),
        }
    }

    async fn publish(&mut self, permit: Permit) -> Result<Receipt, RunError> {
        self.reporter.enter(Phase::Publishing);
        let receipt = self.log.publish(permit).await.map_err(log_failure).map_err(RunError::at(STAGE))?;
        self.reporter.enter(Phase::Published);
        self.reporter.note(|progress| progress.pending = None);
        Ok(receipt)
    }

    /// INV-2: what nobody accounted for is an event, and `on_gap` says of what kind.
    fn judge_gaps(&self, delta: &Delta) -> Result<(), RunError> {
        let committed = self.newest.as_ref().map_or(&self.checkpoint, Receipt::checkpoint);
        // An overlap is the log's to judge: it knows who was there first.
        let Ok(gaps) = gaps(committed, delta) else { return Ok(()) };
        for Gap { split, missing } in gaps {
            match self.on_gap {
                OnGap::Fail => return Err(RunError::Gap { split, missing }),
                OnGap::Continue => {
                    self.reporter.note(|progress| progress.gaps += 1);
                    tracing::error!(%split, %missing, "records were left out that nobody accounted for");
                }
            }
        }
        Ok(())
    }
}

/// What the log line of a commit says.
struct Facts {
    rows: u64,
    files: usize,
    bytes: u64,
}

/// The gaps between a checkpoint and a delta. Looks only at the delta's splits: a checkpoint may name millions.
fn gaps(checkpoint: &Checkpoint, delta: &Delta) -> Result<Vec<Gap>, Conflict> {
    let touched: Checkpoint =
        delta.spans().map(|(split, _)| (split.clone(), checkpoint.position(split).clone())).collect();
    Ok(touched.advance(delta)?.gaps)
}
