//! What operators and programs ask without a token.

use crate::house::House;
use axum::body::Body;
use expect_test::expect_file;
use http::Request;
use serde_json::Value;

async fn ask(house: &House, path: &str) -> crate::house::Answer {
    house.call(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn alive_and_ready_are_two_questions() {
    let house = House::open().await;
    assert_eq!(ask(&house, "/healthz").await.body, "alive\n");
    assert_eq!(ask(&house, "/readyz").await.body, "ready\n");
    house.store.set_broken(true);
    assert_eq!(ask(&house, "/healthz").await.status, 200);
    assert!(!ask(&house, "/readyz").await.problem(503).contains("SECRET-PATH"));
    let text = String::from_utf8(ask(&house, "/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains("ieum_store_up 0\n"), "{text}");
}

#[tokio::test]
async fn a_stopped_hub_is_not_ready() {
    let house = House::open().await;
    assert_eq!(ask(&house, "/readyz").await.status, 200);
    house.hub.stop().await;
    ask(&house, "/readyz").await.problem(503);
    assert_eq!(ask(&house, "/healthz").await.status, 200);
}

#[tokio::test]
async fn every_metric_has_its_head_once_and_well_formed_samples() {
    let house = House::open().await;
    house.settle().await;
    let answer = ask(&house, "/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let mut metrics = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            metrics.push(head.split(' ').next().unwrap().to_owned());
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            value.parse::<u64>().unwrap();
            assert!(name.starts_with(metrics.last().unwrap()), "{line}");
        }
    }
    let mut once = metrics.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), metrics.len());
    for wanted in [
        "ieum_store_up",
        "ieum_messages_total",
        "ieum_deliveries_open",
        "ieum_events_total",
        "ieum_attempts_total",
        "ieum_delivery_latency_ms",
        "ieum_hook_answers_total",
        "ieum_attempts_in_flight",
        "ieum_cell_state",
    ] {
        assert!(metrics.iter().any(|name| name == wanted), "{wanted} in {metrics:?}");
    }
}

#[tokio::test]
async fn the_document_is_the_file_that_is_checked_in() {
    let document = ieum_server::openapi();
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    expect_file!["../../openapi.json"].assert_eq(&text);
    let house = House::open().await;
    assert_eq!(ask(&house, "/openapi.json").await.json(), document);
}

/// Whether every reference in the document leads somewhere.
fn check_references(value: &Value, root: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap();
                assert!(root.pointer(pointer).is_some(), "{target} leads nowhere");
            }
            fields.values().for_each(|value| check_references(value, root));
        }
        Value::Array(values) => values.iter().for_each(|value| check_references(value, root)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_document_is_whole() {
    let document = ieum_server::openapi();
    check_references(&document, &document);
    let mut names = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            let listed = operation["parameters"].as_array().unwrap();
            let in_path = listed.iter().filter(|one| one["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{path}");
            let guarded = operation["security"].as_array().unwrap().len();
            assert_eq!(guarded == 1, path.starts_with("/v1/"), "{path}");
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "operation ids are unique");
    let listed = document["paths"]["/v1/deliveries"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["account", "conversation", "cursor", "limit", "state"]);
}

/// Whether `value` has the form of `schema`: types, words, required and known fields.
fn check_form(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return check_form(value, root.pointer(target.trim_start_matches('#')).unwrap(), root);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema.get(choice).and_then(Value::as_array) {
            let fits = schemas.iter().any(|one| check_form(value, one, root).is_ok());
            return fits.then_some(()).ok_or(format!("{value} fits none of {schemas:?}"));
        }
    }
    check_type(value, schema)?;
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        words.contains(value).then_some(()).ok_or(format!("{value} is none of {words:?}"))?;
    }
    if let (Some(values), Some(schema)) = (value.as_array(), schema.get("items")) {
        values.iter().try_for_each(|value| check_form(value, schema, root))?;
    }
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten() {
        fields.get(name.as_str().unwrap()).ok_or(format!("{name} is missing"))?;
    }
    for (name, value) in fields {
        match schema.pointer(&format!("/properties/{name}")) {
            Some(schema) => check_form(value, schema, root)?,
            None if schema.get("additionalProperties").is_some() => {}
            None => return Err(format!("{name} is not described")),
        }
    }
    Ok(())
}

fn check_type(value: &Value, schema: &Value) -> Result<(), String> {
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    kinds.contains(&kind).then_some(()).ok_or(format!("{value} is not {kinds:?}"))
}

#[tokio::test]
async fn answers_have_the_form_that_the_document_gives_them() {
    let house = House::open().await;
    let (_, _, conversation) = house.settle().await;
    let address = serde_json::json!({ "account": "bot", "user": "u1", "direct": "d1" });
    house.post("/v1/people/1/addresses", address).await;
    house.hook("bot", crate::house::HOOK_SECRET, crate::house::said("m1", "hi")).await;
    let messages = format!("/v1/conversations/{conversation}/messages");
    house.post(&messages, serde_json::json!({ "text": "hello", "person": 1 })).await;
    let down = serde_json::json!({ "state": "down" });
    house.send("PUT", "/v1/networks/telegram/hold", down).await;
    let document = ieum_server::openapi();
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let pointer = "/get/responses/200/content/application~1json/schema";
        let Some(schema) =
            Value::Object(methods.as_object().unwrap().clone()).pointer(pointer).cloned()
        else {
            continue;
        };
        let real = ["{id}", "{message}", "{incident}"]
            .iter()
            .fold(path.clone(), |path, name| path.replace(name, "1"));
        let real = real.replace("/search", "/search?words=hello");
        let answer = house.get(&real).await;
        assert_eq!(answer.status, 200, "{real}");
        check_form(&answer.json(), &schema, &document)
            .unwrap_or_else(|why| panic!("{real}: {why}"));
        let problem = house.call(Request::get(&real).body(Body::empty()).unwrap()).await;
        if real.starts_with("/v1/") {
            let schema = &document["components"]["schemas"]["Problem"];
            check_form(&problem.json(), schema, &document).unwrap();
        }
        checked += 1;
    }
    assert_eq!(checked, 27);
}
