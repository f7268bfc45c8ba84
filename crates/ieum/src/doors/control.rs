//! Control hosts over HTTP: one small request, whose answer is thrown away.
//!
//! Invariant: an answer of any status is an answer; only silence, a refused connection or a name
//! that does not resolve is none.

use bytes::Bytes;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::control::ControlHost;
use ieum_core::ports::http::{HttpFailure, HttpLimits, HttpTransport};
use std::sync::Arc;

/// How long a host may take, in milliseconds: as long as a slow send.
const ANSWER_MS_MAX: u64 = 5_000;
/// More than this of an answer is not read.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// One host.
#[derive(Debug)]
struct Host {
    number: u32,
    url: String,
    http: Arc<dyn HttpTransport>,
}

/// All hosts of the configuration.
#[must_use]
pub fn control_hosts(urls: &[String], http: &Arc<dyn HttpTransport>) -> Vec<Arc<dyn ControlHost>> {
    let host = |(number, url): (u32, &String)| {
        let host = Host { number, url: url.clone(), http: Arc::clone(http) };
        Arc::new(host) as Arc<dyn ControlHost>
    };
    (0..).zip(urls).map(host).collect()
}

impl ControlHost for Host {
    fn number(&self) -> u32 {
        self.number
    }

    fn answers(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let request = http::Request::head(&self.url).body(Bytes::new());
            let Ok(request) = request else { return false };
            let (timeout_ms, answer_bytes_max) = (ANSWER_MS_MAX, ANSWER_BYTES_MAX);
            let limits = HttpLimits { timeout_ms, answer_bytes_max };
            match self.http.call(request, limits).await {
                Ok(_) | Err(HttpFailure::AnswerTooLarge) => true,
                Err(HttpFailure::NotSent(_) | HttpFailure::NoAnswer(_)) => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use std::sync::Mutex;

    /// Answers what it was told to, and remembers what it was asked.
    #[derive(Debug)]
    struct Wire {
        answer: Result<u16, HttpFailure>,
        asked: Mutex<Vec<String>>,
    }

    impl HttpTransport for Wire {
        fn call(
            &self,
            request: http::Request<Bytes>,
            limits: HttpLimits,
        ) -> BoxFuture<'_, Result<Response<Bytes>, HttpFailure>> {
            assert!(limits.timeout_ms <= 5_000 && limits.answer_bytes_max <= 4 << 10);
            let asked = format!("{} {}", request.method(), request.uri());
            self.asked.lock().unwrap().push(asked);
            let answer = self
                .answer
                .clone()
                .map(|status| Response::builder().status(status).body(Bytes::new()).unwrap());
            Box::pin(async move { answer })
        }
    }

    #[tokio::test]
    async fn any_answer_is_an_answer_and_silence_is_none() {
        for (answer, expected) in [
            (Ok(200), true),
            (Ok(404), true),
            (Ok(503), true),
            (Err(HttpFailure::AnswerTooLarge), true),
            (Err(HttpFailure::NotSent("no route".to_owned())), false),
            (Err(HttpFailure::NoAnswer("timed out".to_owned())), false),
        ] {
            let wire = Arc::new(Wire { answer: answer.clone(), asked: Mutex::default() });
            let http = Arc::clone(&wire) as Arc<dyn HttpTransport>;
            let urls = ["https://one.example/", "http://two.example:8080/x"].map(str::to_owned);
            let hosts = control_hosts(&urls, &http);
            for (number, host) in hosts.iter().enumerate() {
                assert_eq!(usize::try_from(host.number()).unwrap(), number);
                assert_eq!(host.answers().await, expected, "{answer:?}");
            }
            let asked = wire.asked.lock().unwrap().clone();
            assert_eq!(asked, ["HEAD https://one.example/", "HEAD http://two.example:8080/x"]);
        }
    }
}
