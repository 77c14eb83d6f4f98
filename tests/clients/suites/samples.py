"""The documentation's own sample rows (seed 003, Usage File Examples), one set for each schema.

They are screenshots: the first three columns are hidden behind the row numbers, and ids, times and part numbers are cut
off by the width of their columns. First they are sent as they can be read there and get the errors that they deserve;
then with the edits that are listed beside them, and they live their whole life.
"""

import io
from decimal import Decimal

import requests
from openpyxl import load_workbook

import api
import books
import catalog as ids
from checks import holds, same

HEADERS = (
    "record_id",
    "record_note",
    "item_search_criteria",
    "item_search_value",
    "item_name",
    "item_mpn",
    "item_unit",
    "item_precision",
    "asset_search_criteria",
    "asset_search_value",
    "start_time_utc",
    "end_time_utc",
    "category_id",
    "quantity",
    "amount",
    "tier",
)
# The QT sample writes its headers with blanks and capitals.
HEADERS_QT = tuple(
    name.replace("_", " ").capitalize() if name.startswith("item") else name.replace("_", " ") for name in HEADERS
)
CUT = "AS-3651-4933-005"
CATEGORIES = [
    ("category_id", "category_name", "category_description"),
    ("compute", "Computational Resources", "All of your virtual machines and containers fall into this category."),
    ("DB-CAT-ID-33", "Databases", ""),
    ("DB-CAT-ID-66", "Warehouses", ""),
]


def qt(number, start, end, quantity):
    cells = ["item.global_id", "PRD-768-002-669-", "Usage plan", "usage", "Unit*H", "Decimal(1)"]
    return [str(number), "", *cells, "asset.id", CUT, start, end, "compute", quantity, "", ""]


def rated(number, mpn, precision, start, end, category, quantity, amount, tier=""):
    cells = ["item.mpn", mpn, "Sku C PPU", "MPN-C-PPU", "Unit*H", precision]
    return [str(number), "", *cells, "asset.id", CUT, start, end, category, quantity, amount, tier]


def hour(number, minutes=""):
    return f"2020-10-20 {number:02}:{minutes}"


QT_HOURS = ((9, 5, "3.0"), (10, 10, "1.0"), (11, 11, "4.0"), (12, 12, "2.5"), (13, 13, "7.6"), (14, 14, "2.0"))
QT_HOURS += ((15, 15, "10.0"),)
PR_ROWS = (("MPN-C-PPU 11", "1.0"), ("MPN-C-PPU 12", "2.0"), ("MPN-C-PPU 1", "1.0"), ("MPN-C-PPU 14", "2.0"))
PR_ROWS += (("MPN-C-PPU 21", "2.0"), ("MPN-C-PPU 22", "2.0"))
CR_ROWS = (("11", "66", "1.0000", ""), ("12", "33", "2.0000", ""), ("1", "66", "3.0000", "Not"))
CR_ROWS += (("14", "33", "4.0000", "Used"), ("21", "66", "5.0000", ""), ("22", "33", "6.0000", ""))
TR_ROWS = (("1", 9, 5, "60", "0"), ("2", 10, 10, "50", "1"), ("3", 11, 11, "40", "2"))

ROWS = {
    "QT": [qt(n, hour(b, "20"), hour(e, "00"), quantity) for n, (b, e, quantity) in enumerate(QT_HOURS, start=1)],
    "PR": [
        rated(n, mpn, "Decimal(1)", hour(8 + n), hour(8 + n), "DB-CAT-ID-", "7.0", amount)
        for n, (mpn, amount) in enumerate(PR_ROWS, start=1)
    ],
    "CR": [
        rated(n, f"MPN-C-PPU {mpn}", "Decimal(4)", hour(8 + n, "10:00"), hour(8 + n, "10:00"), f"DB-CAT-ID-{category}",
              "", amount, tier)
        for n, (mpn, category, amount, tier) in enumerate(CR_ROWS, start=1)
    ],
    "TR": [
        rated(n, f"MPN-A-PPU {mpn}", "Decimal(1)", hour(begin, "00"), hour(end, "00"), "DB-CAT-ID-", "15.75", amount,
              tier)
        for n, (mpn, begin, end, amount, tier) in enumerate(TR_ROWS, start=1)
    ],
}
# What every row of a sample deserves as it can be read, and what single rows deserve beside that.
ERRORS = {
    "QT": ({1, 3, 12}, {}),
    "PR": ({3, 7, 8, 106}, {3: {1}}),
    "CR": ({3, 102}, {3: {1}}),
    "TR": ({3, 14, 106}, {1: {12}}),
}


