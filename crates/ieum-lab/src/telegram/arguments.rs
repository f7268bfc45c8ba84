//! The arguments of a Bot API call, from wherever they came: query, form, JSON or multipart.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Query, Request};
use bytes::Bytes;
use http::header;
use serde_json::{Map, Value};

use super::Problem;
use crate::shared::BODY_BYTES_MAX;

/// The largest multipart body: Telegram takes files of up to 50 MB.
const UPLOAD_BYTES_MAX: usize = 52 * 1024 * 1024;

/// A file that came with a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// The arguments of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    fields: Map<String, Value>,
    uploads: Vec<(String, Upload)>,
}

impl Arguments {
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        let mut arguments = Self::default();
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        if let Ok(Query(pairs)) = pairs {
            arguments.take(pairs);
        }
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind =
            kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            arguments.multipart(request).await?;
            return Ok(arguments);
        }
        let body = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
        let body = body.map_err(|_| Problem::new(413, "Request Entity Too Large"))?;
        if kind.starts_with("application/json") && !body.is_empty() {
            let read = serde_json::from_slice::<Value>(&body).ok();
            let Some(Value::Object(fields)) = read else {
                return Err(Problem::bad("can't parse JSON object"));
            };
            arguments.fields.extend(fields);
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs = form(&body).ok_or_else(|| Problem::bad("can't parse parameters"))?;
            arguments.take(pairs);
        }
        Ok(arguments)
    }

    pub(crate) fn from_object(fields: Map<String, Value>) -> Self {
        Self { fields, uploads: Vec::new() }
    }

    fn take(&mut self, pairs: Vec<(String, String)>) {
        let values = pairs.into_iter().map(|(name, value)| (name, Value::String(value)));
        self.fields.extend(values);
    }

    async fn multipart(&mut self, request: Request) -> Result<(), Problem> {
        let broken = || Problem::bad("can't parse multipart body");
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, UPLOAD_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| Problem::new(413, "Request Entity Too Large"))?;
        let mut whole = Request::from_parts(parts, axum::body::Body::from(bytes));
        whole.extensions_mut().clear();
        let no_limit = axum::extract::DefaultBodyLimit::disable();
        no_limit.apply(&mut whole);
        let mut multipart = Multipart::from_request(whole, &()).await.map_err(|_| broken())?;
        while let Some(field) = multipart.next_field().await.map_err(|_| broken())? {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|_| broken())?;
            match file_name {
                Some(file_name) => {
                    self.uploads.push((name, Upload { name: file_name, content_type, bytes }));
                }
                None => {
                    let value = String::from_utf8_lossy(&bytes).into_owned();
                    self.fields.insert(name, Value::String(value));
                }
            }
        }
        Ok(())
    }

    /// A text, or a number written as one.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(crate) fn truth(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_lowercase().as_str(), "true" | "1"))
    }

    /// A nested value; in forms it is JSON in a string. `Err` when it cannot be read.
    pub(crate) fn nested(&self, name: &str) -> Result<Option<Value>, Problem> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Problem::bad(&format!("can't parse {name} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// The file of an argument: sent along, or sent along under an `attach://` name.
    pub(crate) fn upload(&self, name: &str) -> Option<&Upload> {
        let attached = self.text(name);
        let attached = attached.as_deref().and_then(|text| text.strip_prefix("attach://"));
        let wanted = attached.unwrap_or(name);
        self.uploads.iter().find(|(known, _)| known == wanted).map(|(_, upload)| upload)
    }
}

fn form(body: &Bytes) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let uri = http::Uri::try_from(format!("/?{text}")).ok()?;
    Query::<Vec<(String, String)>>::try_from_uri(&uri).ok().map(|Query(pairs)| pairs)
}
