"""Workbooks of the tests: written with two independent libraries, read with openpyxl, every number kept as text."""

import io
import zipfile
from decimal import Decimal, Inexact, getcontext

import xlsxwriter
from openpyxl import Workbook, load_workbook

# The platform's fixed order (connect-api §4.2).
HEADERS = (
    "record_id",
    "record_note",
    "item_search_criteria",
    "item_search_value",
    "quantity",
    "start_time_utc",
    "end_time_utc",
    "asset_search_criteria",
    "asset_search_value",
    "category_id",
    "amount",
    "tier",
    "item_name",
    "item_unit",
    "item_mpn",
    "item_precision",
)
# A sum that doesn't fit is an error, never a rounded sum.
getcontext().prec = 100
getcontext().traps[Inexact] = True
BILLING = ("external_billing_id", "external_billing_note")


def record(record_id, asset, mpn, quantity, start, end, **others):
    """A row that searches its subscription by id and its item by part number."""
    return {
        "record_id": record_id,
        "item_search_criteria": "item.mpn",
        "item_search_value": mpn,
        "quantity": str(quantity),
        "start_time_utc": start,
        "end_time_utc": end,
        "asset_search_criteria": "asset.id",
        "asset_search_value": asset,
        **others,
    }


def headers_of(rows):
    """The known headers that the rows use, in their fixed order, then the others as they come."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [name for name in HEADERS if name in names] + [name for name in names if name not in HEADERS]


def openpyxl_book(rows, tab="records", headers=None, others=(), first=()):
    """Written by openpyxl, whose texts are inline strings. `others` and `first` are tabs: (name, rows of cells)."""
    book = Workbook()
    book.remove(book.active)
    for name, cells in first:
        _fill(book.create_sheet(name), cells)
    names = list(headers or headers_of(rows))
    _fill(book.create_sheet(tab), [names, *([row.get(name, "") for name in names] for row in rows)])
    for name, cells in others:
        _fill(book.create_sheet(name), cells)
    return saved(book)


def _fill(sheet, cells):
    for row in cells:
        sheet.append(list(row))


def text_book(tabs):
    """Tabs of texts: (name, rows of cells). openpyxl makes a formula of a text like =1 unless the cell is told."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in tabs:
        sheet = book.create_sheet(name)
        for at, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                sheet.cell(at, column, value).data_type = "s"
    return saved(book)


def saved(book):
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def xlsxwriter_book(rows, tab="records", constant_memory=False, headers=None):
    """Written by xlsxwriter, whose texts are shared strings unless its memory is constant."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": constant_memory, "in_memory": not constant_memory})
    sheet = book.add_worksheet(tab)
    moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    names = list(headers or headers_of(rows))
    for at, cells in enumerate([names, *([row.get(name, "") for name in names] for row in rows)]):
        for column, value in enumerate(cells):
            if hasattr(value, "year"):
                sheet.write_datetime(at, column, value, moments)
            elif isinstance(value, (int, float)):
                sheet.write_number(at, column, value)
            else:
                sheet.write_string(at, column, str(value))
    book.close()
    return target.getvalue()


def table(content, tab="records"):
    """Headers and rows of a tab, every cell as the text that stands there ('' where nothing does)."""
    sheet = load_workbook(io.BytesIO(content))[tab]
    rows = [
        ["" if cell is None else cell if isinstance(cell, str) else str(cell) for cell in row]
        for row in sheet.iter_rows(values_only=True)
    ]
    header, body = rows[0], rows[1:]
    return header, [dict(zip(header, row)) for row in body if any(row)]


def tabs(content):
    return load_workbook(io.BytesIO(content), read_only=True).sheetnames


def general(content):
    """The general tab as a dict."""
    _, rows = table(content, "general")
    return {row["attribute_id"]: row["attribute_value"] for row in rows}


def parts(content):
    """The parts of the package, inflated."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def billed(content, billing):
    """A chunk's workbook with the two columns of a reconciliation; `billing(row)` gives id and note, or None."""
    book = load_workbook(io.BytesIO(content))
    sheet = book["records"]
    header = [cell.value for cell in sheet[1]]
    width = len(header)
    for offset, name in enumerate(BILLING, start=1):
        sheet.cell(1, width + offset, name)
    for number, row in enumerate(sheet.iter_rows(min_row=2, max_col=width, values_only=True), start=2):
        given = billing(dict(zip(header, row)))
        for offset, value in enumerate(given or (), start=1):
            sheet.cell(number, width + offset, value)
    return saved(book)


def sums(rows, key):
    """Count and exact total of the quantities of each key."""
    found = {}
    for row in rows:
        count, total = found.get(key(row), (0, Decimal(0)))
        found[key(row)] = (count + 1, total + Decimal(row["quantity"]))
    return found
