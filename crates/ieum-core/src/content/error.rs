//! Why bytes are no content, or content is not to be sent.

use super::cbor::Rule;

/// Why bytes are no content, or content is not to be sent. Positions are bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A rule of CBOR or of its deterministic form is broken.
    #[error("byte {at}: {rule}")]
    Encoding {
        /// Where.
        at: usize,
        /// Which rule.
        rule: Rule,
    },
    /// Sound CBOR, but not the shape of content.
    #[error("byte {at}: expected {expected}")]
    Shape {
        /// Where.
        at: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// A field is larger than it may be.
    #[error("{field} is over its limit of {max}")]
    OverLimit {
        /// Which field.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// A multi-part body needs two parts at least.
    #[error("a multi-part body has fewer than two parts")]
    TooFewParts,
    /// An extension is named by a reserved or typed key, or by an empty or too long name.
    #[error("an extension has a name that it may not have")]
    ExtensionName,
    /// A message named by another one has an id of an unknown kind.
    #[error("a message id begins with an unknown digest")]
    UnknownDigest,
}
