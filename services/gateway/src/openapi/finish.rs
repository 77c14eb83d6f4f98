//! What annotations can't say, added to the whole document: members of answers are left out instead of null, lists tell
//! where their page stands, their conditions have names, answers lead to what can be asked next, and every body has an
//! example.

use rql::{Field, Kind};
use serde_json::{Map, Value, json};

use super::links;

/// The lists whose conditions have names, by the operation.
const LISTS: [(&str, &[Field]); 24] = [
    ("list_usage_files", rql::FILES),
    ("list_categories", rql::CATEGORIES),
    ("list_history_of_file", rql::HISTORY),
    ("list_history_of_record", rql::HISTORY),
    ("list_validation_errors", rql::VALIDATION_ERRORS),
    ("list_records", rql::RECORDS),
    ("list_chunks", rql::CHUNKS),
    ("list_reconciliations", rql::RECONCILIATIONS),
    ("list_aggregates", rql::AGGREGATES),
    ("list_agregates", rql::AGGREGATES),
    ("list_aggregates_of_asset", rql::AGGREGATES),
    ("list_rules", rql::RULES),
    ("list_webhooks", rql::WEBHOOKS),
    ("list_api_keys", rql::API_KEYS),
    ("list_sessions", rql::SESSIONS),
    ("list_items", rql::ITEMS),
    ("list_accounts", rql::ACCOUNTS),
    ("list_hubs", rql::HUBS),
    ("list_marketplaces", rql::MARKETPLACES),
    ("list_products", rql::PRODUCTS),
    ("list_contracts", rql::CONTRACTS),
    ("list_listings", rql::LISTINGS),
    ("list_assets", rql::ASSETS),
    ("list_subscription_assets", rql::ASSETS),
];
/// The operations whose answer is a workbook of the ledger.
const WORKBOOKS: [&str; 3] = ["download_chunk", "download_reconciliation", "download_workbook"];
/// What the query string of a list is.
const CONDITIONS: &str = include_str!("conditions.md");
/// Whole examples of answers whose parts have none of their own.
const EXAMPLES: &str = include_str!("examples.json");
/// Schemas within schemas: deeper than this there is no example.
const DEPTH_MAX: usize = 12;

/// The document with all of that.
pub(super) fn finished(mut document: Value) -> Value {
    let mut schemas = document["components"]["schemas"].take();
    let mut answered = Vec::new();
    for operation in operations(&mut document) {
        for response in members(&mut operation["responses"]) {
            references(response, &mut answered);
        }
    }
    leave_out_nulls(&mut schemas, answered);
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for (name, whole) in examples {
        if let Some(schema) = schemas.get_mut(&name) {
            schema["example"] = whole;
        }
    }
    for operation in operations(&mut document) {
        name_conditions(operation);
        add_links(operation);
        if takes(operation, "conditions") {
            operation["responses"]["200"]["headers"]["Content-Range"] = json!({
                "description": "Where the page stands: first and last object, and how many there are.",
                "schema": { "type": "string", "pattern": "^items \\d+-\\d+/\\d+$" },
                "example": "items 0-9/42",
            });
        }
        if takes(operation, "as_of") {
            operation["responses"]["200"]["headers"]["Ledger-As-Of"] = json!({
                "description": "With `as_of`: which facts the answer is from. Given as `as_of` it brings this answer again.",
                "schema": { "type": "string" },
                "example": "catalog-0:12,ingestion-0:77,approval-0:123",
            });
        }
        if takes(operation, "as_of") || operation["operationId"].as_str().is_some_and(|id| WORKBOOKS.contains(&id)) {
            operation["responses"]["200"]["headers"]["Ledger-Checkpoint"] = json!({
                "description": "Without `as_of`: the newest signed root of each log that tells of it, and of how many \
                                events it is; a dictionary of RFC 9651.",
                "schema": { "type": "string" },
                "example": "extraction-0=:XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=:;size=1024",
            });
        }
        if let Some(body) = operation.get_mut("requestBody") {
            give_examples(body, &schemas);
        }
        for response in members(&mut operation["responses"]) {
            give_examples(response, &schemas);
        }
    }
    document["components"]["schemas"] = schemas;
    document
}

fn takes(operation: &Value, parameter: &str) -> bool {
    operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == parameter))
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    members(&mut document["paths"]).flat_map(members)
}

fn members(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// The names of the schemas that something refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => {
            if let Some(name) = name_of(value).filter(|name| !found.iter().any(|known| known == name)) {
                found.push(name.to_owned());
            }
            all.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

/// What may be missing from an answer is never null.
fn leave_out_nulls(schemas: &mut Value, mut answered: Vec<String>) {
    let mut done = 0;
    while let Some(name) = answered.get(done).cloned() {
        done += 1;
        let Some(schema) = schemas.get_mut(&name) else { continue };
        references(schema, &mut answered);
        let required: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { continue };
        for (name, property) in properties {
            if !required.iter().any(|one| one == name) {
                without_null(property);
            }
        }
    }
}

fn without_null(schema: &mut Value) {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let kinds: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
        schema["type"] = match <[Value; 1]>::try_from(kinds) {
            Ok([only]) => only,
            Err(kinds) => Value::Array(kinds),
        };
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let choices: Vec<Value> = choices.iter().filter(|choice| choice["type"] != "null").cloned().collect();
        if let Ok([Value::Object(only)]) = <[Value; 1]>::try_from(choices) {
            let Some(members) = schema.as_object_mut() else { return };
            members.shift_remove("oneOf");
            members.extend(only);
        }
    }
}

