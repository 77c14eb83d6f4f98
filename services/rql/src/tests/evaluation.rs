//! What a query does to objects: which fit, in which order, and what is left of them.

use serde_json::{Value as Json, json};

use crate::{AGGREGATES, content_range};
use crate::{ASSETS, CHUNKS, CONTRACTS, Compiled, FILES, Field, HUBS, LISTINGS, Page, Query, RECORDS, RqlError};

fn compiled(text: &str, fields: &'static [Field], hidden: &str) -> Result<Compiled, RqlError> {
    Compiled::new(Query::parse(text)?, fields, |field| field.path != hidden)
}

fn files() -> Vec<Json> {
    vec![
        json!({
            "id": "UF-1", "name": "May *final*", "status": "ready", "schema": "qt", "external_id": "77",
            "product": {"id": "PRD-1", "name": "Zeta"}, "events": {"created": {"at": "2026-05-01T00:00:00+00:00"}},
        }),
        json!({
            "id": "UF-2", "name": "june", "status": "accepted", "schema": "tr", "external_id": "",
            "product": {"id": "PRD-2", "name": "Alpha"}, "events": {"created": {"at": "2026-06-01T02:00:00.5+02:00"}},
        }),
        json!({
            "id": "UF-3", "name": "JUNE 2", "status": "ready", "schema": "qt", "external_id": null,
            "product": {"id": "PRD-2"}, "events": {"created": {"at": "2026-07-01"}},
        }),
    ]
}

