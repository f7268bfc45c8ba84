//! A form with a file (RFC 7578), written while it goes out.
//!
//! Invariant: nothing that a person chose can end a part of the form or begin another.

use bytes::Bytes;
use http::HeaderValue;
use ieum_core::outgoing::PartFile;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::http::{HttpFailure, PieceStream, Upload};

/// A form being written.
#[derive(Debug)]
pub(crate) struct Form {
    boundary: String,
    head: Vec<u8>,
}

impl Form {
    /// A form whose parts are kept apart by a word that nobody can foresee.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        let boundary = format!("ieum-{:032x}", u128::from_be_bytes(key));
        Self { boundary, head: Vec::new() }
    }

    /// Adds a field.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.begin(&format!("name=\"{name}\""), None);
        self.head.extend_from_slice(value.as_bytes());
        self.head.extend_from_slice(b"\r\n");
        self
    }

    fn begin(&mut self, disposition: &str, media_type: Option<&str>) {
        let media_type = media_type.map(|media_type| format!("Content-Type: {media_type}\r\n"));
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; {disposition}\r\n{}\r\n",
            self.boundary,
            media_type.unwrap_or_default()
        );
        self.head.extend_from_slice(head.as_bytes());
    }

    /// Ends the form with a file; gives its content type and its body.
    pub(crate) fn file(mut self, name: &str, file: &PartFile) -> (Option<HeaderValue>, Upload) {
        let disposition = format!("name=\"{name}\"; filename=\"{}\"", quoted(&file.name));
        self.begin(&disposition, Some(&file.media_type));
        let tail = format!("\r\n--{}--\r\n", self.boundary);
        let kind =
            HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary));
        let bytes = (self.head.len() + tail.len()) as u64 + file.bytes;
        let pieces = Wrapped {
            head: Some(self.head.into()),
            inside: Some(file.content.pieces()),
            tail: Some(tail.into()),
        };
        (kind.ok(), Upload::Streamed { bytes, pieces: Box::new(pieces) })
    }
}

/// A name between quotation marks, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Bytes before and behind a file.
struct Wrapped {
    head: Option<Bytes>,
    inside: Option<Box<dyn PieceStream>>,
    tail: Option<Bytes>,
}

impl PieceStream for Wrapped {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        Box::pin(async {
            if let Some(head) = self.head.take() {
                return Ok(Some(head));
            }
            if let Some(inside) = &mut self.inside {
                if let Some(piece) = inside.next().await? {
                    return Ok(Some(piece));
                }
                self.inside = None;
            }
            Ok(self.tail.take())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{file, run};

    fn written(upload: Upload) -> (u64, String) {
        let Upload::Streamed { bytes, mut pieces } = upload else { panic!("a file is streamed") };
        let mut all = Vec::new();
        while let Some(piece) = run(pieces.next()).unwrap() {
            all.extend_from_slice(&piece);
        }
        (bytes, String::from_utf8(all).unwrap())
    }

    #[test]
    fn a_form_is_as_long_as_it_says() {
        let form = Form::new([0xab; 16]).field("chat_id", "-5").field("caption", "안녕\r\n--x");
        let (kind, upload) = form.file("photo", &file("사진.png", b"PNG bytes"));
        let boundary = "ieum-abababababababababababababababab";
        assert_eq!(kind.unwrap(), format!("multipart/form-data; boundary={boundary}"));
        let (bytes, text) = written(upload);
        assert_eq!(bytes, text.len() as u64);
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n-5\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\n안녕\r\n--x\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"photo\"; \
             filename=\"사진.png\"\r\nContent-Type: image/png\r\n\r\nPNG bytes\r\n\
             --{boundary}--\r\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_cannot_end_its_header() {
        let bad = file("a\"; name=\"chat_id\"\r\n\r\n1", b"x");
        let (_, text) = written(Form::new([1; 16]).file("document", &bad).1);
        assert!(text.contains("filename=\"a%22; name=%22chat_id%22%0D%0A%0D%0A1\"\r\n"), "{text}");
        assert_eq!(text.matches("form-data").count(), 1);
    }
}
