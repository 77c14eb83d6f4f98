//! What the parser understands, and how it says what it doesn't.

use super::shown;
use crate::{DEPTH_MAX, QUERY_BYTES_MAX, Query, TERMS_MAX, VALUES_MAX};

fn check(table: &[(&str, &str)]) {
    for (text, want) in table {
        let got = match Query::parse(text) {
            Ok(query) => shown(&query),
            Err(error) => error.to_string().replace("RQL Parsing error. ", "! "),
        };
        assert_eq!(&got, want, "{text}");
    }
}

#[test]
fn a_condition_has_many_spellings() {
    check(&[
        ("", ""),
        ("eq(status,ready)", "eq(status,'ready')"),
        ("status=eq=ready", "eq(status,'ready')"),
        ("status=ready", "eq(status,'ready')"),
        ("ne(a,b)", "ne(a,'b')"),
        ("a=gt=b", "gt(a,'b')"),
        ("a=ge=b", "ge(a,'b')"),
        ("lt(a,b)", "lt(a,'b')"),
        ("a=le=-1.5", "le(a,'-1.5')"),
        ("like(name,*x*)", "like(name,'*x*')"),
        ("ilike(name,\\*x)", "ilike(name,'\\*x')"),
        ("in(a,(b,c))", "in(a,('b','c'))"),
        ("out(a,('b',null()))", "out(a,('b',null()))"),
        ("eq=eq=eq", "eq(eq,'eq')"),
        ("not=and", "eq(not,'and')"),
        ("a=null()", "eq(a,null())"),
        ("ne(a,empty())", "ne(a,empty())"),
        ("null(a,true)", "eq(a,null())"),
        ("not(empty(a,false))", "not(ne(a,empty()))"),
        ("t(a=b,like(c,d*))", "and(eq(a,'b'),like(c,'d*'))"),
        ("a=t(b=c,d=ge=e)", "and(eq(a.b,'c'),ge(a.d,'e'))"),
        ("a=ne=t(b=t(c=d))", "not(eq(a.b.c,'d'))"),
        ("in(a,(t(b=c),d))", "or(in(a,('d')),eq(a.b,'c'))"),
        ("out(a,(t(b=c)))", "not(eq(a.b,'c'))"),
    ]);
}

#[test]
fn conditions_are_joined() {
    check(&[
        ("a=b&c=d", "and(eq(a,'b'),eq(c,'d'))"),
        ("a=b,c=d&e=f", "and(eq(a,'b'),and(eq(c,'d'),eq(e,'f')))"),
        ("(a=b,c=d)", "and(eq(a,'b'),eq(c,'d'))"),
        ("((a=b))", "eq(a,'b')"),
        ("(a=b|c=d&e=f)", "or(eq(a,'b'),and(eq(c,'d'),eq(e,'f')))"),
        ("(a=b;c=d)", "or(eq(a,'b'),eq(c,'d'))"),
        ("not((a=b))", "not(eq(a,'b'))"),
        ("and(a=b,or(c=d,e=f))", "and(eq(a,'b'),or(eq(c,'d'),eq(e,'f')))"),
    ]);
}

#[test]
fn values_are_read_as_clients_write_them() {
    check(&[
        ("a=x y", "eq(a,'x y')"),
        ("a=\"b,(c)\"", "eq(a,'b,(c)')"),
        ("a='b&c'", "eq(a,'b&c')"),
        ("a=''", "eq(a,'')"),
        ("eq(external_id,x%20y/z)", "eq(external_id,'x y/z')"),
        ("eq(a,it's%20%22q%22)", "eq(a,\"it's \"q\"\")"),
        ("ge(a,2026-01-02T03:04:05.678901+00:00)", "ge(a,'2026-01-02T03:04:05.678901+00:00')"),
        ("ge(a,2026-01-02T03%3A04%3A05%2B00%3A00)", "ge(a,'2026-01-02T03:04:05+00:00')"),
        ("a=b+c", "eq(a,'b+c')"),
        ("a=%C3%A9", "eq(a,'é')"),
        ("a='%ff'", "eq(a,'\u{fffd}')"),
        ("a='100%'", "eq(a,'100%')"),
        ("a=%2x", "! Expected a value at position 2 near `%2x`."),
    ]);
}

