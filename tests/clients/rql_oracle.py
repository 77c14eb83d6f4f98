"""Random queries answered by Connect's own libraries, and by ours, over the same rows.

lib-rql reads the query, django-rql filters, orders and pages a table in SQLite; ours is services/rql/examples/answers.rs.
Both must refuse the same queries in the same way, and answer the same ids in the same order with the same Content-Range.
What we do otherwise on purpose (docs/rql.md lists it) is done to django-rql here, each piece by itself and named there.

    .cache/venv-rql/bin/python tests/clients/rql_oracle.py --binary target/debug/examples/answers --queries 20000 --seed 1

The suite `rql` runs it in a venv of its own, and makes that.
"""

import argparse
import collections
import concurrent.futures
import json
import random
import re
import subprocess
import sys
import urllib.parse

# Name, path in the API's object, kind, may be null, ordering, search: connect-api §2.5.
TEXT, TIME = "text", "time"
FILE_STATUSES = "draft uploading uploaded invalid processing ready rejected pending accepted closed deleted".split()
RECORD_STATUSES = "valid invalid approved rejected closed".split()
ENVIRONMENTS = "test preview production".split()
SCHEMAS = "qt tr pr cr".split()


def party(name):
    return [(f"{name}.id", f"{name}.id", TEXT, True, False, True), (f"{name}_id", f"{name}.id", TEXT, True, False, True),
            (f"{name}.name", f"{name}.name", TEXT, True, True, True)]


LISTS = {
    "files": [
        ("id", "id", TEXT, True, True, True),
        ("name", "name", TEXT, True, False, True),
        ("external_id", "external_id", TEXT, True, False, True),
        ("status", "status", FILE_STATUSES, False, True, False),
        ("environment", "environment", ENVIRONMENTS, False, True, True),
        ("schema", "schema", SCHEMAS, False, True, True),
        ("created.at", "events.created.at", TIME, True, True, False),
        ("contract.id", "contract.id", TEXT, True, False, True),
        ("contract.name", "contract.name", TEXT, True, True, True),
        ("distribution_contract_id", "contract.id", TEXT, True, False, True),
        *party("marketplace"), *party("product"), *party("provider"), *party("vendor"),
    ],
    "records": [
        ("status", "status", RECORD_STATUSES, True, True, False),
        ("usagefile.id", "usagefile.id", TEXT, True, False, True),
        ("usage_file", "usagefile.id", TEXT, True, False, True),
        ("usagefile.schema", "usagefile.schema", SCHEMAS, False, False, True),
        ("asset.id", "asset.id", TEXT, True, False, False),
        ("asset_id", "asset.id", TEXT, True, False, True),
        ("asset.external_id", "asset.external_id", TEXT, True, False, False),
        ("asset_external_id", "asset.external_id", TEXT, True, False, False),
        ("asset.external_uid", "asset.external_uid", TEXT, True, False, False),
        ("asset_external_uid", "asset.external_uid", TEXT, True, False, False),
        ("item.id", "item.id", TEXT, True, False, False),
        ("item_id", "item.id", TEXT, True, False, False),
        ("product.id", "product_id", TEXT, True, False, False),
        ("product_id", "product_id", TEXT, True, False, True),
        ("hub.id", "hub.id", TEXT, True, False, False),
        ("part_usage_file__hub__id", "hub.id", TEXT, True, False, False),
        ("created_time", "created_time", TIME, True, True, False),
        ("start_date", "start_date", TIME, True, True, False),
        ("end_date", "end_date", TIME, True, True, False),
        ("usage_start_time", "start_date", TIME, True, True, False),
    ],
}
TEXTS = ["", "A", "a", "May *final*", "it's", 'say "q"', "x y", "x  y", "back\\slash", "100%", "_", "é", "É", "ÄB", "a/b",
         "null()", "empty()", "PRD-1", "PRD-2", "prd-1", "t", "-1", "2026", "a,b(c)", "a&b|c;d=e", "x+y", "true"]
TIMES = ["2026-10-01T00:00:00+00:00", "2026-10-01T00:00:00.500000+00:00", "2026-10-31T23:59:59+00:00",
         "2026-11-01T00:00:00+00:00", "2024-02-29T12:00:00+00:00"]
