//! What a connector is asked to say, and what came of it.

use crate::ids::{AuthorKey, ChatKey, NativeMessageId, QuoteKey, UserKey};
use crate::inbound::{ChatRef, FileKind};
use crate::marks::Mark;
use crate::place::Point;
use crate::ports::BoxFuture;
use crate::ports::http::{HttpFailure, PieceStream};
use crate::ports::media::MediaFile;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One call to make: at most [`parts_per_send_max`] parts, once.
///
/// [`parts_per_send_max`]: crate::network::ChatCapabilities::parts_per_send_max
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where.
    pub chat: ChatRef,
    /// The same for every repetition of this call and for no other call: an idempotency key.
    pub key: [u8; 16],
    /// A fresh one-time answer token of this chat, where there is one.
    pub answer_token: Option<Box<str>>,
    /// Whose user acts, where the network shows each author as a user of their own. An edit or a
    /// withdrawal is done by the user who said it. `None` when the hub itself speaks.
    pub author: Option<ActingAuthor>,
    /// What.
    pub act: Act,
}

/// An author whom the network is to show as a user of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingAuthor {
    /// Always the same for the same author, and for nobody else.
    pub key: AuthorKey,
    /// As they are to be seen from now on.
    pub shown: ShownSender,
}

/// What to do in the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Say these parts, in order.
    Say(Vec<Part>),
    /// Change one of our messages.
    Edit {
        /// Which.
        target: NativeMessageId,
        /// Its new text.
        text: String,
        /// What stretches of it are, as in [`Part::marks`].
        marks: Vec<Mark<UserKey>>,
    },
    /// Take back one of our messages.
    Withdraw {
        /// Which.
        target: NativeMessageId,
    },
    /// React to a message; `None` takes our reaction back.
    React {
        /// Which.
        target: NativeMessageId,
        /// With what.
        emoji: Option<Box<str>>,
        /// The reaction to take back, where the network gave it an id of its own.
        own: Option<NativeMessageId>,
    },
}

/// One message as the network is to show it: already within its limits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The whole text, author and label included where they go in the text.
    pub text: String,
    /// Name and picture for networks that show the author as the sender.
    pub sender: Option<ShownSender>,
    /// The message that it answers.
    pub reply: Option<ReplyTarget>,
    /// What stretches of the text are, in its bytes: users of this chat who are to be notified, at
    /// most as many as the chat carries, and where it has them, links, strong words and the like.
    pub marks: Vec<Mark<UserKey>>,
    /// Buttons below the text.
    pub buttons: Vec<Button>,
    /// A file that goes with it; then the text is its caption and may be empty.
    pub file: Option<PartFile>,
    /// A place to be shown on a map; the text may be empty then.
    pub place: Option<PartPlace>,
}

/// A place as the network is to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlace {
    /// Where.
    pub point: Point,
    /// What is there, in one line; never empty.
    pub name: String,
}

/// A file as the network is to show it: of a kind, type and size that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// As what it is shown.
    pub kind: FileKind,
    /// Its media type.
    pub media_type: Box<str>,
    /// Its name; never empty.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// How long it plays, where that is known.
    pub duration_ms: Option<u32>,
    /// A public address that gives it for a while, where the hub has one.
    pub link: Option<String>,
    /// A public address of a small picture that stands for it.
    pub preview: Option<String>,
    /// Its bytes.
    pub content: FileContent,
}

/// The bytes of a file that goes out.
#[derive(Debug, Clone)]
pub struct FileContent(pub Arc<dyn MediaFile>);

impl FileContent {
    /// All its bytes, from the first on.
    #[must_use]
    pub fn pieces(&self) -> Box<dyn PieceStream> {
        Box::new(FilePieces { file: Arc::clone(&self.0), at: 0 })
    }
}

/// Two parts are the same when all that is told of their files is the same.
impl PartialEq for FileContent {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes() == other.0.bytes()
    }
}

impl Eq for FileContent {}

struct FilePieces {
    file: Arc<dyn MediaFile>,
    at: u64,
}

impl PieceStream for FilePieces {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        Box::pin(async {
            let piece = self.file.piece(self.at).await;
            let piece = piece.map_err(|failure| HttpFailure::NotSent(failure.to_string()))?;
            self.at += piece.len() as u64;
            Ok((!piece.is_empty()).then_some(piece))
        })
    }
}

/// The author as the network shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSender {
    /// Within the network's limit.
    pub name: String,
    /// A public picture.
    pub icon_url: Option<Box<str>>,
}

/// The earlier message in the same chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTarget {
    /// Its native id.
    pub native: NativeMessageId,
    /// Its quote token, where the network has them.
    pub quote: Option<QuoteKey>,
}

/// A button whose tap comes back as [`Button`](crate::inbound::InboundKind::Button) or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What comes back.
    pub payload: String,
}

/// What the network gave for one accepted part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
pub struct CopyKey {
    /// Its native id; empty where the network gives none.
    #[n(0)]
    pub native: NativeMessageId,
    /// Its quote token.
    #[n(1)]
    pub quote: Option<QuoteKey>,
}

/// Who or what a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Scope {
    /// This message cannot be carried, whoever gets it.
    #[n(0)]
    Message,
    /// This chat cannot be reached by us.
    #[n(1)]
    Recipient,
    /// Our account may not send at all now.
    #[n(2)]
    Account,
}

/// Whether an outcome speaks for a sick network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Fault {
    /// The network failed (5xx, maintenance, lost connection, time-out).
    #[n(0)]
    Network,
    /// We were too fast or out of quota.
    #[n(1)]
    Limit,
    /// The request or the recipient was at fault; the network works.
    #[n(2)]
    Request,
}

/// What came of one attempt. There is no error beside it: what is not certain is `Unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The network took it.
    Accepted {
        /// One for each part, as far as the network tells.
        copies: Vec<CopyKey>,
    },
    /// It certainly did not happen and may be tried again on the same route.
    Deferred {
        /// Not before so many milliseconds; zero leaves it to us.
        after_ms: u64,
        /// Whether the network is at fault.
        fault: Fault,
        /// For the journal; no message text.
        reason: String,
    },
    /// It certainly did not happen and will not on this route.
    Refused {
        /// Whom it concerns.
        scope: Scope,
        /// The chat's new id, when it only moved.
        moved_to: Option<ChatKey>,
        /// For the journal; no message text.
        reason: String,
    },
    /// The request left and no certain answer came.
    Unknown {
        /// For the journal; no message text.
        reason: String,
    },
}

impl Outcome {
    /// Whether this speaks for a sick network (`Some(true)`), a working one (`Some(false)`), or
    /// for neither.
    #[must_use]
    pub fn blames_network(&self) -> Option<bool> {
        match self {
            Self::Accepted { .. } => Some(false),
            Self::Deferred { fault: Fault::Network, .. } | Self::Unknown { .. } => Some(true),
            Self::Deferred { fault: Fault::Request, .. } => Some(false),
            Self::Refused { scope: Scope::Message | Scope::Recipient, .. } => Some(false),
            Self::Deferred { fault: Fault::Limit, .. }
            | Self::Refused { scope: Scope::Account, .. } => None,
        }
    }
}
