//! Tells the operator in a chat of one of the hub's accounts; for a mailbox that is a letter.
//!
//! Invariant: a word that is repeated because no answer came carries the same call key, so that
//! networks which can tell repetitions take it once.

use crate::config::OperatorChat;
use ieum_core::directory::Language;
use ieum_core::outgoing::{Act, Outcome, Outgoing, Part};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::Connector;
use ieum_core::ports::tell::{NotTold, Teller, Word};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// One chat.
#[derive(Debug)]
pub(super) struct Chat {
    settings: OperatorChat,
    channel: String,
    language: Language,
    connector: Arc<dyn Connector>,
}

impl Chat {
    pub(super) fn new(
        settings: OperatorChat,
        language: Language,
        connector: Arc<dyn Connector>,
    ) -> Self {
        let channel = format!("{}:{}", settings.account, settings.chat.key.as_str());
        Self { settings, channel, language, connector }
    }

    fn outgoing(&self, word: &Word) -> Outgoing {
        let text = match self.language {
            Language::Ko => &word.korean,
            Language::En => &word.english,
        };
        Outgoing {
            chat: self.settings.chat.clone(),
            key: call_key(&self.channel, &word.id),
            answer_token: None,
            author: None,
            act: Act::Say(vec![Part { text: text.clone(), ..Part::default() }]),
        }
    }
}

/// The same for every repetition of a word in a chat.
fn call_key(channel: &str, id: &str) -> [u8; 16] {
    let digest = Sha256::digest(format!("operator\n{channel}\n{id}"));
    let mut key = [0; 16];
    key.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    key
}

impl Teller for Chat {
    fn channel(&self) -> &str {
        &self.channel
    }

    fn tell<'a>(&'a self, word: &'a Word) -> BoxFuture<'a, Result<(), NotTold>> {
        Box::pin(async move {
            match self.connector.send(&self.outgoing(word)).await {
                Outcome::Accepted { .. } => Ok(()),
                Outcome::Deferred { reason, .. } | Outcome::Refused { reason, .. } => {
                    Err(NotTold(reason))
                }
                Outcome::Unknown { reason } => Err(NotTold(format!("no answer: {reason}"))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_has_the_same_key_and_nothing_else_has() {
        let key = call_key("mail:ops@example.org", "7-1-opened-1");
        assert_eq!(key, call_key("mail:ops@example.org", "7-1-opened-1"));
        assert_ne!(key, call_key("mail:ops@example.org", "7-1-closed-2"));
        assert_ne!(key, call_key("mail:other@example.org", "7-1-opened-1"));
    }
}