def repaired(schema):
    """The rows with the edits that make them valid, and the list of these edits."""
    asset = ids.SAMPLES[schema]["asset"]
    edits = [("asset_search_value", lambda row, _: asset, f"the whole id, {asset}")]
    if schema == "QT":
        edits += [
            ("item_search_value", lambda row, _: "PRD-768-002-669-0001", "the whole global id"),
            ("end_time_utc", lambda row, start: start, "no end before the start"),
        ]
    if schema in ("PR", "TR"):
        edits.append(("category_id", lambda row, _: "DB-CAT-ID-66", "the whole category"))
    if schema == "PR":
        edits += [(name, lambda row, _, name=name: f"{row[name]}00:00", "the whole time") for name in
                  ("start_time_utc", "end_time_utc")]
    if schema in ("PR", "CR"):
        edits.append(("item_search_value", lambda row, _: row["item_search_value"].replace("PPU 1", "PPU 13")
                      if row["item_search_value"].endswith("PPU 1") else row["item_search_value"], "the whole number"))
    if schema == "CR":
        edits += [
            ("quantity", lambda row, _: row["amount"], "a quantity: the sample leaves its column empty"),
            ("tier", lambda row, _: "", "no remark where a tier is read"),
        ]
    if schema == "TR":
        edits += [
            ("item_search_value", lambda row, _: "MPN-A-PPU 1", "one item for the three tiers, as the text says"),
            ("start_time_utc", lambda row, _: "2020-10-20 09:00", "one window for the three tiers"),
            ("end_time_utc", lambda row, _: "2020-10-20 10:00", "one window for the three tiers"),
            ("quantity", lambda row, _: "15.7", "one decimal, as the item's precision says"),
        ]
    rows = []
    for cells in ROWS[schema]:
        row = dict(zip(HEADERS, cells))
        for name, edit, _ in edits:
            row[name] = edit(row, row["start_time_utc"])
        rows.append([row[name] for name in HEADERS])
    return rows


def book(schema, rows):
    headers = HEADERS_QT if schema == "QT" else HEADERS
    empty = books.openpyxl_book([], headers=headers, others=[("categories", CATEGORIES)])
    made = load_workbook(io.BytesIO(empty))
    for row in rows:
        made["records"].append(row)
    return books.saved(made)


def run(world):
    for schema in ids.SAMPLES:
        verbatim(world, schema)
        whole_life(world, schema)


def verbatim(world, schema):
    sample = ids.SAMPLES[schema]
    with world.check(f"{schema}: the sample as it can be read has the errors that it deserves"):
        file = world.file(ids.VENDOR, sample["product"], sample["contract"])
        world.upload(ids.VENDOR, file, book(schema, ROWS[schema]))
        found = world.wait(ids.VENDOR, file, "ready", "invalid")
        same(found["status"], "invalid")
        everywhere, single = ERRORS[schema]
        wanted = {str(n): everywhere | single.get(n, set()) for n in range(1, len(ROWS[schema]) + 1)}
        given = {}
        for one in world.records(ids.VENDOR, f"usagefile.id={file}"):
            codes = {int(code.rsplit("_", 1)[1]) for code in filter(None, one.get("error_codes", "").split(", "))}
            given[one["record_id"]] = codes
        same(given, wanted, "codes")
        world.client(ids.VENDOR)("usage").files[file]("delete").post()


