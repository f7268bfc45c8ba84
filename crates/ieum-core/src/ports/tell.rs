//! The port through which the operator is told about incidents: a webhook, a chat, a letter.

use super::BoxFuture;
use crate::incident::Incident;
use crate::telling::Stage;
use crate::time::Timestamp;

/// One word for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The same for every repetition of this word and for no other.
    pub id: String,
    /// What happened to the incident.
    pub stage: Stage,
    /// The incident as it is now.
    pub incident: Incident,
    /// In Korean.
    pub korean: String,
    /// In English.
    pub english: String,
    /// When it is told.
    pub at: Timestamp,
}

/// A channel did not take a word: it is told again later. The reason holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTold(pub String);

/// One channel of the operator's.
pub trait Teller: Send + Sync + std::fmt::Debug {
    /// Its name, which stays: by it the hub knows what the channel was told.
    fn channel(&self) -> &str;

    /// Tells one word, once. It does not retry and does not wait without a limit.
    fn tell<'a>(&'a self, word: &'a Word) -> BoxFuture<'a, Result<(), NotTold>>;
}