# The same instants and others, as clients write them.
TIME_VALUES = ["2026-10-01", "2026-10-1", "2026-10-01T00:00:00", "2026-10-01 00:00:00.5", "2026-10-01T02:00:00+02:00",
               "2026-09-30T19:30:00.5-0430", "2026-10-31T23:59:59Z", "2026-11-01T00:00", "2024-02-29T12:00:00+00:00",
               "2026-02-30", "soon", "2026-13-01", "2026-10-01T25:00", "2026-10-01T00:00:00+24:00", "2026-10-01T00:60"]
NUMBERS = ["0", "1", "2", "7", "+3", "5000", "-1", "x", "9999999999999999999", "1.5"]
OPS = ["eq", "ne", "gt", "ge", "lt", "le"]
UNKNOWN = ["nothing", "status.x", "product", "Status", "and", "in", "ordering", "like", "t_"]
JUNK = list("()&|;,=+-\"'/ t*") + ["and(", "not(", "or(", "in(", "t(", "null(a,true)", "null()", "ordering(", "a=b"]


def rows(r, fields, count=48):
    """Objects of the API, some of whose members are missing."""
    paths = {path: (kind, null) for _, path, kind, null, _, _ in fields}
    made = []
    for number in range(count):
        row = {"id": f"ID-{number:03}"}
        for path, (kind, null) in paths.items():
            if path == "id" or (null and r.random() < 0.15):
                continue
            value = r.choice(TIMES) if kind == TIME else r.choice(TEXTS if kind == TEXT else kind)
            inner = row
            *outer, last = path.split(".")
            for name in outer:
                inner = inner.setdefault(name, {})
            inner[last] = value
        made.append(row)
    return made


def at(row, path):
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return row


