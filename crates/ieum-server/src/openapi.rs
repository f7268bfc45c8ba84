//! The OpenAPI 3.1 document, written from the same list that makes the router.
//!
//! Invariant: `openapi.json` beside this crate is this document, which a test compares.

use crate::endpoint::{Carries, Endpoint, Verb};
use crate::problem::{Kind, PROBLEM_JSON, ProblemBody};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Joins a person's accounts on KakaoTalk, LINE, Telegram and other \
    networks, and keeps conversations going when one of them fails. All times are Unix \
    milliseconds. Unknown fields are errors.";

/// Writes the document.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut writer = Writer::new();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(endpoint.verb.word().to_owned(), writer.operation(endpoint));
        }
    }
    sorted(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ieum",
            "version": "1",
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": writer.schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    }))
}

/// Requests are described as they are read, answers as they are written.
struct Writer {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl Writer {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            given: settings().for_serialize().into_generator(),
        }
    }

    fn operation(&mut self, endpoint: &Endpoint) -> Value {
        let mut operation = json!({
            "summary": endpoint.summary,
            "operationId": operation_id(endpoint),
            "tags": [tag(endpoint.path)],
            "parameters": self.parameters(endpoint),
            "responses": self.responses(endpoint),
            "security": if endpoint.needs_token() { json!([{ "token": [] }]) } else { json!([]) },
        });
        if let (Some(shape), Some(fields)) = (endpoint.body, operation.as_object_mut()) {
            let schema = shape(&mut self.taken);
            let content = json!({ "application/json": { "schema": schema } });
            fields
                .insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
        operation
    }

    fn parameters(&mut self, endpoint: &Endpoint) -> Vec<Value> {
        let mut parameters: Vec<Value> = variables(endpoint.path).map(path_parameter).collect();
        for note in &endpoint.headers {
            parameters.push(json!({
                "name": note.name, "in": "header", "required": false,
                "description": note.text, "schema": { "type": "string" },
            }));
        }
        if let Some(shape) = endpoint.query {
            let schema = shape(&mut self.taken).to_value();
            let fields = schema.get("properties").and_then(Value::as_object);
            let fields = fields.cloned().unwrap_or_default();
            parameters.extend(fields.into_iter().map(query_parameter));
        }
        parameters
    }

    fn responses(&mut self, endpoint: &Endpoint) -> Value {
        let (status, carries) = endpoint.answer;
        let mut good = json!({ "description": "Done" });
        if let Some(fields) = good.as_object_mut() {
            let content = match carries {
                Carries::Nothing => None,
                Carries::Json(shape) => {
                    let schema = shape(&mut self.given);
                    Some(json!({ "application/json": { "schema": schema } }))
                }
                Carries::Other(media_type) => Some(json!({ media_type: {} })),
            };
            fields.extend(content.map(|content| ("content".to_owned(), content)));
        }
        let mut responses = Map::new();
        responses.insert(status.to_string(), good);
        let schema = self.given.subschema_for::<ProblemBody>();
        for kind in problems(endpoint) {
            let content = json!({ PROBLEM_JSON: { "schema": schema } });
            responses.insert(
                kind.status().code().to_string(),
                json!({ "description": kind.title(), "content": content }),
            );
        }
        Value::Object(responses)
    }

    fn schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.given.take_definitions(true);
        schemas.extend(self.taken.take_definitions(true));
        schemas
    }
}

/// How an endpoint may fail: by what it reads, and by what it does.
fn problems(endpoint: &Endpoint) -> Vec<Kind> {
    let mut kinds = endpoint.fails.clone();
    if endpoint.needs_token() {
        kinds.extend([Kind::Unauthorized, Kind::TooMany, Kind::Unavailable]);
    }
    if endpoint.body.is_some() {
        kinds.extend([Kind::Malformed, Kind::Timeout, Kind::TooLarge]);
        kinds.extend([Kind::UnsupportedMedia, Kind::Invalid]);
    }
    if endpoint.query.is_some() || variables(endpoint.path).next().is_some() {
        kinds.push(Kind::Malformed);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn variables(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &'static str) -> Value {
    let kind = if matches!(name, "account" | "message") { "string" } else { "integer" };
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } })
}

fn query_parameter((name, mut schema): (String, Value)) -> Value {
    let fields = schema.as_object_mut();
    let description = fields.and_then(|fields| fields.remove("description"));
    let mut parameter = json!({ "name": name, "in": "query", "required": false });
    if let Some(fields) = parameter.as_object_mut() {
        fields.extend(description.map(|text| ("description".to_owned(), text)));
        fields.insert("schema".to_owned(), schema);
    }
    parameter
}

fn tag(path: &str) -> &str {
    let mut pieces = path.split('/').filter(|piece| !piece.is_empty() && *piece != "v1");
    pieces.next().unwrap_or_default()
}

/// `get /v1/people/{id}` is `get_people_id`.
fn operation_id(endpoint: &Endpoint) -> String {
    let verb: Verb = endpoint.verb;
    let mut id = verb.word().to_owned();
    for piece in endpoint.path.split(['/', '.']).filter(|piece| !piece.is_empty()) {
        if piece != "v1" {
            id.push('_');
            id.push_str(piece.trim_matches(['{', '}']));
        }
    }
    id
}

/// The same with the keys of every object in order, whatever the features of `serde_json` are.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            fields.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