def whole_life(world, schema):
    sample = ids.SAMPLES[schema]
    provider = ids.DISTRIBUTOR_2 if sample["contract"] == ids.SAMPLES_IN_EUR else ids.DISTRIBUTOR
    rows = [dict(zip(HEADERS, cells)) for cells in repaired(schema)]
    with world.check(f"{schema}: repaired, it is ready, and its totals are exact at every stage"):
        file = world.ready(ids.VENDOR, sample["product"], sample["contract"], book(schema, repaired(schema)))
        wanted = expected(sample["currency"], schema, rows)
        same(totals(world, ids.VENDOR, file), {"validated": wanted}, "totals when ready")
        detail = world.http(ids.VENDOR).get(f"usage/files/{file}").json()
        same(detail.get("currency"), sample["currency"], "currency")
        processed = requests.get(detail["processed_file_uri"], timeout=30).content
        about = books.general(processed)
        same(about["usage_schema"], schema)
        same(about.get("currency"), sample["currency"], "currency of the processed file")
        shown = rows_of(processed)
        same([row["status"] for row in shown], ["valid"] * len(rows))
        amounts(shown, rows, schema, "processed file")
    with world.check(f"{schema}: accepted, its chunk holds the same, and a reconciliation closes it"):
        client = world.client(provider)
        world.client(ids.VENDOR)("usage").files[file]("submit").post()
        world.wait(provider, file, "pending")
        client("usage").files[file]("accept").post(payload={"acceptance_note": "ok"})
        (chunk,) = world.chunks(provider, file)
        stages = ("validated", "accepted", "extracted")
        same(totals(world, provider, file), dict.fromkeys(stages, wanted), "totals when accepted")
        content = client("usage").chunks[chunk["id"]]("download").get()
        about = books.general(content)
        same((about["report_id"], about["usage_schema"], about.get("currency")), (file, schema, sample["currency"]))
        shown = rows_of(content)
        amounts(shown, rows, schema, "chunk")
        first = shown[0]["record_id"]
        name = HEADERS_QT[0] if schema == "QT" else HEADERS[0]
        workbook = books.billed(content, lambda row: None if row[name] == first else ("INV-1", "billed"))
        reconciliation = reconciled(world, provider, file, workbook)
        holds(f"{len(rows) - 1} records closed, 1 open" in reconciliation["notes"]["processing"], str(reconciliation))
        same(world.http(provider).get(f"usage/files/{file}").json()["status"], "accepted")
        reconciled(world, provider, file, books.billed(content, lambda row: ("INV-1", "billed")))
        found = world.wait(ids.VENDOR, file, "closed")
        same(found["stats"]["closed"], len(rows))
        same(totals(world, ids.VENDOR, file), dict.fromkeys((*stages, "closed"), wanted), "totals when closed")


def rows_of(content):
    """Rows by the names of their columns: the vendor's own headers stand above them."""
    return [{name.lower().replace(" ", "_"): text for name, text in row.items()} for row in books.table(content)[1]]


def reconciled(world, provider, file, workbook):
    client = world.client(provider)
    made = client("usage").reconciliations.create(files={"recon_file": ("r.xlsx", workbook)}, data={"upload_note": ""})
    read = client("usage").reconciliations[made["id"]].get
    found = api.wait(read, lambda one: one["status"] in ("processed", "failed"), f"reconciliation of {file}")
    same(found["status"], "processed", str(found))
    return found


def amounts(shown, rows, schema, where):
    for name in ("quantity",) if schema == "QT" else ("quantity", "amount"):
        same([Decimal(row[name]) for row in shown], [Decimal(row[name]) for row in rows], f"{name} in the {where}")


def expected(currency, schema, rows):
    """Count and exact sums by currency and tier."""
    found = {}
    for row in rows:
        key = (currency, int(row["tier"]) if schema == "TR" else None)
        count, quantity, amount = found.get(key, (0, Decimal(0), Decimal(0)))
        money = Decimal(row["amount"]) if schema != "QT" else Decimal(0)
        found[key] = (count + 1, quantity + Decimal(row["quantity"]), amount + money)
    return found


def totals(world, key, file):
    """The sums of each stage that the file has reached."""
    stages = api.exact(world.http(key).get(f"usage/files/{file}"))["totals"]
    return {stage: {place(one): sums(one) for one in found} for stage, found in stages.items() if found}


def place(total):
    return total.get("currency"), total.get("tier")


def sums(total):
    return total["records"], Decimal(total["quantity"]), Decimal(total.get("amount", 0))
