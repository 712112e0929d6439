//! The calls of librdkafka: the one file that the compiler cannot check. Begin with the proof in `lib.rs`.
//!
//! Source: `rdkafka.h` of librdkafka 2.12, "Admin API", "Queue API", "Events".

#![warn(clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::message::BorrowedMessage;
use rdkafka_sys as sys;

use crate::error::Error;
use crate::id::{Topic, TopicId};

// `rdkafka-sys` declares these two as returning a Rust enumeration, which may hold nothing but its own values; a broker may send a
// number that it lacks. In C an enumeration with negative values that fit is an `int`.
//
// SAFETY: names and types are those of `rdkafka.h`, and `rdkafka-sys` links the library that has them.
unsafe extern "C" {
    fn rd_kafka_event_error(event: *mut sys::rd_kafka_event_t) -> c_int;
    fn rd_kafka_error_code(error: *const sys::rd_kafka_error_t) -> c_int;
}

/// A question for the ids of topics, on its way.
pub struct Question<'a> {
    queue: Queue,
    /// The queue belongs to a client.
    client: PhantomData<&'a ()>,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

impl<'a> Question<'a> {
    /// Asks, and returns at once. librdkafka gives up after `patience` (1 ms to an hour), which is an answer too.
    ///
    /// # Errors
    /// [`Error`] where a name cannot be one of a topic, or librdkafka refuses the patience.
    pub fn ask<C: ClientContext>(client: &'a Client<C>, topics: &[&str], patience: Duration) -> Result<Self, Error> {
        let names = topics.iter().map(|topic| CString::new(*topic)).collect::<Result<Vec<CString>, _>>();
        let names = names.map_err(|_| Error::invalid("a name with a zero in it"))?;
        let client = client.native_ptr();
        let collection = Collection::of(&names)?;
        let options = Options::new(client, patience)?;
        let queue = Queue::new(client)?;
        // SAFETY: the client is alive, as `client` was borrowed for longer than this call; the other three are, as their
        // owners live to the end of it. librdkafka copies names and options, and counts its reference to the queue.
        unsafe {
            sys::rd_kafka_DescribeTopics(client, collection.0.as_ptr(), options.0.as_ptr(), queue.0.as_ptr());
        }
        Ok(Self { queue, client: PhantomData })
    }

    /// The answer, waited for for so long: each topic that the broker answered for. It is there once.
    pub fn answer(&self, wait: Duration) -> Option<Result<Vec<Topic>, Error>> {
        self.queue.poll(wait).map(|event| event.topics())
    }
}

/// Calls `each` with the name and the value of every header of a message, as bytes: `rdkafka` reads names as text, and panics
/// where one is none. A value that is null is empty.
pub fn headers(message: &BorrowedMessage<'_>, each: &mut dyn FnMut(&[u8], &[u8])) {
    let mut list = null_mut();
    // SAFETY: the message is alive, as it was borrowed for longer than this call, and in no other thread's hands: a
    // consumer's message belongs to who polled it. librdkafka writes a pointer to a list that the message owns.
    let said = unsafe { sys::rd_kafka_message_headers(message.ptr(), &raw mut list) };
    if said != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || list.is_null() {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: the list lives as long as the message; the three are written where there is such a header.
        let said = unsafe { sys::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut size) };
        if said != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return;
        }
        // SAFETY: not null, ends with a zero, which librdkafka adds, and lives as long as the message.
        let name = unsafe { CStr::from_ptr(name) };
        let value = match NonNull::new(value.cast_mut().cast::<u8>()) {
            // SAFETY: not null, so many bytes of the message, which is alive and which nobody writes.
            Some(value) => unsafe { std::slice::from_raw_parts(value.as_ptr(), size) },
            None => &[],
        };
        each(name.to_bytes(), value);
    }
}

/// Names of topics for librdkafka.
struct Collection(NonNull<sys::rd_kafka_TopicCollection_t>);

impl Collection {
    fn of(names: &[CString]) -> Result<Self, Error> {
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: as many pointers as are said, each to a string that ends with a zero and lives longer than the call, which
        // copies them. Of an empty list none is read.
        let made = unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) };
        NonNull::new(made).map(Self).ok_or_else(|| Error::invalid("no list of topics"))
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka, not null, and destroyed here alone.
        unsafe { sys::rd_kafka_TopicCollection_destroy(self.0.as_ptr()) }
    }
}

/// Options of the question.
struct Options(NonNull<sys::rd_kafka_AdminOptions_t>);

impl Options {
    const LONGEST: Duration = Duration::from_secs(3_600);