class Writer:
    """Writes random queries: mostly good ones, about what the list has."""

    def __init__(self, r, fields, known):
        self.r, self.fields = r, fields
        # What is in the rows, so that queries hit.
        self.known = known

    def field(self):
        if self.r.random() < 0.08:
            return self.r.choice(UNKNOWN), TEXT
        name, _, kind, *_ = self.r.choice(self.fields)
        return name, kind

    def value(self, kind):
        r = self.r
        chance = r.random()
        if chance < 0.05:
            return r.choice(["null()", "empty()", "'null()'", '"empty()"', "''"])
        if chance < 0.10:
            return self.written(r.choice(TEXTS))
        if kind == TIME:
            return self.written(r.choice(TIME_VALUES + TIMES))
        if kind == TEXT:
            return self.written(r.choice(TEXTS + self.known))
        one = r.choice(kind)
        return self.written(one.upper() if r.random() < 0.04 else one)

    def pattern(self, kind):
        r = self.r
        text = r.choice(TEXTS + self.known) if kind == TEXT or kind == TIME else r.choice(kind)
        if "*" not in text and "\\" not in text:
            for _ in range(r.choice([0, 1, 1, 2, 2, 3])):
                place = r.choice([0, len(text), r.randint(0, len(text))])
                text = text[:place] + r.choice(["*", "*", "*", "\\*", "\\\\"]) + text[place:]
        if r.random() < 0.5:
            text = text.swapcase()
        return self.written(text)

    def written(self, text):
        """A value without quotes where it may stand so, in quotes else, or where chance says so."""
        r = self.r
        plain = text not in ("", "t", "null()", "empty()") and re.fullmatch(r"[\w\-*+\\/][\w.\s\-:+@*\\/'\"]*", text)
        if plain and r.random() < 0.8:
            return text
        quote = r.choice([mark for mark in "'\"" if mark not in text] or [""])
        return f"{quote}{text}{quote}"

    def simple(self, depth=0, in_tuple=False):
        r = self.r
        name, kind = self.field()
        if in_tuple:
            name = name.rsplit(".", 1)[-1]
        form = r.random()
        if form < 0.45:
            op = r.choice(OPS if kind == TIME or r.random() < 0.1 else OPS[:2])
            return r.choice(["{o}({n},{v})", "{n}={o}={v}", "{n}={v}"]).format(o=op, n=name, v=self.value(kind))
        if form < 0.65 and (kind != TIME or r.random() < 0.1):
            return f"{r.choice(['like', 'ilike'])}({name},{self.pattern(kind)})"
        if form < 0.72:
            return f"{r.choice(['null', 'empty'])}({name},{r.choice(['true', 'false', 'true', 'false', 'x'])})"
        if in_tuple or form < 0.74 and depth > 0:
            return f"{name}={self.value(kind)}"
        if form < 0.78 and depth > 0:
            owner = r.choice([name.split(".")[0] for name, *_ in self.fields])
            op = r.choice(["=", "=ne=", "=eq="])
            return f"{owner}{op}t({','.join(self.simple(0, True) for _ in range(r.randint(1, 2)))})"
        values = ",".join(self.value(kind) for _ in range(r.randint(1, 4)))
        return f"{r.choice(['in', 'out'])}({name},({values}))"

    def term(self, depth):
        r = self.r
        if depth == 0 or r.random() < 0.5:
            return self.simple(depth) if r.random() < 0.93 else f"search={self.pattern(TEXT)}"
        form = r.choice(["and({,})", "or({,})", "not({1})", "({,})", "({|})", "({;})", "({&})", "(({&}))"])
        least = 2 if form.startswith(("and", "or")) else 1
        if form == "not({1})":
            return f"not({self.simple(depth)})"
        separator = re.search(r"\{(.)\}", form).group(1)
        parts = [self.term(depth - 1) for _ in range(r.randint(least, 3))]
        return form.replace("{" + separator + "}", separator.join(parts))

    def extras(self):
        r = self.r
        if r.random() < 0.25:
            able = [name for name, _, _, _, ordering, _ in self.fields if ordering]
            names = [r.choice(able) if r.random() < 0.95 else self.field()[0] for _ in range(r.choice([0, 1, 1, 2, 3, 6]))]
            yield f"ordering({','.join(r.choice(['', '-', '+']) + name for name in names)})"
        if r.random() < 0.15:
            names = [name for name, path, *_ in self.fields if name == path]
            names += [name.split(".")[0] for name in names] + ["nothing"] * (r.random() < 0.1)
            picked = [r.choice(["", "-", "+"]) + r.choice(names) for _ in range(r.randint(0, 3))]
            yield f"select({','.join(picked)})"
        for name in ("limit", "offset"):
            for _ in range(2 if r.random() < 0.03 else 1):
                if r.random() < 0.2:
                    yield r.choice(["{n}={v}", "{n}={v}", "{n}={v}", "{n}=eq={v}", "gt({n},{v})"]).format(
                        n=name, v=r.choice(NUMBERS))

    def query(self):
        r = self.r
        parts = [self.term(r.randint(0, 2)) for _ in range(r.choice([0, 1, 1, 1, 2, 3]))] + list(self.extras())
        r.shuffle(parts)
        text = r.choice("&&&,").join(parts)
        while r.random() < 0.06:
            place = r.randint(0, len(text))
            text = text[:place] + r.choice(JUNK) + text[place + r.randint(0, 1):]
        return text

    def sent(self, text):
        """The query as it stands in an address: what must be escaped is, and some of the rest."""
        must = text.replace("%", "%25").replace("\n", "%0A").replace("#", "%23")
        if self.r.random() < 0.5:
            return must
        return "".join(one if one == "%" or self.r.random() < 0.8 or ord(one) > 127 else f"%{ord(one):02X}"
                       for one in must) if "%" not in must else must


