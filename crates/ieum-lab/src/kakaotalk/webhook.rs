//! KakaoTalk's webhook: the frame of a DISPATCH without its number, one at a time, with the header
//! that the bot registered. The answer must come within a second; nothing is sent again
//! (assumption: no retry is documented).

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use crate::network::Network;
use crate::shared::Shared;

/// How long KakaoTalk waits for an answer.
const ANSWER_MS_MAX: u64 = 1_000;
/// Events that wait at most; the oldest are lost beyond it.
const EVENTS_WAITING_MAX: usize = 100_000;

/// The webhook of the bot and what waits for it.
#[derive(Debug, Default)]
pub(crate) struct Webhook {
    target: Option<(String, Vec<(String, String)>)>,
    waiting: VecDeque<Value>,
    /// Events that were not answered with 2xx in time.
    pub(crate) failed: u64,
}

impl Webhook {
    pub(crate) fn is_set(&self) -> bool {
        self.target.is_some()
    }

    pub(crate) fn set(&mut self, url: &str, headers: Vec<(String, String)>) {
        self.target = Some((url.to_owned(), headers));
    }

    pub(crate) fn unset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn url(&self) -> Option<&str> {
        self.target.as_ref().map(|(url, _)| url.as_str())
    }

    pub(crate) fn add(&mut self, frame: Value) {
        if self.waiting.len() >= EVENTS_WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(frame);
    }
}

/// Delivers until the lab stops.
pub(crate) async fn deliver(shared: Shared) {
    let bell = shared.bells.of(Network::Kakaotalk);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let next = {
            let mut world = shared.lock();
            let webhook = &mut world.kakaotalk.webhook;
            webhook.target.clone().and_then(|target| Some((target, webhook.waiting.pop_front()?)))
        };
        let Some(((url, headers), frame)) = next else {
            tokio::select! {
                biased;
                () = shared.stopped() => return,
                () = rung => continue,
            }
        };
        let body = Bytes::from(frame.to_string());
        let answered = tokio::select! {
            biased;
            () = shared.stopped() => return,
            answer = shared.outbound.post(&url, &headers, body) => {
                answer.is_ok_and(|answer| answer.status.is_success())
            }
            () = shared.clock.sleep(ANSWER_MS_MAX) => false,
        };
        if !answered {
            shared.lock().kakaotalk.webhook.failed += 1;
        }
    }
}
