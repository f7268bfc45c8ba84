//! What every form of somebody who is signed in is asked for before anything is done.
//!
//! Invariant: a form that another site sent, or that no page of this session made, changes nothing.

use super::reader::{Reader, same_site};
use super::sessions::{SignedIn, not_ours};
use axum::response::Response;
use http::HeaderMap;

/// A form with the secret of its page.
pub(super) trait Sent {
    /// The secret, as it was sent.
    fn csrf(&self) -> &str;
}

/// What is shown when a form is not this session's own.
pub(super) struct NotOurs(Box<Response>);

impl NotOurs {
    /// Another page in its place.
    pub(super) fn showing(page: Response) -> Self {
        Self(Box::new(page))
    }
}

impl From<NotOurs> for Response {
    fn from(refused: NotOurs) -> Self {
        *refused.0
    }
}

/// Whether a form is this session's own.
pub(super) fn sound(
    reader: &Reader,
    who: &SignedIn,
    headers: &HeaderMap,
    form: &impl Sent,
) -> Result<(), NotOurs> {
    if same_site(headers).is_ok() && who.sent(form.csrf()) {
        return Ok(());
    }
    Err(NotOurs::showing(not_ours(reader)))
}
