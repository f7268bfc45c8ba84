//! Bytes to content. What is malformed, not deterministic or over a limit is refused.
//!
//! Two passes: the first proves that the bytes are one item of deterministic CBOR of bounded depth,
//! the second reads the shape. Invariant: what is accepted encodes to the same bytes again.

use minicbor::data::Type;
use minicbor::decode::Decoder;

use super::cbor::{Broken, Rule, check_item};
use super::extensions::{ROOM_URI, SENDER_URI};
use super::limits::{MESSAGE_BYTES_MAX, PART_LEVELS_MAX};
use super::{
    Body, Content, ContentError, Disposition, Expiration, ExtensionKey, ExtensionValue, Extensions,
    External, MessageId, Part, SALT_BYTES, Semantics,
};

/// Levels of arrays, maps and tags in a message: its own array, and two for each level of parts.
const LEVELS_MAX: usize = 1 + 2 * PART_LEVELS_MAX;

impl Content {
    /// Reads content from its encoding.
    ///
    /// # Errors
    /// When the bytes are malformed, not deterministic, of another shape, or over a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(ContentError::OverLimit { field: "the message", max: MESSAGE_BYTES_MAX });
        }
        check_item(bytes, LEVELS_MAX).map_err(encoding_error)?;
        let content = read_content(&mut Decoder::new(bytes))?;
        content.check_fields()?;
        Ok(content)
    }
}

fn encoding_error(Broken { at, rule }: Broken) -> ContentError {
    ContentError::Encoding { at, rule }
}

/// Reads one field with `read`; what it refuses is not what was `expected` there.
fn field<'b, T>(
    input: &mut Decoder<'b>,
    expected: &'static str,
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, minicbor::decode::Error>,
) -> Result<T, ContentError> {
    let at = input.position();
    read(input).map_err(|_| ContentError::Shape { at, expected })
}

fn array_of(
    input: &mut Decoder<'_>,
    length: u64,
    expected: &'static str,
) -> Result<(), ContentError> {
    let at = input.position();
    match field(input, expected, Decoder::array)? {
        Some(found) if found == length => Ok(()),
        _ => Err(ContentError::Shape { at, expected }),
    }
}

fn is_null(input: &mut Decoder<'_>) -> Result<bool, ContentError> {
    let is_null = field(input, "a value", |input| input.datatype())? == Type::Null;
    if is_null {
        field(input, "null", Decoder::null)?;
    }
    Ok(is_null)
}

fn text(input: &mut Decoder<'_>, expected: &'static str) -> Result<String, ContentError> {
    field(input, expected, Decoder::str).map(str::to_owned)
}

fn bytes(input: &mut Decoder<'_>, expected: &'static str) -> Result<Vec<u8>, ContentError> {
    field(input, expected, Decoder::bytes).map(<[u8]>::to_vec)
}

fn read_content(input: &mut Decoder<'_>) -> Result<Content, ContentError> {
    array_of(input, 7, "an array of 7")?;
    Ok(Content {
        salt: read_salt(input)?,
        replaces: read_id(input)?,
        topic_id: bytes(input, "the topic id")?,
        expires: read_expiration(input)?,
        in_reply_to: read_id(input)?,
        extensions: read_extensions(input)?,
        part: read_part(input, PART_LEVELS_MAX)?,
    })
}

fn read_salt(input: &mut Decoder<'_>) -> Result<[u8; SALT_BYTES], ContentError> {
    let expected = "a salt of 16 bytes";
    let at = input.position();
    let salt = field(input, expected, Decoder::bytes)?;
    salt.try_into().map_err(|_| ContentError::Shape { at, expected })
}

fn read_id(input: &mut Decoder<'_>) -> Result<Option<MessageId>, ContentError> {
    if is_null(input)? {
        return Ok(None);
    }
    let expected = "null or a message id of 32 bytes";
    let at = input.position();
    let id = field(input, expected, Decoder::bytes)?;
    MessageId::try_from(id).map(Some).map_err(|_| ContentError::Shape { at, expected })
}

fn read_expiration(input: &mut Decoder<'_>) -> Result<Option<Expiration>, ContentError> {
    if is_null(input)? {
        return Ok(None);
    }
    array_of(input, 2, "null or an expiration")?;
    let relative = field(input, "true for relative, or false", Decoder::bool)?;
    let seconds = field(input, "seconds of 32 bits", Decoder::u32)?;
    Ok(Some(Expiration { relative, seconds }))
}