    /// `client` is alive.
    fn new(client: *mut sys::rd_kafka_t, patience: Duration) -> Result<Self, Error> {
        let what = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        // SAFETY: the caller's client is alive; the kind is one of librdkafka's own. It keeps no pointer to the client.
        let made = unsafe { sys::rd_kafka_AdminOptions_new(client, what) };
        let options = NonNull::new(made).map(Self).ok_or_else(|| Error::invalid("no options"))?;
        let patience = patience.clamp(Duration::from_millis(1), Self::LONGEST);
        // SAFETY: the options are alive. For what went wrong there is room for no letter, and none is written: librdkafka
        // formats into the room that it is told, with `snprintf`. What it returns is one of two values that `sys` has.
        let said = unsafe {
            sys::rd_kafka_AdminOptions_set_request_timeout(options.0.as_ptr(), millis(patience), null_mut(), 0)
        };
        match said {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(options),
            _ => Err(Error::invalid("a patience that librdkafka refuses")),
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka, not null, and destroyed here alone.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

/// Where the answer comes. It must not outlive its client.
struct Queue(NonNull<sys::rd_kafka_queue_t>);

impl Queue {
    /// `client` is alive.
    fn new(client: *mut sys::rd_kafka_t) -> Result<Self, Error> {
        // SAFETY: the caller's client is alive.
        let made = unsafe { sys::rd_kafka_queue_new(client) };
        NonNull::new(made).map(Self).ok_or_else(|| Error::invalid("no queue"))
    }

    fn poll(&self, wait: Duration) -> Option<Event> {
        // SAFETY: the queue is alive, and so is its client, which the question borrows. Nobody else polls it, and what comes
        // out is ours to destroy.
        let event = unsafe { sys::rd_kafka_queue_poll(self.0.as_ptr(), millis(wait)) };
        NonNull::new(event).map(Event)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by librdkafka, not null, and destroyed here alone. A question that still runs has its own reference.
        unsafe { sys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// What came out of the queue. What it shows lives as long as it does.
struct Event(NonNull<sys::rd_kafka_event_t>);

impl Event {
    fn topics(&self) -> Result<Vec<Topic>, Error> {
        // SAFETY: the event is alive.
        let code = unsafe { rd_kafka_event_error(self.0.as_ptr()) };
        if code != 0 {
            // SAFETY: the event is alive.
            let said = unsafe { sys::rd_kafka_event_error_string(self.0.as_ptr()) };
            // SAFETY: null, or a string of the event.
            let said = unsafe { text(said) }.unwrap_or_else(|| "librdkafka does not say why".to_owned());
            return Err(Error::new(code, said));
        }
        // SAFETY: the event is alive. For one of another kind it is null.
        let result = unsafe { sys::rd_kafka_event_DescribeTopics_result(self.0.as_ptr()) };
        if result.is_null() {
            return Err(Error::invalid("an answer to something else"));
        }
        let mut count = 0;
        // SAFETY: the result is the event, which is alive, and of the kind that librdkafka asserts.
        let first = unsafe { sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count) };
        if first.is_null() || count == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: librdkafka says that so many pointers lie there; they live as long as the event, and it writes to a result
        // no more once it is in the queue.
        let topics = unsafe { std::slice::from_raw_parts(first, count) };
        let topics = topics.iter().filter(|topic| !topic.is_null());
        // SAFETY: not null, of this list, and the event is alive.
        Ok(topics.filter_map(|topic| unsafe { described(*topic) }).collect())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it came out of a queue, is not null, and is destroyed here alone; nothing that it showed is kept.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// A topic of an answer; `None` for one without a name.
///
/// # Safety
/// `topic` is one of an event that is alive.
unsafe fn described(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<Topic> {
    // SAFETY: the caller's topic is alive.
    let name = unsafe { sys::rd_kafka_TopicDescription_name(topic) };
    // SAFETY: null, or a string that lives as long as the topic.
    let name = unsafe { text(name) }?;
    // SAFETY: the caller's topic is alive.
    let error = unsafe { sys::rd_kafka_TopicDescription_error(topic) };
    // SAFETY: null, which librdkafka takes for no error, or an error that lives as long as the topic.
    let error = Some(unsafe { rd_kafka_error_code(error) }).filter(|code| *code != 0);
    if error.is_some() {
        return Some(Topic { name, id: None, error });
    }
    // SAFETY: the caller's topic is alive.
    let id = unsafe { sys::rd_kafka_TopicDescription_topic_id(topic) };
    if id.is_null() {
        return Some(Topic { name, id: None, error });
    }
    // SAFETY: not null, and a part of the topic. The number is read, nothing written, unlike by `rd_kafka_Uuid_base64str`.
    let most = unsafe { sys::rd_kafka_Uuid_most_significant_bits(id) };
    // SAFETY: as above.
    let least = unsafe { sys::rd_kafka_Uuid_least_significant_bits(id) };
    Some(Topic { name, id: TopicId::from_halves(most, least), error })
}

/// A copy of a string of librdkafka's, `None` for null. What is no UTF-8 is replaced.
///
/// # Safety
/// `said` is null, or ends with a zero and is alive.
unsafe fn text(said: *const c_char) -> Option<String> {
    if said.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller says the rest.
    Some(unsafe { CStr::from_ptr(said) }.to_string_lossy().into_owned())
}

/// Milliseconds as librdkafka takes them; its own `-1` means for ever, and never comes out.
fn millis(wait: Duration) -> c_int {
    c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX)
}
