//! Whether the tables are about every operation that is served.

use serde_json::Value;

use super::table::{self, Operation};
use super::{CALLERS, FILES, OTHERS, PLACES};
use crate::tree;

/// A method and a path as the router has them.
type Route = (String, Vec<String>);

/// Every route of the OpenAPI document, which is made from the code and compared with it.
fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(&tree::text("schemas/openapi.json")).expect("the document");
    let paths = document["paths"].as_object().expect("paths");
    let methods = |path: &Value| -> Vec<String> { path.as_object().expect("methods").keys().cloned().collect() };
    paths
        .iter()
        .flat_map(|(path, of)| methods(of).into_iter().map(|method| (method.to_uppercase(), segments(path))))
        .collect()
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// The route that serves an operation: of those that fit, the one with the most words of its own.
fn route_of<'a>(routes: &'a [Route], operation: &Operation) -> Option<&'a Route> {
    let path = operation.path.split('?').next().expect("a path");
    let asked = segments(path);
    let fits = |(method, path): &&Route| {
        let word = |(own, asked): (&String, &String)| own.starts_with('{') || own == asked;
        *method == operation.method && path.len() == asked.len() && path.iter().zip(&asked).all(word)
    };
    let words = |(_, path): &&Route| path.iter().filter(|word| !word.starts_with('{')).count();
    routes.iter().filter(fits).max_by_key(words)
}

#[test]
fn every_operation_is_in_a_table() {
    let routes = routes();
    assert!(routes.len() > 40, "the document is read wrongly: {routes:?}");
    let tables = [table::parse(FILES, PLACES.len(), true), table::parse(OTHERS, CALLERS.len(), false)].concat();
    let served: Vec<&Route> = tables
        .iter()
        .map(|operation| route_of(&routes, operation).unwrap_or_else(|| panic!("nothing serves {operation:?}")))
        .collect();
    let missing: Vec<_> = routes.iter().filter(|route| !served.contains(route)).collect();
    assert!(missing.is_empty(), "these operations are in no table: {missing:#?}");
}
