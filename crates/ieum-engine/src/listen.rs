//! Step 1 for polled and streaming networks: the connector listens, the engine admits.

use crate::account::Account;
use crate::intake;
use crate::pieces::Pieces;
use crate::probe;
use ieum_core::health::Function;
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{Inbox, InboxClosed, ListenEnd, Pulse};
use ieum_core::time::Timestamp;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

/// Signs of life that may wait to be taken in.
const PULSES_MAX: usize = 64;
/// The longest that a poll waits for something to tell, in milliseconds.
const POLL_MS_MAX: u64 = 30_000;
/// How long listening rests after the inbox could not take an arrival.
const CLOSED_REST_MS: u64 = 1_000;
/// How long listening rests after an end that only an operator can mend.
const FATAL_REST_MS: u64 = 60_000;

struct EngineInbox {
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    cursor: Mutex<Option<Cursor>>,
    pulses: mpsc::Sender<Pulse>,
}

impl Inbox for EngineInbox {
    fn deliver(
        &self,
        arrival: Arrival,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'_, Result<(), InboxClosed>> {
        Box::pin(async move {
            let taken = intake::take(&self.pieces, &self.account, arrival, cursor.clone()).await;
            if let Err(failure) = taken {
                tracing::error!(account = %self.account.name, %failure, "batch not admitted");
                return Err(InboxClosed);
            }
            if cursor.is_some() {
                *crate::pieces::lock(&self.cursor) = cursor;
            }
            Ok(())
        })
    }

    fn pulse(&self, pulse: Pulse) {
        // A full queue holds as much evidence as can be used; one more changes nothing.
        let _full_or_sent = self.pulses.try_send(pulse);
    }
}

/// Listens until `stop`, or ends at once for accounts that take webhooks.
pub(crate) async fn listen(
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    cursor: Option<Cursor>,
    mut stop: watch::Receiver<bool>,
) {
    let (pulses, mut waiting) = mpsc::channel(PULSES_MAX);
    let inbox = EngineInbox {
        pieces: Arc::clone(&pieces),
        account: Arc::clone(&account),
        cursor: Mutex::new(cursor),
        pulses,
    };
    let evidence = async {
        while let Some(pulse) = waiting.recv().await {
            // When a poll left nobody says; one that we answered late for is no evidence.
            let began_at = Timestamp(pieces.now().0.saturating_sub_unsigned(POLL_MS_MAX));
            let heard = (Function::Receive, began_at);
            probe::take(&pieces, &account, heard, pulse).await;
        }
    };
    let listening = again_and_again(&pieces, &account, &inbox);
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        () = listening => {}
        () = evidence => {}
    }
}

async fn again_and_again(pieces: &Pieces, account: &Account, inbox: &EngineInbox) {
    loop {
        account.listening(Some(true));
        let cursor = crate::pieces::lock(&inbox.cursor).clone();
        let end = account.connector.listen(inbox, cursor).await;
        account.listening(Some(false));
        match end {
            ListenEnd::NotUsed => {
                account.listening(None);
                return;
            }
            ListenEnd::InboxClosed => pieces.clock.sleep(CLOSED_REST_MS).await,
            ListenEnd::Fatal(reason) => {
                tracing::error!(account = %account.name, %reason, "listening ended");
                account.sign(&Pulse::Refused { reason }, pieces.now());
                pieces.clock.sleep(FATAL_REST_MS).await;
            }
        }
    }
}
