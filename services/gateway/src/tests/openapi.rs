//! The published document: it is the one in schemas/, it has every route, and it says something of everything.

use std::path::Path;

use axum::body::Body;
use serde_json::Value;

use super::world::{OPERATOR, World};
use crate::openapi;

const COMMITTED: &str = "../../schemas/openapi.json";
/// What a handler that isn't in the document needs.
const ADVICE: &str = "annotate the handler with #[utoipa::path(method, path = \"…\", operation_id = \"…\", tag = \
                      tag::…, params(…), request_body(…), responses((status = …, description = \"…\", body = …), \
                      Reading or Changing))] and add it to routes.rs with `.routes(routes!(…))`: docs/api.md shows how";

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    each.collect()
}

#[test]
fn the_document_in_schemas_is_the_one_that_is_served() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED);
    let text = format!("{:#}\n", openapi::value());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&committed, &text).unwrap();
    }
    let known = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        known == text,
        "schemas/openapi.json is not what the code says: BLESS=1 cargo nextest run -p gateway openapi"
    );
}

#[test]
fn every_route_is_in_the_document() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![source];
    while let Some(place) = waiting.pop() {
        for entry in std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                waiting.push(entry);
            } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests/openapi.rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                let line = text.lines().position(|line| line.contains(".route(") || line.contains(".nest("));
                assert_eq!(line, None, "{}: {ADVICE}", entry.display());
            }
        }
    }
}

#[tokio::test]
async fn everything_in_the_document_is_served() {
    let world = World::new();
    for (method, path, operation) in operations(&openapi::value()) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let concrete = parameters.filter(|one| one["in"] == "path").fold(path.clone(), |path, one| {
            path.replace(&format!("{{{}}}", one["name"].as_str().unwrap()), one["example"].as_str().unwrap())
        });
        let got = world.send(&method, OPERATOR, &concrete, Body::empty()).await;
        let text = String::from_utf8_lossy(&got.bytes).into_owned();
        assert!(!text.contains("Nothing is served at"), "{method} {path}: {text}");
        assert_ne!(got.status, 405, "{method} {path}");
    }
    let served = world.get("", "/openapi.json").await;
    assert_eq!(served.json(), openapi::value());
    assert_eq!(served.header("content-type"), "application/json");
}

#[test]
fn every_operation_says_what_it_does_takes_and_gives() {
    let document = openapi::value();
    let mut ids = Vec::new();
    for (method, path, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!ids.contains(&id), "{what}: operation_id {id} is taken");
        ids.push(id);
        assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{what} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{what} has one tag");
        let names = path.matches('{').count();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, names, "{what}: every name in the path is a parameter");
        for parameter in &parameters {
            assert!(parameter["description"].is_string(), "{what}: {parameter} has no description");
        }
        let mut contents: Vec<&Value> = operation["responses"].as_object().unwrap().values().collect();
        contents.push(&operation["requestBody"]);
        for (kind, content) in contents.iter().filter_map(|one| one["content"].as_object()).flatten() {
            let is_bytes = content["schema"]["$ref"] == "#/components/schemas/Workbook";
            assert_eq!(content["example"].is_null(), is_bytes, "{what}: {kind} {content}");
        }
        let is_open = operation["security"] == serde_json::json!([{}]);
        let has_401 = operation["responses"].get("401").is_some();
        assert!(is_open != has_401, "{what}: who needs a key is told when it has none");
    }
}
