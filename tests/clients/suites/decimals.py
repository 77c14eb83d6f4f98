"""Random decimals as quantities, written by openpyxl and xlsxwriter, through the running server.

A small round of ../decimals.py, which knows what must come out: of each record the exact value, or the code of what is
wrong with it. DECIMALS_SEED makes other decimals; a failure says the seed.
"""

import os
import tempfile
from decimal import Decimal, localcontext
from pathlib import Path

import books
import catalog as ids
import decimals
from checks import same

RECORDS = 20_000
TOO_FINE, OUT_OF_RANGE, WRONG_PRECISION = "USG_FILE_108", "USG_FILE_109", "USG_FILE_014"
READ_SECONDS_MAX = 120


def run(world):
    seed = os.environ.get("DECIMALS_SEED", "1")
    with localcontext(decimals.EXACT):
        rows = decimals.cells(seed, "suite", RECORDS // len(decimals.PLACES))
    cells = [cell for row in rows for cell in row]
    meters = {places_of(one["precision"]): one["mpn"] for one in world.catalog.metered(ids.PULSE)}
    places = [sorted(meters)[number % len(meters)] for number in range(len(cells))]
    for producer in ("openpyxl", "xlsxwriter"):
        with world.check(f"{RECORDS:,} decimals of {producer} arrive as they should (DECIMALS_SEED={seed})"):
            through(world, producer, cells, places, [meters[one] for one in places])


def places_of(precision):
    """Of `integer` or `decimal(4)`."""
    return int("".join(filter(str.isdigit, precision)) or 0)


def through(world, producer, cells, places, meters):
    given = [
        world.row(f"decimal-{number}", item_search_value=mpn) | {"quantity": cell.given}
        for number, (cell, mpn) in enumerate(zip(cells, meters))
    ]
    is_openpyxl = producer == "openpyxl"
    content = books.openpyxl_book(given) if is_openpyxl else books.xlsxwriter_book(given, constant_memory=True)
    file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    world.upload(ids.VENDOR, file, content)
    world.wait(ids.VENDOR, file, "invalid", seconds=READ_SECONDS_MAX)
    records = world.records(ids.VENDOR, f"usagefile.id={file}")
    found = {one["record_id"]: (one.get("usage"), one.get("error_codes")) for one in records}
    world.client(ids.VENDOR)("usage").files[file]("delete").post()
    same(len(found), len(cells), "records")
    raws = written(content, books.headers_of(given).index("quantity"), len(given[0]))
    same(len(raws), len(cells), "rows that were written")
    wrong = []
    with localcontext(decimals.EXACT):
        for number, (cell, raw, allowed) in enumerate(zip(cells, raws, places)):
            want = wanted(decimals.expected(cell, raw, allowed), allowed)
            usage, codes = found[f"decimal-{number}"]
            got = (None if usage is None or codes else Decimal(usage), codes or None)
            if got != want:
                wrong.append(f"{cell} as {raw}, {allowed} places: {got}, expected {want}")
    same(wrong[:3], [], f"{len(wrong)} differences")


def written(content, column, width):
    """The texts of the column as they stand in the sheet's XML."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        path.write_bytes(content)
        return [row[column] for row in decimals.raw_texts(path, width)]


def wanted(answer, allowed):
    """The value and the code that a record has for an answer of the rule."""
    if answer.startswith("!"):
        return None, OUT_OF_RANGE if answer == "!large" else TOO_FINE
    value = Decimal(answer.rstrip("~"))
    return (None, WRONG_PRECISION) if decimals.places_of(value) > allowed else (value, None)