/// What the conditions of a list may be about.
fn name_conditions(operation: &mut Value) {
    let fields = LISTS.iter().find(|(id, _)| operation["operationId"] == *id).map(|(_, fields)| *fields);
    let Some(fields) = fields else { return };
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    let Some(conditions) = parameters.iter_mut().find(|parameter| parameter["name"] == "conditions") else { return };
    let named = fields.iter().filter(|field| field.kind != Kind::Block);
    // A link can only give what is a parameter of its own.
    let (linked, named): (Vec<&Field>, Vec<&Field>) = named.partition(|field| links::give(&id, field.name));
    let properties: Map<String, Value> =
        named.into_iter().map(|field| (field.name.to_owned(), condition(field))).collect();
    conditions["description"] = json!(CONDITIONS);
    conditions["style"] = json!("form");
    conditions["explode"] = json!(true);
    conditions["schema"]["properties"] = Value::Object(properties);
    parameters.extend(linked.into_iter().map(|field| {
        let (name, words, schema) = (field.name, words(field), schema(field));
        json!({ "name": name, "in": "query", "description": words, "required": false, "schema": schema })
    }));
}

/// What can be asked next stands beside what is answered where all went well.
fn add_links(operation: &mut Value) {
    let links = links::of(operation["operationId"].as_str().unwrap_or_default());
    let answers = operation["responses"].as_object_mut().into_iter().flatten();
    let success = answers.into_iter().find(|(status, _)| status.starts_with('2'));
    if let Some((_, answer)) = success.filter(|_| !links.is_empty()) {
        answer["links"] = Value::Object(links);
    }
}

fn condition(field: &Field) -> Value {
    let mut condition = schema(field);
    condition["description"] = Value::from(words(field));
    condition
}

fn schema(field: &Field) -> Value {
    match field.kind {
        Kind::Enum(values) => json!({ "type": "string", "enum": values }),
        Kind::Time => json!({ "type": "string", "examples": ["2026-11-22T10:00:00"] }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Text | Kind::Block => json!({ "type": "string" }),
    }
}

/// What can be asked about a field.
fn words(field: &Field) -> String {
    let operators = match field.kind {
        Kind::Time | Kind::Number => "eq, ne, gt, ge, lt, le, in, out",
        Kind::Text | Kind::Enum(_) | Kind::Block => "eq, ne, like, ilike, in, out",
    };
    let null = if field.null { ", null()" } else { "" };
    let ordered = if field.ordering { "; ordering" } else { "" };
    let searched = if field.search { "; search" } else { "" };
    format!("{operators}{null}{ordered}{searched}")
}

/// Gives every body an example that has none: the whole one of its schema, or one made of the examples of its members.
fn give_examples(body: &mut Value, schemas: &Value) {
    for content in members(body.get_mut("content").unwrap_or(&mut Value::Null)) {
        let has_one = content.get("example").is_some() || content.get("examples").is_some();
        // Nobody reads the bytes of a workbook.
        let schema = content.get("schema").filter(|schema| !has_one && name_of(schema) != Some("Workbook"));
        if let Some(example) = schema.map(|schema| example(schema, schemas, 0)) {
            content["example"] = example;
        }
    }
}

fn example(schema: &Value, schemas: &Value, depth: usize) -> Value {
    let given = schema.get("example").or_else(|| schema.get("examples")?.get(0)).or_else(|| schema.get("enum")?.get(0));
    if let Some(given) = given {
        return given.clone();
    }
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(name) = name_of(schema) {
        return schemas.get(name).map_or(Value::Null, |schema| example(schema, schemas, depth + 1));
    }
    let choices = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    if let Some(choice) = choices.into_iter().find(|choice| choice.get("type").is_none_or(|kind| kind != "null")) {
        return example(choice, schemas, depth + 1);
    }
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| if kind.is_array() { kind.get(0) } else { Some(kind) });
    match kind.and_then(Value::as_str) {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            properties.map(|(name, property)| (name.clone(), example(property, schemas, depth + 1))).collect()
        }
        Some("array") => schema.get("items").map(|items| example(items, schemas, depth + 1)).into_iter().collect(),
        Some("integer") => json!(1),
        Some("number") => serde_json::from_str("12.5").unwrap_or_default(),
        Some("boolean") => json!(false),
        Some("string") if schema.get("format").is_some_and(|format| format == "binary") => json!("usage.xlsx"),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}
