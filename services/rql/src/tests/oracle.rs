//! Our parser and lib-rql 2.0.2 accept and refuse the same queries: a sample of its verdicts, kept for whoever has no
//! Python at hand. `tests/clients/rql_oracle.py` compares whole answers, on other queries with every seed.

use crate::{Query, RqlError};

#[test]
fn the_real_parser_agrees() {
    let (mut compared, mut lines) = (0, 0);
    for line in include_str!("oracle.tsv").lines() {
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
        let by_grammar = matches!(Query::parse(query), Ok(_) | Err(RqlError::Syntax { .. }));
        compared += usize::from(by_grammar);
    }
    assert!(compared * 10 > lines * 7, "only {compared} of {lines} queries were compared");
}
