//! Whether content is within the limits, for what is decoded and for what is built here.

use super::limits::{
    CONTENT_TYPE_BYTES_MAX, CRYPTO_BYTES_MAX, DESCRIPTION_BYTES_MAX, EXPIRES_S_MAX,
    FILENAME_BYTES_MAX, LANGUAGE_BYTES_MAX, MESSAGE_BYTES_MAX, PART_LEVELS_MAX, PARTS_MAX,
    PARTS_PER_MULTI_MIN, TOPIC_ID_BYTES_MAX, URI_BYTES_MAX, URL_BYTES_MAX,
};
use super::message_id::DIGEST_SHA256;
use super::{Body, Content, ContentError, ExtensionKey, External, Part};

impl Content {
    /// Whether every field is within its limit, so that the encoding will be accepted by others.
    ///
    /// To be called on content made from what a stranger wrote.
    ///
    /// # Errors
    /// The first limit that is passed.
    pub fn check(&self) -> Result<(), ContentError> {
        self.check_fields()?;
        within("the message", self.encoded_length(), MESSAGE_BYTES_MAX)
    }

    /// All of [`Content::check`] but the size of the whole.
    pub(super) fn check_fields(&self) -> Result<(), ContentError> {
        let ids = [self.replaces, self.in_reply_to];
        if ids.iter().flatten().any(|id| !id.as_bytes().starts_with(&[DIGEST_SHA256])) {
            return Err(ContentError::UnknownDigest);
        }
        within("the topic id", self.topic_id.len(), TOPIC_ID_BYTES_MAX)?;
        if let Some(expires) = self.expires.filter(|expires| expires.relative) {
            let max = usize::try_from(EXPIRES_S_MAX).unwrap_or(usize::MAX);
            within("the lifetime", usize::try_from(expires.seconds).unwrap_or(usize::MAX), max)?;
        }
        let extensions = &self.extensions;
        for uri in [&extensions.sender_uri, &extensions.room_uri].into_iter().flatten() {
            within("a URI", uri.len(), URI_BYTES_MAX)?;
        }
        if !extensions.others.keys().all(ExtensionKey::is_allowed) {
            return Err(ContentError::ExtensionName);
        }
        let mut count = 0;
        check_part(&self.part, PART_LEVELS_MAX, &mut count)
    }
}

fn within(field: &'static str, found: usize, max: usize) -> Result<(), ContentError> {
    if found > max { Err(ContentError::OverLimit { field, max }) } else { Ok(()) }
}

fn check_part(part: &Part, levels_left: usize, count: &mut usize) -> Result<(), ContentError> {
    let Some(inner) = levels_left.checked_sub(1) else {
        return within("the depth of parts", PART_LEVELS_MAX + 1, PART_LEVELS_MAX);
    };
    *count += 1;
    within("the number of parts", *count, PARTS_MAX)?;
    within("a language", part.language.len(), LANGUAGE_BYTES_MAX)?;
    match &part.body {
        Body::Null => Ok(()),
        Body::Single { content_type, .. } => {
            within("a content type", content_type.len(), CONTENT_TYPE_BYTES_MAX)
        }
        Body::External(external) => check_external(external),
        Body::Multi { parts, .. } if parts.len() < PARTS_PER_MULTI_MIN => {
            Err(ContentError::TooFewParts)
        }
        Body::Multi { parts, .. } => {
            parts.iter().try_for_each(|part| check_part(part, inner, count))
        }
    }
}

fn check_external(external: &External) -> Result<(), ContentError> {
    within("a content type", external.content_type.len(), CONTENT_TYPE_BYTES_MAX)?;
    within("a URL", external.url.len(), URL_BYTES_MAX)?;
    within("a key", external.key.len(), CRYPTO_BYTES_MAX)?;
    within("a nonce", external.nonce.len(), CRYPTO_BYTES_MAX)?;
    within("additional data", external.additional_data.len(), CRYPTO_BYTES_MAX)?;
    within("a hash", external.content_hash.len(), CRYPTO_BYTES_MAX)?;
    within("a description", external.description.len(), DESCRIPTION_BYTES_MAX)?;
    within("a file name", external.filename.len(), FILENAME_BYTES_MAX)
}