def oracle(name, world):
    """A function from a query, as sent, to what Connect's libraries answer."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
                           INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="UTC", DEBUG=False)
        django.setup()
    from django.db import connection, models

    fields = LISTS[name]
    columns = {path: path.replace(".", "__").replace("__", "_dot_") for _, path, *_ in fields}
    kinds = {path: (kind, null) for _, path, kind, null, _, _ in fields}
    members = {"__module__": "rql_oracle", "Meta": type("Meta", (), {"app_label": name})}
    members["key"] = models.CharField(max_length=99, primary_key=True)
    for path, column in columns.items():
        kind, null = kinds[path]
        if kind == TIME:
            members[column] = models.DateTimeField(null=True)
        else:
            choices = None if kind == TEXT else [(one, one) for one in kind]
            members[column] = models.CharField(max_length=99, null=null, blank=kind == TEXT, choices=choices)
    model = type(name.title(), (models.Model,), members)
    exact_sqlite(connection)
    with connection.schema_editor() as editor:
        editor.create_model(model)
    from django.utils.dateparse import parse_datetime
    for row in world:
        given = {column: at(row, path) for path, column in columns.items()}
        for path, column in columns.items():
            if kinds[path][0] == TIME and given[column]:
                given[column] = parse_datetime(given[column])
        model.objects.create(key=row["id"], **given)
    return answering(model, filters(fields, columns, model))


def filters(fields, columns, model):
    """The list as a filter class, and what we do otherwise on purpose."""
    from django.db.models import Q
    from dj_rql.filter_cls import RQLFilterClass

    class List(RQLFilterClass):
        MODEL = model
        SELECT = True
        FILTERS = [{"filter": name, "source": columns[path], "ordering": ordering, "search": search}
                   for name, path, kind, null, ordering, search in fields]

        def _build_django_q(self, item, django_lookup, filter_lookup, typed_value):
            # An absent text is empty: the API leaves empty members out.
            if typed_value == "" and django_lookup == "exact" and filter_lookup in ("eq", "ne"):
                route = item["orm_route"]
                empty = Q(**{f"{route}__exact": ""}) | Q(**{f"{route}__isnull": True})
                return ~empty if filter_lookup == "ne" else empty
            return super()._build_django_q(item, django_lookup, filter_lookup, typed_value)

        @classmethod
        def _get_searching_typed_value(cls, django_lookup, str_value):
            # An escaped star is one; django-rql puts it into its regular expression as it is.
            value, star = cls._reflect_like_value(str_value)
            if not django_lookup.endswith("regex") or "**" in value:
                return super()._get_searching_typed_value(django_lookup, str_value)
            pieces = [re.escape(piece).replace(star, r"\*") for piece in value.split("*")]
            return f"(?s)^{'.*'.join(pieces)}$"

    return List


def exact_sqlite(connection):
    """Django's SQLite compares patterns without regard to case; Connect's database doesn't."""
    connection.ensure_connection()
    connection.operators = dict(connection.operators)
    # `value LIKE pattern ESCAPE '\\'` calls like(pattern, value, escape), `value GLOB pattern` calls glob(pattern, value).
    for lookup in ("icontains", "istartswith", "iendswith", "iexact"):
        connection.operators[lookup] = "GLOB %s"

    def plain(pattern):
        pieces = re.findall(r"\\.|%|_|[^\\%_]+|\\", pattern, re.S)
        special = {"%": ".*", "_": "."}
        return "".join(special.get(one) or re.escape(one[1:] if re.fullmatch(r"\\.", one, re.S) else one)
                       for one in pieces)

    def like(pattern, value, _escape="\\"):
        return value is not None and bool(re.fullmatch(plain(pattern), value, re.S))

    def ilike(pattern, value):
        return value is not None and bool(re.fullmatch(plain(pattern.lower()), value.lower(), re.S))

    connection.connection.create_function("like", 3, like, deterministic=True)
    connection.connection.create_function("glob", 2, ilike, deterministic=True)


PRESENCE = re.compile(r"(?<![\w.-])(null|empty)\(([a-zA-Z][\w.-]*),(true|false)\)")


def readers():
    """lib-rql's parser, and the same with what we accept beyond it."""
    from py_rql.grammar import RQL_GRAMMAR
    from py_rql.parser import RQLLarkParser, RQLParser

    wider = RQL_GRAMMAR.replace(r"""/[\w\-\*\+\\]/ /[\w\.\s\-\:\+\@\*\\]/*""",
                                r"""/[\w\-\*\+\\\/]/ /[\w\.\s\-\:\+\@\*\\\/'"]/*""")
    wider = RQLLarkParser(wider, parser="lalr", start="start")

    def presence(match):
        function, name, holds = match.groups()
        return f"{'eq' if holds == 'true' else 'ne'}({name},{function}())"

    return ((RQLParser, lambda text: text), (wider, lambda text: PRESENCE.sub(presence, text)))


