//! Whether the tables are about every operation that is served.

use super::table::{self, Operation};
use super::{CALLERS, FILES, OTHERS, PLACES};
use crate::tree;

/// A method and a path as the router has them.
type Route = (String, Vec<String>);

/// Every route of routes.rs: `.route("/a/{id}", get(…).put(…))`.
fn routes() -> Vec<Route> {
    let text = tree::text("services/gateway/src/routes.rs");
    let mut routes = Vec::new();
    for call in text.split(".route(").skip(1) {
        let (path, rest) = call.trim_start_matches(['\n', ' ', '"']).split_once('"').expect("a path");
        let handlers = rest.split(".route(").next().expect("handlers");
        for method in ["get", "post", "put", "delete"] {
            let (first, chained) = (format!(", {method}("), format!(").{method}("));
            if handlers.replace('\n', " ").contains(&first) || handlers.contains(&chained) {
                routes.push((method.to_uppercase(), segments(path)));
            }
        }
    }
    routes
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
    assert!(routes.len() > 40, "routes.rs is read wrongly: {routes:?}");
    let tables = [table::parse(FILES, PLACES.len(), true), table::parse(OTHERS, CALLERS.len(), false)].concat();
    let served: Vec<&Route> = tables
        .iter()
        .map(|operation| route_of(&routes, operation).unwrap_or_else(|| panic!("nothing serves {operation:?}")))
        .collect();
    let missing: Vec<_> = routes.iter().filter(|route| !served.contains(route)).collect();
    assert!(missing.is_empty(), "these operations are in no table: {missing:#?}");
}
