//! Content to bytes: deterministic CBOR, the only encoding that content has.

use std::convert::Infallible;

use minicbor::encode::{Encoder, Error, Write};

use super::extensions::{ROOM_URI, SENDER_URI};
use super::{
    Body, Content, Expiration, ExtensionKey, Extensions, External, MessageId, Part, message_id,
};

/// Bytes that a short message has besides its text and its URIs.
const ENVELOPE_BYTES: usize = 192;

type Written = Result<(), Error<Infallible>>;

/// Where writing cannot fail: the bytes, or only their number.
trait Memory: Write<Error = Infallible> {}

impl<W: Write<Error = Infallible>> Memory for W {}

struct Counter(usize);

impl Write for Counter {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len();
        Ok(())
    }
}

impl Content {
    /// The encoding of the content.
    ///
    /// It decodes again if the content passes [`Content::check`]; the two are apart so that what
    /// the hub makes itself from checked pieces is not checked again.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENVELOPE_BYTES + self.length_hint());
        let written = self.write(&mut Encoder::new(&mut bytes));
        assert!(written.is_ok(), "writing to memory cannot fail");
        bytes
    }

    /// Bytes of the encoding.
    #[must_use]
    pub fn encoded_length(&self) -> usize {
        let mut out = Encoder::new(Counter(0));
        let written = self.write(&mut out);
        assert!(written.is_ok(), "counting cannot fail");
        out.into_writer().0
    }

    /// The encoding of the content, and its id.
    #[must_use]
    pub fn seal(&self) -> (MessageId, Vec<u8>) {
        let bytes = self.encode();
        (self.id_of(&bytes), bytes)
    }

    /// The id of the content whose encoding `bytes` are. A missing URI counts as an empty one.
    #[must_use]
    pub fn id_of(&self, bytes: &[u8]) -> MessageId {
        let sender_uri = self.extensions.sender_uri.as_deref().unwrap_or_default();
        let room_uri = self.extensions.room_uri.as_deref().unwrap_or_default();
        message_id(sender_uri, room_uri, bytes, &self.salt)
    }

    fn length_hint(&self) -> usize {
        let body = match &self.part.body {
            Body::Single { content, .. } => content.len(),
            Body::Null | Body::External(_) | Body::Multi { .. } => 0,
        };
        let uris = [&self.extensions.sender_uri, &self.extensions.room_uri];
        body + uris.into_iter().flatten().map(String::len).sum::<usize>()
    }

    fn write(&self, out: &mut Encoder<impl Memory>) -> Written {
        out.array(7)?.bytes(&self.salt)?;
        write_id(out, self.replaces)?;
        out.bytes(&self.topic_id)?;
        match self.expires {
            Some(Expiration { relative, seconds }) => {
                out.array(2)?.bool(relative)?.u32(seconds)?;
            }
            None => {
                out.null()?;
            }
        }
        write_id(out, self.in_reply_to)?;
        write_extensions(out, &self.extensions)?;
        write_part(out, &self.part)
    }
}

fn write_id(out: &mut Encoder<impl Memory>, id: Option<MessageId>) -> Written {
    match id {
        Some(id) => out.bytes(id.as_bytes())?.ok(),
        None => out.null()?.ok(),
    }
}

fn write_extensions(out: &mut Encoder<impl Memory>, extensions: &Extensions) -> Written {
    let typed = [(SENDER_URI, &extensions.sender_uri), (ROOM_URI, &extensions.room_uri)];
    let typed = typed.into_iter().filter_map(|(key, uri)| Some((key, uri.as_deref()?)));
    let count = typed.clone().count() + extensions.others.len();
    out.map(count as u64)?;
    for (key, uri) in typed {
        out.i64(key)?.str(uri)?;
    }
    for (key, value) in &extensions.others {
        match key {
            ExtensionKey::Integer(key) => out.i64(*key)?,
            ExtensionKey::Text(name) => out.str(name)?,
        };
        out.writer_mut().write_all(value.as_cbor()).map_err(Error::write)?;
    }
    Ok(())
}

fn write_part(out: &mut Encoder<impl Memory>, part: &Part) -> Written {
    let fields = match &part.body {
        Body::Null => 3,
        Body::Single { .. } | Body::Multi { .. } => 5,
        Body::External(_) => 15,
    };
    out.array(fields)?.u8(part.disposition.0)?.str(&part.language)?;
    match &part.body {
        Body::Null => out.u8(0)?.ok(),
        Body::Single { content_type, content } => {
            out.u8(1)?.str(content_type)?.bytes(content)?.ok()
        }
        Body::External(external) => {
            out.u8(2)?;
            write_external(out, external)
        }
        Body::Multi { semantics, parts } => {
            out.u8(3)?.u8(*semantics as u8)?.array(parts.len() as u64)?;
            parts.iter().try_for_each(|part| write_part(out, part))
        }
    }
}

fn write_external(out: &mut Encoder<impl Memory>, external: &External) -> Written {
    out.str(&external.content_type)?
        .str(&external.url)?
        .u32(external.expires)?
        .u64(external.size)?
        .u16(external.encryption)?
        .bytes(&external.key)?
        .bytes(&external.nonce)?
        .bytes(&external.additional_data)?
        .u8(external.hash_algorithm)?
        .bytes(&external.content_hash)?
        .str(&external.description)?
        .str(&external.filename)?
        .ok()
}