/// The numbers of the files that fit, in order; or the error.
fn check(table: &[(&str, &str)]) {
    for (text, want) in table {
        let got = match compiled(text, FILES, "") {
            Ok(query) => {
                let mut fitting: Vec<Json> = files().into_iter().filter(|file| query.matches(file)).collect();
                query.sort(&mut fitting);
                let ids = fitting.iter().filter_map(|file| file["id"].as_str());
                ids.map(|id| &id[3..]).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(&got, want, "{text}");
    }
}

#[test]
fn conditions_choose_objects() {
    check(&[
        ("", "1 2 3"),
        ("status=ready", "1 3"),
        ("status=ready&status=accepted", ""),
        ("ne(status,ready)", "2"),
        ("in(status,(ready,accepted))&product.id=PRD-2", "2 3"),
        ("out(product_id,(PRD-2))", "1"),
        ("product__id=PRD-1", "1"),
        ("(id=UF-1|name=june)", "1 2"),
        ("not(id=UF-1)", "2 3"),
        ("eq(external_id,null())", "3"),
        ("null(external_id,false)", "1 2"),
        ("eq(external_id,empty())", "2 3"),
        ("external_id=''", "2 3"),
        ("ne(external_id,\"empty()\")", "1"),
        ("search=l\\*", "1"),
        ("search=\\*", "1"),
        ("in(external_id,(77,null()))", "1 3"),
        ("eq(product.name,null())", "3"),
        ("ne(product.name,Zeta)", "2 3"),
        ("created.at=ge=2026-06-01", "2 3"),
        ("gt(created.at,2026-06-01T00:00:00.499999Z)", "2 3"),
        ("gt(created.at,2026-06-01T00:00:00.500000%2B00:00)", "3"),
        ("eq(created.at,2026-05-31T19:00:00.5-0500)", "2"),
        ("and(ge(created.at,2026-05-01 00:00),lt(created.at,2026-07-01T00:00:00))", "1 2"),
        ("search=june", "2 3"),
        ("search=ALPHA&schema=tr", "2"),
        ("search=accepted", ""),
        ("(search=zeta|id=UF-3)", "1 3"),
        ("like(name,june*)", "2"),
        ("ilike(name,june*)", "2 3"),
        ("ilike(name,*e)", "2"),
        ("like(name,*\\*f*l\\*)", "1"),
        ("like(name,june)", "2"),
        ("like(name,*)", "1 2 3"),
        ("like(status,*e*y)", "1 3"),
        ("product=t(id=PRD-2,name=Alpha)", "2"),
    ]);
}

#[test]
fn an_unknown_name_is_left_out() {
    check(&[
        ("nothing=1", "1 2 3"),
        ("description=x", "1 2 3"),
        ("not(nothing=1)", "1 2 3"),
        ("(nothing=1|id=UF-1)", "1"),
        ("(nothing=1|nothing=2)&id=UF-2", "2"),
        ("Status=Ready", "1 2 3"),
    ]);
}

#[test]
fn operators_and_values_are_checked() {
    check(&[
        ("status=Ready", "RQL Value error. Filter: status, lookup: eq, value: Ready. Position: 7."),
        ("in(status,(ready,gone))", "RQL Value error. Filter: status, lookup: in, value: gone. Position: 17."),
        ("out(status,(null()))", "RQL Lookup error. Filter: status, lookup: out, value: null(). Position: 4."),
        ("status=empty()", "RQL Value error. Filter: status, lookup: eq, value: empty(). Position: 7."),
        ("gt(name,a)", "RQL Lookup error. Filter: name, lookup: gt, value: a. Position: 3."),
        ("gt(created.at,null())", "RQL Lookup error. Filter: created.at, lookup: gt, value: null(). Position: 3."),
        ("like(created.at,2026*)", "RQL Lookup error. Filter: created.at, lookup: like, value: 2026*. Position: 5."),
        ("like(name,null())", "RQL Lookup error. Filter: name, lookup: like, value: null(). Position: 5."),
        ("like(name,a**)", "RQL Value error. Filter: name, lookup: like, value: a**. Position: 10."),
        ("search=a**b", "RQL Value error. Filter: search, lookup: ilike, value: a**b. Position: 7."),
        (
            "ge(created.at,2026-02-30)",
            "RQL Value error. Filter: created.at, lookup: ge, value: 2026-02-30. Position: 14.",
        ),
        ("ge(created.at,soon)", "RQL Value error. Filter: created.at, lookup: ge, value: soon. Position: 14."),
        ("ordering(nothing)", "RQL Parsing error. Bad ordering filter: nothing. Position: 9."),
        ("ordering(product.id)", "RQL Parsing error. Bad ordering filter: product.id. Position: 9."),
        ("select(nothing)", "RQL Parsing error. Bad select filter: nothing. Position: 7."),
        ("select(-nothing)", "RQL Parsing error. Bad select filter: -nothing. Position: 8."),
        (
            "select(-events,events.created)",
            "RQL Parsing error. Bad select filter: incompatible properties. Position: 15.",
        ),
    ]);
}

#[test]
fn an_ordering_is_stable_and_the_missing_comes_first() {
    check(&[
        ("ordering(-created.at)", "3 2 1"),
        ("ordering(product.name)", "3 2 1"),
        ("ordering(-product.name)", "1 2 3"),
        ("ordering(status)", "2 1 3"),
        ("ordering(-status,-id)", "3 1 2"),
    ]);
}

#[test]
fn a_hidden_field_is_an_unknown_one() {
    for (text, want) in [
        ("external_id=77", Ok(true)),
        ("external_id=nothing", Ok(true)),
        ("(external_id=77|id=UF-9)", Ok(false)),
        ("search=77", Ok(false)),
        ("gt(external_id,1)", Ok(true)),
        ("select(-external_id)", Err("RQL Parsing error. Bad select filter: -external_id. Position: 8.")),
    ] {
        let got = compiled(text, FILES, "external_id").map(|query| query.matches(&files()[0]));
        assert_eq!(got.map_err(|error| error.to_string()), want.map_err(str::to_owned), "{text}");
    }
    let unordered = compiled("ordering(name)", HUBS, "name").map(|_| ());
    assert_eq!(unordered, Err(RqlError::Ordering { field: "name".to_owned(), position: 9 }));
}

#[test]
fn a_path_through_a_list_means_any_of_it() {
    let asset = json!({"params": [{"id": "a", "value": "1"}, {"id": "b"}], "items": []});
    for (text, want) in [
        ("params.id=b", true),
        ("params.id=c", false),
        ("ne(params.id,b)", false),
        ("like(params.value,1*)", true),
        ("eq(items.id,null())", true),
        ("eq(params.id,null())", false),
    ] {
        assert_eq!(compiled(text, ASSETS, "").map(|query| query.matches(&asset)), Ok(want), "{text}");
    }
}

#[test]
fn numbers_are_exact() {
    let contract = json!({"version": 10.10});
    for (text, want) in [
        ("version=10.1", Ok(true)),
        ("gt(version,9)", Ok(true)),
        ("lt(version,10.100000000001)", Ok(true)),
        ("in(version,(1,10.1))", Ok(true)),
        ("version=x", Err("RQL Value error. Filter: version, lookup: eq, value: x. Position: 8.")),
        ("like(version,1*)", Err("RQL Lookup error. Filter: version, lookup: like, value: 1*. Position: 5.")),
    ] {
        let got = compiled(text, CONTRACTS, "").map(|query| query.matches(&contract));
        assert_eq!(got.map_err(|error| error.to_string()), want.map_err(str::to_owned), "{text}");
    }
}

#[test]
fn a_selection_takes_blocks_away_and_keeps_the_order() {
    for (text, want) in [
        ("select(name)", "id name status schema external_id product events"),
        ("select(-name,+id)", "id status schema external_id product events"),
        ("select(-events,-product)", "id name status schema external_id"),
        ("select(-created.at)", "id name status schema external_id product events"),
    ] {
        let mut file = files().remove(0);
        compiled(text, FILES, "").expect("a query").select(&mut file);
        let names: Vec<_> = file.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names.join(" "), want, "{text}");
    }
    let mut file = files().remove(0);
    compiled("select(-events.created.at,-product__name)", FILES, "").expect("a query").select(&mut file);
    assert_eq!(file["events"], json!({"created": {}}));
    assert_eq!(file["product"], json!({"id": "PRD-1"}));
    let mut asset = json!({"params": [{"id": "a", "value": 1}, {"id": "b"}]});
    compiled("select(-params.value)", ASSETS, "").expect("a query").select(&mut asset);
    assert_eq!(asset, json!({"params": [{"id": "a"}, {"id": "b"}]}));
}

#[test]
fn a_query_says_which_values_it_requires() {
    for (text, want) in [
        ("usagefile.id=UF-1", Some(vec!["UF-1"])),
        ("usage_file=UF-1&status=valid", Some(vec!["UF-1"])),
        ("in(usagefile__id,(UF-2,UF-1)),status=valid", Some(vec!["UF-1", "UF-2"])),
        ("in(usage_file,(UF-2,UF-1))&usage_file=UF-2", Some(vec!["UF-2"])),
        ("usage_file=UF-1&usage_file=UF-2", Some(vec![])),
        ("(usage_file=UF-1|usage_file=UF-2)", Some(vec!["UF-1", "UF-2"])),
        ("(usage_file=UF-1|status=valid)", None),
        ("in(usage_file,(UF-1,null()))", None),
        ("ne(usage_file,UF-1)", None),
        ("out(usage_file,(UF-1))", None),
        ("like(usage_file,UF-1)", None),
        ("", None),
    ] {
        let query = compiled(text, RECORDS, "").expect("a query");
        assert_eq!(query.required_values("usagefile.id"), want, "{text}");
        assert_eq!(query.required_values("nothing"), None);
        assert_eq!(query.matches_all(), text.is_empty());
    }
}

#[test]
fn every_query_of_a_real_client_runs() {
    for (fields, text) in [
        (FILES, "in(product_id,(PRD-1,PRD-2))&eq(status,ready)&limit=1000"),
        (FILES, "in(product_id,(PRD-1))&in(status,(ready,pending,invalid))&limit=1000"),
        (FILES, "like(name,AS-1111-2222-3333_2026-11-*)&in(product_id,(PRD-1))"),
        (FILES, "status=ready&in(product.id,(PRD-1,PRD-2))&limit=10&offset=0&ordering(-created.at)"),
        (FILES, "select(-events)&and(in(product.id,(A,B)),eq(status,ready))&ordering(-created.at)&limit=1&offset=0"),
        (
            FILES,
            "and(ge(created.at,2026-10-01T00:00:00),le(created.at,2026-11-01T00:00:00+00:00),\
             in(marketplace.id,(MP-1)),in(product.id,(PRD-1)))",
        ),
        (FILES, "in(status,(ready)),ge(created.at,2026-10-01T00:00:00.123456%2B00:00)"),
        (FILES, "and(eq(id,UF-1),in(status,(ready,accepted)))"),
        (FILES, "limit=0&offset=0"),
        (RECORDS, "usagefile.id=UF-2026-01-1234-5678"),
        (RECORDS, "eq(usagefile.id,UF-1)"),
        (RECORDS, "eq(usage_file,UF-1)"),
        (
            RECORDS,
            "status=approved&asset.external_uid=65da4d1e-0000-4000-8000-000000000000&usagefile.schema=qt\
             &limit=100&offset=0",
        ),
        (
            RECORDS,
            "eq(asset.id,AS-1),in(status,(approved,closed)),(and(ge(start_date,2026-10-01T00:00:00),\
             lt(start_date,2026-11-01T00:00:00))%7Cand(ge(end_date,2026-10-01),lt(end_date,2026-11-01)))\
             &limit=100&offset=0",
        ),
        (RECORDS, "status=null()"),
        (CHUNKS, "status=ready&binding.hub.id=HB-1111-2222&limit=100&offset=0"),
        (CHUNKS, "and(eq(id,UFC-1),in(status,(ready,closed)))"),
        (AGGREGATES, "asset.external_uid=65da4d1e-0000-4000-8000-000000000000"),
        (HUBS, "eq(instance__id,65da4d1e-0000-4000-8000-000000000000)&limit=1&offset=0"),
        (LISTINGS, "in(product.id,(PRD-1))&eq(status,listed)&limit=1000"),
        (CONTRACTS, "and(in(type,(distribution)),in(status,(active)))"),
        (ASSETS, "and(in(contract.id,(CRD-1)),in(id,(AS-1)))&ordering(product.id)"),
        (ASSETS, "eq(status,active)&limit=0&offset=0"),
    ] {
        let query = compiled(text, fields, "").unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(query.matches_all(), text.starts_with("limit"), "{text}");
    }
}

#[test]
fn the_records_of_a_month_are_found_as_the_report_asks() {
    let text = "eq(asset.id,AS-1),in(status,(approved,closed)),(and(ge(start_date,2026-10-01T00:00:00),\
                lt(start_date,2026-11-01T00:00:00))%7Cand(ge(end_date,2026-10-01),lt(end_date,2026-11-01)))";
    let query = compiled(text, RECORDS, "").expect("a query");
    for (start, end, want) in [
        ("2026-10-05T00:00:00+00:00", "2026-11-05T00:00:00+00:00", true),
        ("2026-09-05T00:00:00+00:00", "2026-10-05T00:00:00+00:00", true),
        ("2026-09-05T00:00:00+00:00", "2026-11-01T00:00:00+00:00", false),
        ("2026-11-01T00:30:00+01:00", "2026-12-01T00:00:00+00:00", true),
    ] {
        let record = json!({"asset": {"id": "AS-1"}, "status": "closed", "start_date": start, "end_date": end});
        assert_eq!(query.matches(&record), want, "{start} {end}");
    }
}

#[test]
fn a_page_has_a_window_and_says_where_it_is() {
    for (text, offset, limit) in [
        ("", 0, 100),
        ("limit=10&offset=20", 20, 10),
        ("limit=5000", 0, 1000),
        ("limit=0&offset=7", 0, 0),
        ("limit=x", 0, 100),
    ] {
        assert_eq!(Page::of(&Query::parse(text).expect("RQL")), Page { offset, limit }, "{text}");
    }
    assert_eq!(content_range(0, 10, 25), "items 0-9/25");
    assert_eq!(content_range(20, 5, 25), "items 20-24/25");
    assert_eq!(content_range(0, 0, 0), "items 0-0/0");
    assert_eq!(content_range(9, 0, 0), "items 0-0/0");
    assert_eq!(content_range(0, 0, 25), "items 0-0/25");
    assert_eq!(content_range(30, 0, 25), "items 30-30/25");
}

#[test]
fn an_instant_is_read_in_every_form_that_clients_write() {
    for (text, want) in [
        ("1970-01-01", Some(0)),
        ("1970-1-2", Some(86_400_000_000)),
        ("1969-12-31T23:59:59.999999Z", Some(-1)),
        ("1970-01-01T00:00:00.0000019", Some(1)),
        ("1970-01-01T01:00+01:00", Some(0)),
        ("1970-01-01 01:00:00,5 +01", Some(500_000)),
        ("1969-12-31T14:30:00-0930", Some(0)),
        ("2024-02-29T12:00:00Z", Some(1_709_208_000_000_000)),
        ("2000-03-01", Some(951_868_800_000_000)),
        ("9999-12-31T23:59:59.999999", Some(253_402_300_799_999_999)),
        ("2023-02-29", None),
        ("1900-02-29", None),
        ("0000-01-01", None),
        ("2026-13-01", None),
        ("2026-01-32", None),
        ("2026-01-01T", None),
        ("2026-01-01T24:00", None),
        ("2026-01-01T00:60", None),
        ("2026-01-01T00:00:00.", None),
        ("2026-01-01T00:00:00+1", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-01-01T00:00:00:00", None),
        ("2026-01-01-01", None),
        ("+202-01-01", None),
        ("2026-01-01T00:00:00+é1", None),
        ("", None),
    ] {
        assert_eq!(crate::instant::microseconds(text), want, "{text}");
    }
}
