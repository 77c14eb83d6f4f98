//! Our parser and lib-rql 2.0.2 accept and refuse the same queries. The verdicts come from
//! `tests/clients/rql_oracle.py`; a larger file of them is tried when `RQL_ORACLE` names one.

use crate::{Query, RqlError};

#[test]
fn the_real_parser_agrees() {
    let sample = include_str!("oracle.tsv").to_owned();
    let larger = std::env::var_os("RQL_ORACLE").map(|path| std::fs::read_to_string(path).expect("a readable file"));
    let (mut compared, mut lines) = (0, 0);
    for line in larger.unwrap_or(sample).lines() {
        let (verdict, query) = line.split_once('\t').expect("a verdict and a query");
        let ours = match Query::parse(&query.replace('%', "%25")) {
            Ok(_) => "ok",
            Err(RqlError::Syntax { .. }) => "no",
            // django-rql, not the grammar, refuses two orderings, two limits and the like, and so do we before the
            // rest of the text was read.
            Err(_) => verdict,
        };
        assert_eq!(ours, verdict, "lib-rql differs: {query}\n{:?}", Query::parse(query));
        lines += 1;
        compared += usize::from(!matches!(Query::parse(query), Err(error) if error.position().is_none()));
    }
    assert!(compared * 10 > lines * 7, "only {compared} of {lines} queries were compared");
}
