//! Files on the homeserver: where they are, and handing one over.
//!
//! Invariant: what is handed over is shown to nobody until an event names it, so that handing it
//! over twice does no harm.

use super::answer::{self, Failed};
use super::{Call, Homeserver, escaped};
use crate::files::open::Source;
use crate::files::{IDLE_MS_MAX, short_answer};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};
use ieum_core::outgoing::PartFile;
use ieum_core::ports::http::{CarryLimits, HttpFailure, Reach, Upload};
use serde::Deserialize;
use serde_json::Value;

/// Largest answer to an upload.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// An upload.
#[derive(Debug, Deserialize)]
struct Uploaded {
    content_uri: Box<str>,
}

/// Whether a text is the address of a file on a homeserver: `mxc://server/id`.
pub(crate) fn parts_of(mxc: &str) -> Option<(&str, &str)> {
    let (server, id) = mxc.strip_prefix("mxc://")?.split_once('/')?;
    let id_fits =
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    let server_fits = !server.is_empty() && server.bytes().all(plain);
    (id_fits && server_fits).then_some((server, id))
}

impl Homeserver {
    /// Where a file is; our own homeserver fetches those of others.
    pub(crate) fn file(&self, mxc: &str) -> Option<Source> {
        let (server, id) = parts_of(mxc)?;
        let path = format!(
            "/_matrix/client/v1/media/download/{}/{}?user_id={}",
            escaped(server),
            escaped(id),
            escaped(&self.bot)
        );
        let uri = self.api.join(&path)?;
        let authorization = Some(self.bearer.clone());
        Some(Source { uri, authorization, reach: Reach::Anywhere })
    }

    /// Hands a file over as our bot; its address.
    pub(crate) async fn hand_over(&self, file: &PartFile) -> Result<Box<str>, Failed> {
        let called = match self.upload(file) {
            Some(request) => {
                let limits = CarryLimits { idle_ms: IDLE_MS_MAX, reach: Reach::Anywhere };
                let called = self.doors.http.carry(request, limits).await;
                short_answer(called, ANSWER_BYTES_MAX).await
            }
            None => Err(HttpFailure::NotSent("no address".to_owned())),
        };
        answer::read::<Uploaded>(called, self.now()).map(|uploaded| uploaded.content_uri)
    }

    fn upload(&self, file: &PartFile) -> Option<Request<Upload>> {
        let path = format!(
            "/_matrix/media/v3/upload?filename={}&user_id={}",
            escaped(&file.name),
            escaped(&self.bot)
        );
        let call = Call { method: Method::POST, path, body: Value::Null };
        let mut request = self
            .request(&call)?
            .map(|_| Upload::Streamed { bytes: file.bytes, pieces: file.content.pieces() });
        let kind = HeaderValue::try_from(&*file.media_type).ok()?;
        request.headers_mut().insert(CONTENT_TYPE, kind);
        Some(request)
    }
}
