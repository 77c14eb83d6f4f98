"""Workbooks as different programs write them, and the forms that cells take (connect-api §4.2)."""

import io
from datetime import datetime
from decimal import Decimal

import requests
from openpyxl import load_workbook

import api
import books
import catalog as ids
from checks import holds, same


def run(world):
    writers(world)
    cells(world)


def writers(world):
    check = world.check
    with check("the template opens in openpyxl and is accepted when it is filled"):
        link = world.http(ids.VENDOR).get(f"usage/products/{ids.PULSE}/template").json()["template_link"]
        content = requests.get(link, timeout=30).content
        same(
            books.tabs(content),
            [
                "instructions",
                "data_definitions",
                "valid_values",
                "categories_tab_example",
                "records_tab_example",
                "categories",
                "records",
            ],
        )
        book = load_workbook(io.BytesIO(content))
        sheet = book["records"]
        header = [cell.value for cell in sheet[1]]
        same([name for name in header if name and not name.startswith("v.")], [n for n in books.HEADERS if n in header])
        holds({"record_id", "quantity", "start_time_utc", "asset_search_value"} <= set(header), f"{header}")
        for number in range(3):
            row = world.row(f"template-{number}", place=number)
            for column, name in enumerate(header, start=1):
                if name in row:
                    sheet.cell(number + 2, column, row[name])
        file = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, books.saved(book))
        same(world.http(ids.VENDOR).get(f"usage/files/{file}").json()["stats"]["validated"], 3)
    rows = [
        {**world.row(f"book-{number}", place=number), "v.b": f'  <b>&amp; {number}\n"x" ', "v.a": "ü\U0001f600"}
        for number in range(4)
    ]
    made = {
        "openpyxl, inline strings": books.openpyxl_book(rows),
        "xlsxwriter, shared strings": books.xlsxwriter_book(rows),
        "xlsxwriter, constant memory": books.xlsxwriter_book(rows, constant_memory=True),
        "openpyxl, tab usage_records": books.openpyxl_book(rows, tab="usage_records"),
        "openpyxl, an empty sheet before": books.openpyxl_book(rows, first=[("Worksheet", [])]),
        "openpyxl, other columns and order": books.openpyxl_book(
            [{**row, "asset_recon_id": "7", "my own": "x"} for row in rows],
            headers=["asset_recon_id", "v.b", *reversed(books.HEADERS), "my own", "v.a"],
        ),
    }
    shared = [
        name
        for name, book in made.items()
        if "xl/sharedStrings.xml" in books.parts(book) and b't="s"' in books.parts(book)["xl/worksheets/sheet1.xml"]
    ]
    with check("our workbooks have both kinds of strings"):
        same(shared, ["xlsxwriter, shared strings"])
    for name, book in made.items():
        with check(f"{name}: accepted, custom columns byte for byte"):
            # Record ids of deleted files are free again, so that each workbook can be sent as it is.
            file = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book)
            found = world.records(ids.VENDOR, f"usagefile.id={file}")
            same([one["record_id"] for one in found], [row["record_id"] for row in rows])
            for one, row in zip(found, rows):
                params = {entry["parameter_name"]: entry["parameter_value"] for entry in one["params"]}
                same(params, {"a": row["v.a"], "b": row["v.b"]})
            world.client(ids.VENDOR)("usage").files[file]("delete").post()


def cells(world):
    check = world.check
    first, last = api.month(1)
    with check("real date cells, numbers and texts of every published form are understood exactly"):
        asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[3]
        meters = {item["precision"]: item["mpn"] for item in world.catalog.metered(ids.PULSE)}
        noon = first.replace(hour=9, minute=21, second=39)
        forms = [
            (first, last, "integer", 7, "7"),
            (f"{noon:%m/%d/%Y} 9:21:39", f"{last:%m/%d/%Y %H:%M:%S}", "integer", "7.0", "7"),
            (f"{noon.month}/{noon.day}/{noon.year} 9:21:39", f"{last:%Y-%m-%d %H:%M:%S}", "decimal(1)", "7.0", "7"),
            (f"{noon:%Y-%m-%d} 9:21:39", f"{last:%Y-%m-%d %H:%M:%S}", "decimal(4)", "4.0000", "4"),
            (first, last, "decimal(2)", 92.65000000000001, "92.65"),
            (first, last, "decimal(4)", 0.1 + 0.2, "0.3"),
            (first, last, "decimal(8)", "0.00000001", "0.00000001"),
            (first, last, "decimal(8)", "9007199254740993.12345678", "9007199254740993.12345678"),
            (first, last, "decimal(2)", "1e2", "100"),
            (first, last, "integer", "0", "0"),
        ]
        rows = [
            books.record(f"cell-{number}", asset, meters[precision], "", start, end) | {"quantity": quantity}
            for number, (start, end, precision, quantity, _) in enumerate(forms)
        ]
        file = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, books.xlsxwriter_book(rows))
        found = world.records(ids.VENDOR, f"usagefile.id={file}")
        same([Decimal(one["usage"]) for one in found], [Decimal(form[4]) for form in forms], "quantities")
        for one, (start, end, *_) in zip(found, forms):
            if isinstance(start, datetime):
                same(one["start_date"][:19], start.isoformat(), "start")
                same(one["end_date"][:19], end.isoformat(), "end")
            else:
                same(one["start_date"][:19], noon.isoformat(), f"start of {start!r}")
        processed = world.http(ids.VENDOR).get(f"usage/files/{file}").json()["processed_file_uri"]
        shown = books.table(requests.get(processed, timeout=30).content)[1]
        same([Decimal(row["quantity"]) for row in shown], [Decimal(form[4]) for form in forms], "processed quantities")
    with check("subscriptions by parameter and items by global id; blank rows at the end are no records"):
        asset = world.catalog.assets[world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[4]]
        row = world.row("by-parameter")
        tenant = next(one["value"] for one in asset["params"] if one["id"] == "tenant_id")
        row |= {
            "asset_search_criteria": "parameter.tenant_id",
            "asset_search_value": tenant,
            "item_search_criteria": "item.global_id",
            "item_search_value": f"{ids.PULSE}-0002",
            "quantity": "1.5",
        }
        blank = {name: None for name in row}
        file = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, books.openpyxl_book([row, blank, blank]))
        found = world.records(ids.VENDOR, f"usagefile.id={file}")
        same([(one["asset"]["id"], one["item"]["id"]) for one in found], [(asset["id"], f"{ids.PULSE}-0002")])