fn read_extensions(input: &mut Decoder<'_>) -> Result<Extensions, ContentError> {
    let expected = "the map of extensions";
    let at = input.position();
    let count = field(input, expected, Decoder::map)?;
    let count = count.ok_or(ContentError::Shape { at, expected })?;
    let mut extensions = Extensions::default();
    for _ in 0..count {
        match read_extension_key(input)? {
            ExtensionKey::Integer(SENDER_URI) => {
                extensions.sender_uri = Some(text(input, "the sender's URI")?);
            }
            ExtensionKey::Integer(ROOM_URI) => {
                extensions.room_uri = Some(text(input, "the room's URI")?);
            }
            key @ (ExtensionKey::Integer(_) | ExtensionKey::Text(_)) => {
                let value = read_extension_value(input)?;
                extensions.others.insert(key, value);
            }
        }
    }
    Ok(extensions)
}

fn read_extension_key(input: &mut Decoder<'_>) -> Result<ExtensionKey, ContentError> {
    let expected = "the name of an extension";
    if field(input, expected, |input| input.datatype())? == Type::String {
        return text(input, expected).map(ExtensionKey::Text);
    }
    field(input, expected, Decoder::i64).map(ExtensionKey::Integer)
}

fn read_extension_value(input: &mut Decoder<'_>) -> Result<ExtensionValue, ContentError> {
    let start = input.position();
    field(input, "the value of an extension", Decoder::skip)?;
    let encoded = input.input().get(start..input.position()).unwrap_or_default();
    ExtensionValue::from_cbor(encoded).map_err(|error| {
        if let ContentError::Encoding { at, rule } = error {
            return ContentError::Encoding { at: start + at, rule };
        }
        error
    })
}

fn read_part(input: &mut Decoder<'_>, levels_left: usize) -> Result<Part, ContentError> {
    let at = input.position();
    let Some(inner) = levels_left.checked_sub(1) else {
        return Err(ContentError::Encoding { at, rule: Rule::TooDeep });
    };
    let fields = field(input, "a part", Decoder::array)?;
    let disposition = Disposition(field(input, "a disposition of 8 bits", Decoder::u8)?);
    let language = text(input, "a language")?;
    let cardinality = field(input, "a kind of part", Decoder::u8)?;
    let body = match (cardinality, fields) {
        (0, Some(3)) => Body::Null,
        (1, Some(5)) => Body::Single {
            content_type: text(input, "a content type")?.into(),
            content: bytes(input, "content in bytes")?,
        },
        (2, Some(15)) => Body::External(Box::new(read_external(input)?)),
        (3, Some(5)) => read_multi(input, inner)?,
        _ => {
            return Err(ContentError::Shape { at, expected: "a part of a known kind" });
        }
    };
    Ok(Part { disposition, language, body })
}

fn read_external(input: &mut Decoder<'_>) -> Result<External, ContentError> {
    Ok(External {
        content_type: text(input, "a content type")?.into(),
        url: text(input, "a URL")?,
        expires: field(input, "seconds of 32 bits", Decoder::u32)?,
        size: field(input, "a size of 64 bits", Decoder::u64)?,
        encryption: field(input, "an algorithm of 16 bits", Decoder::u16)?,
        key: bytes(input, "a key")?,
        nonce: bytes(input, "a nonce")?,
        additional_data: bytes(input, "additional data")?,
        hash_algorithm: field(input, "a hash algorithm of 8 bits", Decoder::u8)?,
        content_hash: bytes(input, "a hash")?,
        description: text(input, "a description")?,
        filename: text(input, "a file name")?,
    })
}

fn read_multi(input: &mut Decoder<'_>, levels_left: usize) -> Result<Body, ContentError> {
    let at = input.position();
    let semantics = match field(input, "part semantics", Decoder::u8)? {
        0 => Semantics::ChooseOne,
        1 => Semantics::SingleUnit,
        2 => Semantics::ProcessAll,
        _ => {
            return Err(ContentError::Shape { at, expected: "part semantics of 0 to 2" });
        }
    };
    let count = field(input, "an array of parts", Decoder::array)?.unwrap_or_default();
    // The count is a stranger's word; only the parts that are there take memory.
    let parts = (0..count).map(|_| read_part(input, levels_left)).collect::<Result<_, _>>()?;
    Ok(Body::Multi { semantics, parts })
}
