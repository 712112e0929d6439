//! What an error asks its caller to do.

/// The one question a caller asks of an error. Only the runtime acts on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Try again later: a busy service, a cut connection.
    Transient,
    /// Another writer owns what we wanted to write: stop.
    Fenced,
    /// The person who wrote the configuration has to change something.
    Config,
    /// The data is not what it must be (a refused gap, a damaged log): a person has to decide.
    Data,
    /// None of the above: a mistake of ours.
    Bug,
}