#[test]
fn paging_ordering_selection_and_search_are_taken_out() {
    check(&[
        ("limit=10&offset=5", "limit=10&offset=5"),
        ("limit=eq=10", "limit=10"),
        ("and(eq(limit,10),a=b)", "eq(a,'b')&limit=10"),
        ("limit=99999999999999999999999", "limit=18446744073709551615"),
        ("limit=-1&offset=x", ""),
        ("limit=1&limit=2", "! Limit and offset are set incorrectly. Position: 8."),
        ("gt(offset,1)", "! Limit and offset are set incorrectly. Position: 3."),
        ("ordering(-created.at,+id,name)", "ordering(-created.at,id,name)"),
        ("ordering()", ""),
        ("not(ordering(a))", "ordering(a)"),
        (
            "ordering()&ordering(a)",
            "! Bad ordering filter: query can contain only one ordering operation. Position: 20.",
        ),
        ("ordering(a,b,c,d,e,f)", "! Bad ordering filter: max allowed number is 5. Position: 19."),
        ("select(-events,+x,y.z)&a=b", "eq(a,'b')&select(-events,x,y.z)"),
        ("select(a)&select(b)", "! Bad select filter: query can contain only one select operation. Position: 17."),
        ("search=a b&c=d", "eq(c,'d')&search='a b'"),
        ("search=a&search=b", "search='b'&search='a'"),
        ("(search=a|c=d)", "or(search='a',eq(c,'d'))"),
        ("ne(search,a)", "! Bad search filter: ne. Position: 3."),
        ("like(search,a)", "! Bad search filter: like. Position: 5."),
        ("in(search,(a))", "! Bad search filter: in. Position: 3."),
        ("a=t(search=b)", "! Bad search filter: t. Position: 11."),
    ]);
}

#[test]
fn an_error_says_where_and_what() {
    check(&[
        ("a=b&", "! Expected a name at position 4 near ``."),
        ("&a=b", "! Expected a name at position 0 near `&a=b`."),
        ("status=", "! Expected a value at position 7 near ``."),
        ("eq(a,)", "! Expected a value at position 5 near `)`."),
        ("not(and(a=b,c=d))", "! Expected an operator that may stand here at position 4 near `and`."),
        ("name=like=*x*", "! Expected `&`, `,` or the end at position 9 near `=*x*`."),
        ("range(a,1,2)", "! Expected an operator that may stand here at position 0 near `range`."),
        ("id__in=a,b", "! Expected `=` or `(` after the name at position 10 near ``."),
        ("a=b|c=d", "! Expected `&`, `,` or the end at position 3 near `|c=d`."),
        ("(a=b|c=d;e=f)", "! Expected `)` at position 8 near `;e=f)`."),
        ("and(a=b)", "! Expected `,` at position 7 near `)`."),
        ("in(a,b)", "! Expected `(` before the values at position 5 near `b)`."),
        ("in(a,())", "! Expected a value at position 6 near `))`."),
        ("in(a,(b)", "! Expected `)` at position 8 near ``."),
        ("a='b", "! Expected the closing quote at position 4 near ``."),
        ("a=t", "! Expected `(` after the tuple's name, or the value `t` in quotes at position 3 near ``."),
        ("t=a", "! Expected `(` after the tuple's name at position 1 near `=a`."),
        ("null(a,yes)", "! Expected `true` or `false` at position 7 near `yes)`."),
        ("like(a,t(b=c))", "RQL Value error. Filter: a, lookup: like, value: t(…). Position: 7."),
        ("ordering(a,)", "! Expected a name at position 11 near `)`."),
        ("a=%C3%A9(", "! Expected `&`, `,` or the end at position 4 near `(`."),
    ]);
}

#[test]
fn a_query_has_limits() {
    let nested = |levels: usize| format!("{}a=b{}", "(".repeat(levels), ")".repeat(levels));
    let terms = |count: usize| vec!["a=b"; count].join("&");
    let values = |count: usize| format!("in(a,({}))", vec!["b"; count].join(","));
    let long = |bytes: usize| format!("a={}", "b".repeat(bytes - 2));
    for fitting in [nested(DEPTH_MAX), terms(TERMS_MAX), values(VALUES_MAX), long(QUERY_BYTES_MAX)] {
        assert!(Query::parse(&fitting).is_ok(), "{fitting}");
    }
    check(&[
        (&nested(DEPTH_MAX + 1), "! More than 16 levels of parentheses at position 17."),
        (&terms(TERMS_MAX + 1), "! More than 64 conditions at position 258."),
        (&values(VALUES_MAX + 1), "! More than 500 values in one list at position 1005."),
        (&long(QUERY_BYTES_MAX + 1), "! The query has 8193 bytes, at most 8192 are allowed."),
    ]);
}