def answering(model, filter_class):
    import warnings

    from dj_rql.transformer import RQLLimitOffsetTransformer, RQLToDjangoORMTransformer
    from lark import Tree
    from lark.exceptions import LarkError
    from py_rql.exceptions import RQLFilterError, RQLFilterParsingError

    # A time without an offset is UTC.
    warnings.simplefilter("ignore", RuntimeWarning)
    ways = readers()
    prepared = filter_class(model.objects.all())

    def parsed(text):
        for parser, rewritten in ways:
            try:
                return parser.parse_query(rewritten(text))
            except RQLFilterParsingError:
                continue
        raise RQLFilterParsingError()

    class Window(RQLLimitOffsetTransformer):
        def _get_value(self, obj):
            # django-rql 4.5.0 can't page a query with a tuple in it; we can.
            while isinstance(obj, Tree):
                obj = obj.children[0]
            return getattr(obj, "value", None)

    def window(tree):
        try:
            return Window().transform(tree)
        except LarkError as error:
            raise RQLFilterParsingError() from error

    def found(text):
        tree = parsed(text)
        transformer = RQLToDjangoORMTransformer(list_ := filter_class(model.objects.all(), prepared))
        try:
            queryset = transformer.transform(tree)
        except LarkError as error:
            raise getattr(error, "orig_exc", error) from error
        queryset = list_._apply_ordering(queryset, transformer.ordering_filters)
        list_._build_select_data(transformer.select_filters)
        # Equal ones keep the order of the rows.
        return list(queryset.order_by(*queryset.query.order_by, "pk").values_list("pk", flat=True)), window(tree)

    def answer(raw):
        text = urllib.parse.unquote(raw)
        try:
            if not text:
                ids, (limit, offset) = list(model.objects.order_by("pk").values_list("pk", flat=True)), (None, None)
            else:
                ids, (limit, offset) = found(text)
        except RQLFilterError as error:
            return {"error": type(error).__name__.removeprefix("RQLFilter").removesuffix("Error")}
        return paged(ids, limit, offset)

    return answer


def paged(ids, limit, offset):
    """As RQLContentRangeLimitOffsetPagination does it, with Connect's page sizes; without rows it is always 0-0/0."""
    def number(text, otherwise):
        try:
            value = int(text)
        except (TypeError, ValueError):
            return otherwise
        return value if value >= 0 else otherwise

    limit = min(number(limit, 100), 1000)
    offset = number(offset, 0) if limit else 0
    page = ids[offset:offset + limit]
    last = offset + max(len(page), 1) - 1
    return {"ids": page, "range": f"items {offset}-{last}/{len(ids)}" if ids else "items 0-0/0"}


def share(binary, name, seed, count):
    """Compares one list's share of the queries; gives the differences and what the answers were."""
    r = random.Random(f"{seed} {name}")
    world = rows(r, LISTS[name])
    known = sorted({at(row, path) for row in world for _, path, kind, *_ in LISTS[name] if kind == TEXT and at(row, path)})
    writer = Writer(r, LISTS[name], known)
    texts = {}
    while len(texts) < count:
        text = writer.query()
        if len(text) <= 400:
            texts.setdefault(text, writer.sent(text))
    queries = list(texts.values())
    given = "\n".join([json.dumps({"list": name, "rows": world}), *queries, ""])
    ours = subprocess.run([binary], input=given, capture_output=True, text=True, check=True, timeout=60)
    answer = oracle(name, world)
    differences, counts = [], collections.Counter()
    for query, line in zip(queries, ours.stdout.splitlines(), strict=True):
        mine, theirs = json.loads(line), answer(query)
        if "error" in mine and "error" in theirs:
            counts["refused"] += 1
            counts["refused in another way"] += mine != theirs
        elif mine != theirs:
            differences.append(f"{name}?{query}\n   ours: {mine}\n  their: {theirs}")
        counts["with some rows"] += 0 < len(theirs.get("ids", ())) < len(world)
    return differences, counts


def compare(binary, seed, queries):
    """The differences, and how many queries were refused, and answered with some rows but not all."""
    each = queries // len(LISTS)
    with concurrent.futures.ProcessPoolExecutor(len(LISTS)) as pool:
        shares = [pool.submit(share, str(binary), name, seed, each) for name in LISTS]
        results = [one.result() for one in shares]
    differences = [difference for one, _ in results for difference in one]
    counts = sum((counts for _, counts in results), collections.Counter())
    # Of several faults the two may tell another one first; of a single one they tell the same.
    if counts["refused in another way"] * 10 > counts["refused"]:
        differences.append(f"{counts['refused in another way']} of {counts['refused']} refused in another way")
    # A comparison of refusals, or of answers with everything, would say little.
    if counts["with some rows"] * 5 < queries:
        differences.append(f"only {counts['with some rows']} of {queries} found some rows and not all")
    return differences, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/debug/examples/answers")
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    differences, counts = compare(given.binary, given.seed, given.queries)
    print("\n".join([*differences[:20], ""]), end="")
    print(f"seed {given.seed}: {given.queries:,} queries, {dict(counts)}, {len(differences)} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
