//! Tells the operator about incidents: one loop for each channel.
//!
//! What is owed is read from the store each time, and what was told is written there, so a crash
//! forgets nothing and a channel that is away for hours hears the present state, not a backlog.
//! Invariant: a channel never delays another, nor anything else of the hub.

use crate::pieces::Pieces;
use ieum_core::directory::Language;
use ieum_core::ids::IncidentId;
use ieum_core::incident::Incident;
use ieum_core::ports::store::{Moves, StoreFailure};
use ieum_core::ports::tell::{Teller, Word};
use ieum_core::telling::{Owed, Stage, Telling, id_of, owed, retry_ms, text, turns_of};
use std::sync::Arc;
use tokio::sync::watch;

/// Newest incidents that are looked at.
const INCIDENTS_MAX: usize = 50;
/// How long a bell that did not ring can delay a word.
const LOOK_MS: u64 = 15_000;

/// What one look at the incidents came to.
enum Looked {
    /// All is told; look again after so long.
    Idle(u64),
    /// The channel or the store failed.
    Failed,
}

/// Runs until `stop`.
pub(crate) async fn tell(
    pieces: Arc<Pieces>,
    teller: Arc<dyn Teller>,
    mut stop: watch::Receiver<bool>,
) {
    let mut bell = pieces.incident_bell.subscribe();
    let mut failures = 0_u32;
    loop {
        bell.borrow_and_update();
        // A word that stop cuts off is told again by the next hub, under the same id.
        let looked = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            looked = look(&pieces, teller.as_ref()) => looked,
        };
        let rest_ms = match looked {
            Looked::Idle(ms) => {
                failures = 0;
                ms
            }
            Looked::Failed => {
                failures = failures.saturating_add(1);
                retry_ms(failures, pieces.entropy.below(1_001))
            }
        };
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            // A channel that fails is left its rest.
            _ = bell.changed(), if failures == 0 => {}
            () = pieces.clock.sleep(rest_ms) => {}
        }
    }
}

async fn look(pieces: &Pieces, teller: &dyn Teller) -> Looked {
    match try_look(pieces, teller).await {
        Ok(looked) => looked,
        Err(failure) => {
            tracing::error!(channel = teller.channel(), %failure, "incidents were not told");
            Looked::Failed
        }
    }
}

/// Tells all that is owed now, oldest first.
async fn try_look(pieces: &Pieces, teller: &dyn Teller) -> Result<Looked, StoreFailure> {
    let mut rest_ms = LOOK_MS;
    let incidents = pieces.store.page_incidents(IncidentId(u64::MAX), INCIDENTS_MAX).await?;
    for incident in incidents.into_iter().rev() {
        let now = pieces.now();
        match owed(&incident, teller.channel(), now) {
            Owed::Nothing => {}
            Owed::At(at) => rest_ms = rest_ms.min(at.ms_since(now).saturating_add(1)),
            Owed::Now(stage) => {
                let telling = (incident.id, telling(&incident, stage, teller, pieces));
                let word = word(pieces, incident, stage);
                if let Err(failure) = teller.tell(&word).await {
                    let channel = teller.channel();
                    tracing::warn!(channel, %failure, "the operator was not told");
                    return Ok(Looked::Failed);
                }
                let tellings = vec![telling];
                let moves = Moves { at: pieces.now(), tellings, ..Moves::default() };
                pieces.store.apply_moves(moves).await?;
            }
        }
    }
    Ok(Looked::Idle(rest_ms))
}

fn telling(incident: &Incident, stage: Stage, teller: &dyn Teller, pieces: &Pieces) -> Telling {
    Telling { channel: teller.channel().into(), stage, turns: turns_of(incident), at: pieces.now() }
}

fn word(pieces: &Pieces, incident: Incident, stage: Stage) -> Word {
    let in_words = |language| text(&incident, stage, pieces.settings.utc_offset_minutes, language);
    Word {
        id: id_of(&incident, stage),
        stage,
        korean: in_words(Language::Ko),
        english: in_words(Language::En),
        at: pieces.now(),
        incident,
    }
}
