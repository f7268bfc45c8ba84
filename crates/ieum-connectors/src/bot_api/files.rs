//! Files of Telegram: fetched by `getFile`, sent as forms.
//!
//! Invariant: a file is sent a second time, as a document, only after Telegram said that it did not
//! take it as what it is.

use crate::files::open::{Source, open};
use crate::files::{IDLE_MS_MAX, short_answer};
use crate::telegram::outcome::{self, Failed, No};
use crate::telegram::{ANSWER_BYTES_MAX, Telegram, wire, write};
use ieum_core::outgoing::{Act, Outcome, Outgoing, Part, PartFile};
use ieum_core::ports::connector::{FetchFailure, Fetched};
use ieum_core::ports::http::{CarryLimits, Reach};

/// What Telegram says of a picture or film that it does not show, but would carry as a file.
const NOT_SHOWN: [&str; 6] = [
    "photo_invalid_dimensions",
    "photo_save_file_invalid",
    "image_process_failed",
    "photo_ext_invalid",
    "voice_messages_forbidden",
    "wrong file",
];

/// The part of a call that brings a file.
pub(crate) fn with_file(outgoing: &Outgoing) -> Option<(&Part, &PartFile)> {
    let Act::Say(parts) = &outgoing.act else { return None };
    match &**parts {
        [part] => Some((part, part.file.as_ref()?)),
        _ => None,
    }
}

impl Telegram {
    pub(crate) async fn say_with_file(
        &self,
        outgoing: &Outgoing,
        part: (&Part, &PartFile),
    ) -> Outcome {
        let method = write::method_of(part.1);
        let uploaded = self.upload(outgoing, part, method).await;
        if matches!(uploaded, Uploaded::NotShown) && method != write::AS_FILE {
            return self.upload(outgoing, part, write::AS_FILE).await.outcome();
        }
        uploaded.outcome()
    }

    async fn upload(
        &self,
        outgoing: &Outgoing,
        part: (&Part, &PartFile),
        method: (&str, &str),
    ) -> Uploaded {
        let to = (&self.api, &self.config.bot_token);
        let request = match write::upload(to, outgoing, part, method) {
            Ok(request) => request,
            Err(refusal) => return Uploaded::Ended(refusal),
        };
        let limits = CarryLimits { idle_ms: IDLE_MS_MAX, reach: Reach::Anywhere };
        let called = self.doors.http.carry(request, limits).await;
        let called = short_answer(called, ANSWER_BYTES_MAX).await;
        let now = self.doors.clock.now();
        if let Err(Failed::No(No { code: 400, description, .. })) = outcome::read(&called, now) {
            let description = description.to_ascii_lowercase();
            if NOT_SHOWN.iter().any(|known| description.contains(known)) {
                return Uploaded::NotShown;
            }
        }
        Uploaded::Ended(outcome::of_act(&outgoing.act, &called, now))
    }

    /// Asks where a file is, and opens it there.
    pub(crate) async fn open_file(&self, file_id: &str) -> Result<Fetched, FetchFailure> {
        let called = self.call(&("getFile", wire::get_file(file_id)), 0, ANSWER_BYTES_MAX).await;
        let now = self.doors.clock.now();
        let found = outcome::read(&called, now).and_then(outcome::parse::<wire::FilePath>);
        let path = found.map_err(|failed| not_found(&failed))?.file_path.unwrap_or_default();
        let uri = write::file_uri(&self.api, &self.config.bot_token, &path);
        let uri = uri.ok_or_else(|| FetchFailure::Gone("it has no path".to_owned()))?;
        open(&self.doors, Source { uri, authorization: None, reach: Reach::Anywhere }).await
    }
}

/// What came of an upload.
enum Uploaded {
    Ended(Outcome),
    /// Telegram would not show it as what it is.
    NotShown,
}

impl Uploaded {
    fn outcome(self) -> Outcome {
        match self {
            Self::Ended(outcome) => outcome,
            Self::NotShown => {
                let scope = ieum_core::outgoing::Scope::Message;
                crate::verdict::refused(scope, "Telegram does not take the file")
            }
        }
    }
}

fn not_found(failed: &Failed<'_>) -> FetchFailure {
    let reason = failed.reason();
    match failed {
        Failed::No(no) if no.description.contains("too big") => FetchFailure::TooLarge,
        Failed::No(No { code: 400 | 401 | 403 | 404, .. }) => FetchFailure::Gone(reason),
        Failed::No(no) => FetchFailure::Later { after_ms: no.retry_after_ms, reason },
        Failed::Silence(_) | Failed::Foreign(_) => FetchFailure::Later { after_ms: 0, reason },
    }
}
