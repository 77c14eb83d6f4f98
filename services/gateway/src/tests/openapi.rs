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

/// What a schema says of the member that a JSON pointer leads to; nothing where it has none.
fn pointed<'a>(document: &'a Value, mut schema: &'a Value, pointer: &str) -> Option<&'a Value> {
    let resolved = |mut schema: &'a Value| {
        while let Some(name) = schema["$ref"].as_str() {
            schema = document.pointer(name.trim_start_matches('#'))?;
        }
        Some(schema)
    };
    for name in pointer.split('/').skip(1) {
        schema = resolved(schema)?;
        let member = if name.parse::<usize>().is_ok() { schema.get("items") } else { schema["properties"].get(name) };
        schema = member?;
    }
    resolved(schema)
}

#[test]
fn every_link_gives_what_its_target_takes() {
    let document = openapi::value();
    let operations = operations(&document);
    let of = |id: &str| operations.iter().map(|(_, _, told)| told).find(|told| told["operationId"] == *id);
    let parameters = |told: &Value| told["parameters"].as_array().cloned().unwrap_or_default();
    let mut seen = Vec::new();
    for (source, links) in openapi::links::TABLE.iter().flat_map(|links| links.of.iter().map(move |of| (*of, links))) {
        let told = of(source).unwrap_or_else(|| panic!("{source} is no operation"));
        let answers = told["responses"].as_object().unwrap().iter();
        let (_, answer) = answers.into_iter().find(|(status, _)| status.starts_with('2')).unwrap();
        for target in links.to {
            let what = format!("{source} to {target}");
            assert!(!seen.contains(&what), "{what} is there twice");
            seen.push(what.clone());
            assert_eq!(answer["links"][target]["operationId"], **target, "{what}");
            let takes = parameters(of(target).unwrap_or_else(|| panic!("{what}: no such operation")));
            let given = answer["links"][target]["parameters"].as_object().unwrap();
            for (name, value) in given {
                assert!(takes.iter().any(|one| one["name"] == **name), "{what}: it takes no {name}");
                let value = value.as_str().unwrap();
                let schema = &answer["content"]["application/json"]["schema"];
                if let Some(pointer) = value.strip_prefix("$response.body#") {
                    let member = pointed(&document, schema, pointer);
                    assert!(member.is_some_and(|member| member["type"] == "string"), "{what}: no text at {value}");
                } else if let Some(name) = value.strip_prefix("$request.path.") {
                    let has_it = parameters(told).iter().any(|one| one["name"] == name && one["in"] == "path");
                    assert!(has_it, "{what}: {source} has no {name} in its path");
                } else {
                    assert!(!value.starts_with('$'), "{what}: {value} is no expression of a link");
                }
            }
            for required in takes.iter().filter(|one| one["required"] == true) {
                let name = required["name"].as_str().unwrap();
                assert!(given.contains_key(name), "{what}: it needs {name}");
            }
        }
    }
}
