"""Our reader against openpyxl: what the server keeps of honest workbooks is what openpyxl reads in the same file.

Custom columns carry cells of every kind, since their text is kept as it was read. Files of three ways to write, the
committed files of real producers, and the processed workbook that the server itself has made.
"""

import io
import pathlib
import random
import re
from datetime import datetime, timedelta

import openpyxl
import requests
import xlsxwriter


import books
import catalog as ids
from checks import holds, same

FIXTURES = pathlib.Path(__file__).parents[3] / "services" / "workbook" / "tests" / "fixtures"
ROWS, COLUMNS = 300, 12
TEXTS = (
    "plain", " blanks around ", "two\nlines", "tab\there", "<&>\"'", "_x0041_", "übergroß \U0001f600", "שלום",
    "'=1+1", "007", "1e5", "2026-10-01", "TRUE", "#N/A?", "\u00a0", "x" * 255,
)  # fmt: skip


def run(world):
    rows = made(world)
    first = None
    for name, book in written(rows).items():
        with world.check(f"{name}: every cell is what openpyxl reads"):
            file, count = agree(world, book)
            holds(count >= ROWS * COLUMNS // 2, f"{count} cells are no test")
            link = world.http(ids.VENDOR).get(f"usage/files/{file}").json()["processed_file_uri"]
            first = first or requests.get(link, timeout=30).content
            holds(first, "no processed workbook")
            world.client(ids.VENDOR)("usage").files[file]("delete").post()
    with world.check("our own processed workbook, sent again: every cell is what openpyxl reads"):
        file, count = agree(world, first)
        holds(count >= ROWS * COLUMNS // 2, f"{count} cells are no test")
        world.client(ids.VENDOR)("usage").files[file]("delete").post()
    for path in sorted(FIXTURES.glob("*.xlsx")):
        with world.check(f"{path.name}: every cell is what openpyxl reads"):
            file, _ = agree(world, path.read_bytes())
            world.client(ids.VENDOR)("usage").files[file]("delete").post()


def made(world):
    """Rows with custom cells of every kind; the seed is fixed, so that a failure can be seen again."""
    rng = random.Random(1)
    kinds = (
        lambda: rng.choice(TEXTS),
        lambda: rng.randint(-(10**15), 10**15),
        lambda: rng.uniform(-1e6, 1e6),
        lambda: round(rng.uniform(-1e6, 1e6), 2),
        lambda: rng.random() < 0.5,
        lambda: datetime(1901, 1, 1) + timedelta(seconds=rng.randrange(200 * 365 * 86_400)),
        lambda: None,
    )
    return [
        world.row(f"reader-{number}") | {f"v.c{column}": rng.choice(kinds)() for column in range(COLUMNS)}
        for number in range(ROWS)
    ]


def written(rows):
    return {
        "openpyxl": books.openpyxl_book(rows),
        "xlsxwriter, shared strings": by_xlsxwriter(rows, False),
        "xlsxwriter, constant memory": by_xlsxwriter(rows, True),
    }


def by_xlsxwriter(rows, constant_memory):
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": constant_memory, "strings_to_formulas": False})
    sheet = book.add_worksheet("records")
    moments = book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"})
    names = books.headers_of(rows)
    for at, cells in enumerate([names, *([row.get(name) for name in names] for row in rows)]):
        for column, value in enumerate(cells):
            if isinstance(value, datetime):
                sheet.write_datetime(at, column, value, moments)
            elif value is not None:
                sheet.write(at, column, value)
    book.close()
    return target.getvalue()


def agree(world, content):
    """Uploads a workbook and compares each custom cell, each id and each note; the file and the cells compared."""
    file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    world.upload(ids.VENDOR, file, content)
    found = world.wait(ids.VENDOR, file, "ready", "invalid")
    holds("error_detail" not in found or not found["error_detail"], f"{found.get('error_detail')}")
    records = world.records(ids.VENDOR, f"usagefile.id={file}")
    theirs = [row for row in seen(content) if any(value not in (None, "") for value in row.values())]
    same(len(records), len(theirs), "records")
    count = 0
    for record, row in zip(records, theirs):
        ours = {entry["parameter_name"]: entry["parameter_value"] for entry in record.get("params", [])}
        ours |= {"record_id": record.get("record_id"), "record_note": record.get("record_note")}
        for name, value in row.items():
            name = name.removeprefix("v.")
            if name in ours or name.startswith("c") and name[1:].isdigit():
                count += 1
                here = ours.get(name)
                holds(is_same(here, value), f"{row['record_id']}, {name}: {here!r} here, {value!r} in openpyxl")
    return file, count


def seen(content):
    """The rows of the records tab as openpyxl reads them, the values that programs computed for formulas."""
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    sheet = next(book[name] for name in book.sheetnames if name.lower() in ("records", "usage_records"))
    rows = sheet.iter_rows(values_only=True)
    header = next(rows)
    return [{name: value for name, value in zip(header, row) if name} for row in rows]


def is_same(ours, theirs):
    """A text as it is; a number as the double that its text names; a moment to the second.

    Two differences are known. A text of blanks only is no cell to us. Excel writes and reads `_xHHHH_` for a character;
    openpyxl does so in shared strings and leaves it as it stands in inline ones.
    """
    if theirs is None or isinstance(theirs, str) and not theirs.strip():
        return not ours
    if isinstance(theirs, bool):
        return ours == str(theirs).upper()
    if isinstance(theirs, (int, float)):
        return ours is not None and float(ours) == float(theirs)
    if isinstance(theirs, datetime):
        return ours == f"{theirs + timedelta(microseconds=500_000):%Y-%m-%d %H:%M:%S}"
    return ours == theirs or ours == re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), theirs)
