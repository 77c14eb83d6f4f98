"""Verdicts of the real RQL parser on random queries, for services/rql/src/tests/oracle.rs.

    pip install lib-rql==2.0.2
    python rql_oracle.py 600 7 > services/rql/src/tests/oracle.tsv      # the sample that is kept
    python rql_oracle.py 20000 1 > oracle.tsv && RQL_ORACLE=$PWD/oracle.tsv cargo test -p rql oracle

One line per query: `ok` or `no`, a tab, the query. Where the real parser says no only because of something that we
accept on purpose (see rql/mod.rs), the line says `ok`: the grammar is widened by exactly that for a second try.
"""

import random
import re
import sys

from py_rql.exceptions import RQLFilterParsingError
from py_rql.grammar import RQL_GRAMMAR
from py_rql.parser import RQLLarkParser, RQLParser

NAMES = ("status id product.id a_b instance__id name eq and or not in like t ordering select null empty limit "
         "search").split()
VALUES = ["ready", "UF-2026-01", "2026-01-02T03:04:05.5+00:00", "x y", "*a*", "a\\*b", '"q, (r)"', "'s&t'", "null()",
          "empty()", "eq", "and", "t", "-1", "+1", "a@b", "é", "nullx", "it's", 'x"y', "a/b", "/p", "", " a", ".5",
          "null()x", '"open', "a(b", "10", "true"]
OPS = "eq ne gt ge lt le".split()
JUNK = list("()&|;,=+-\"'/ t*") + ["and(", "not(", "or(", "in(", "t(", "null(a,true)", "null()", "ordering(", "a=b"]


def value(r, depth):
    if depth > 0 and r.random() < 0.05:
        return tuple_(r, depth - 1)
    return r.choice(VALUES[:24]) if r.random() < 0.93 else r.choice(VALUES)


def tuple_(r, depth):
    return f"t({','.join(simple(r, depth, r.choice('clclclip')) for _ in range(r.randint(1, 2)))})"


def simple(r, depth, kind):
    name = r.choice(NAMES) if r.random() < 0.3 else r.choice(NAMES[:6])
    if kind == "c":
        form = r.choice(["{o}({n},{v})", "{n}={o}={v}", "{n}={v}"])
        return form.format(o=r.choice(OPS), n=name, v=value(r, depth))
    if kind == "l":
        return f"{r.choice(['like', 'ilike'])}({name},{value(r, depth)})"
    if kind == "i":
        return f"{r.choice(['in', 'out'])}({name},({','.join(value(r, depth) for _ in range(r.randint(1, 3)))}))"
    if kind == "o":
        names = ",".join(r.choice(["", "-", "+"]) + r.choice(NAMES) for _ in range(r.randint(0, 3)))
        return f"{r.choice(['ordering', 'select'])}({names})"
    return f"{r.choice(['null', 'empty'])}({name},{r.choice(['true', 'false', 'x'])})"


def term(r, depth):
    if depth == 0 or r.random() < 0.45:
        return simple(r, depth, r.choice("ccccclliiop"))
    parts = [term(r, depth - 1) for _ in range(r.randint(1, 3))]
    form = r.choice(["and({,})", "or({,})", "not({,})", "({,})", "({|})", "({;})", "({&})", "(({&}))", "{&}", "t"])
    if form == "t":
        return tuple_(r, depth - 1)
    separator = re.search(r"\{(.)\}", form).group(1)
    return form.replace("{" + separator + "}", separator.join(parts))


def query(r):
    text = r.choice("&,&,&").join(term(r, r.randint(0, 3)) for _ in range(r.randint(1, 3)))
    while r.random() < 0.25:
        at = r.randint(0, len(text))
        text = text[:at] + r.choice(JUNK) + text[at + r.randint(0, 1):]
    return text


SUPERSET = RQLLarkParser(
    RQL_GRAMMAR.replace(r"""/[\w\-\*\+\\]/ /[\w\.\s\-\:\+\@\*\\]/*""",
                        r"""/[\w\-\*\+\\\/]/ /[\w\.\s\-\:\+\@\*\\\/'"]/*"""),
    parser="lalr", start="start")
PRESENCE = re.compile(r"(?<![\w.-])(?:null|empty)\(([a-zA-Z][\w.-]*),(?:true|false)\)")


def accepted(text):
    for parser, variant in ((RQLParser, text), (SUPERSET, PRESENCE.sub(r"eq(\1,x)", text))):
        try:
            parser.parse_query(variant)
            return True
        except RQLFilterParsingError:
            continue
    return False


def main():
    count, r = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    seen = set()
    while len(seen) < count:
        text = query(r)
        if text in seen or len(text) > 300:
            continue
        seen.add(text)
        print("ok" if accepted(text) else "no", text, sep="\t")


main()
