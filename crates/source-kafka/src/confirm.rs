//! Whether what was polled is still of the topics that our splits are named by.
//!
//! librdkafka goes on at the same offset when a topic is made again (a `FIXME` of `rd_kafka_topic_metadata_update`), and says
//! nothing. So what was polled is handed on only when the brokers, asked after it came, still tell the same ids.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaRespErr;
use tributary_kafka_ffi::{Error, Question, Topic};

use crate::context::{Context, State};

/// A question that told nothing is asked again after so long.
const AGAIN: Duration = Duration::from_millis(200);

/// A topic that is not there for so long was deleted: of one that was made again a broker may have heard only half yet.
const GONE: Duration = Duration::from_secs(2);

/// How long librdkafka tries one question.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet.
    Waiting,
    /// They are the same, or nobody can tell.
    Same,
    /// One was made again.
    Other,
}

/// A question until it is answered.
pub(crate) struct Confirm<'a> {
    member: &'a BaseConsumer<Context>,
    question: Option<Question<'a>>,
    known: Option<Answer>,
    is_outdated: bool,
    /// How many topics were asked for.
    asked: usize,
    /// Since when a topic of ours is not there.
    gone_since: Option<Instant>,
    /// When the next question may be asked.
    next: Instant,
}

impl<'a> Confirm<'a> {
    pub(crate) fn new(member: &'a BaseConsumer<Context>) -> Self {
        Self {
            member,
            question: None,
            known: None,
            is_outdated: false,
            asked: 0,
            gone_since: None,
            next: Instant::now(),
        }
    }

    /// More was polled: the answer holds for the batch in hand, not for the next.
    pub(crate) fn outdate(&mut self) {
        self.is_outdated = true;
    }

    /// Asks again for the next batch, where more was polled.
    pub(crate) fn renew(&mut self) {
        if self.is_outdated {
            *self = Self::new(self.member);
        }
    }

    /// Asks where nothing is asked, and waits so long for an answer. Without an answer it is asked again: what was polled
    /// waits.
    pub(crate) fn look(&mut self, wait: Duration) -> Answer {
        if let Some(known) = self.known {
            return known;
        }
        if self.question.is_none() {
            if Instant::now() < self.next {
                return Answer::Waiting;
            }
            self.next = Instant::now() + AGAIN;
            match self.ask() {
                Some(question) => self.question = Some(question),
                None => return self.know(Answer::Same),
            }
        }
        let answer = self.question.as_ref().and_then(|question| question.answer(wait));
        let judged = answer.map(|answer| self.judge(answer));
        match judged {
            None => Answer::Waiting,
            Some(Answer::Waiting) => {
                self.question = None;
                Answer::Waiting
            }
            Some(known) => self.know(known),
        }
    }

    /// Without the id of each topic nothing is known, unless one is gone for good: then what was polled of it is all there is.
    fn judge_missing(&mut self, topics: &[Topic]) -> Answer {
        // Who tells no id, and nothing is wrong, knows of none any more.
        let is_told = |topic: &Topic| topic.id.is_some() || topic.error.is_none();
        if topics.len() >= self.asked && topics.iter().all(is_told) {
            return Answer::Same;
        }
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32;
        if topics.len() < self.asked || !topics.iter().all(|topic| is_told(topic) || topic.error == Some(code)) {
            tracing::debug!(?topics, "topics without an id");
            return Answer::Waiting;
        }
        let since = *self.gone_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= GONE { Answer::Same } else { Answer::Waiting }
    }

    fn know(&mut self, answer: Answer) -> Answer {
        self.question = None;
        *self.known.insert(answer)
    }

    /// For all topics of ours whose id this client was told.
    fn ask(&mut self) -> Option<Question<'a>> {
        let topics: BTreeSet<String> = {
            let state = self.member.context().state();
            let told = state.parts.iter().filter(|part| state.ids.of(&part.topic).is_some());
            told.map(|part| part.topic.to_string()).collect()
        };
        if topics.is_empty() {
            return None;
        }
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        self.asked = topics.len();
        Question::ask(self.member.client(), &topics, PATIENCE).ok()
    }

    fn judge(&mut self, answer: Result<Vec<Topic>, Error>) -> Answer {
        match answer {
            Ok(topics) if is_other(&self.member.context().state(), &topics) => Answer::Other,
            Ok(topics) => self.judge_missing(&topics),
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "asking for the ids of topics");
                Answer::Waiting
            }
            Err(error) => {
                tracing::debug!(%error, "the ids of topics cannot be had any more");
                Answer::Same
            }
        }
    }
}

fn is_other(state: &State, topics: &[Topic]) -> bool {
    topics.iter().any(|topic| match (topic.id, state.ids.of(&topic.name)) {
        (Some(is), Some(was)) => {
            let is = is.to_string();
            if is != was {
                tracing::warn!(topic = topic.name, was, is, "the topic was made again: joining anew");
            }
            is != was
        }
        _ => false,
    })
}
