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
    templates(world)
    processed(world)
    text_stays_text(world)
    reconciled(world)


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


def template(world, key, product):
    link = world.http(key).get(f"usage/products/{product}/template").json()["template_link"]
    return load_workbook(io.BytesIO(requests.get(link, timeout=30).content))


def templates(world):
    """Each template as openpyxl finds it: the columns of the schema, and help at every cell."""
    check = world.check
    dynamic = {"item_name", "item_unit", "item_mpn", "item_precision"}
    unused = {"QT": {"amount", "tier"} | dynamic, "PR": {"tier"}, "CR": {"tier"}, "TR": set()}
    products = {"QT": (ids.VENDOR, ids.PULSE)} | {
        schema: (ids.UNREADY_VENDOR, product) for schema, product in ids.RATED.items()
    }
    for schema, (key, product) in products.items():
        with check(f"the template of {schema} has its schema's columns, dropdowns, prompts and formats"):
            book = template(world, key, product)
            sheet = book["records"]
            header = [cell.value for cell in sheet[1]]
            expected = [name for name in books.HEADERS if name not in unused[schema]]
            same(header, expected + ([] if schema == "QT" else ["v.region"]))
            same(sheet.freeze_panes, "B2")
            rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
            same(len(rules), len(header), "rules")
            for at, name in enumerate(header):
                letter = sheet.cell(1, at + 1).column_letter
                rule = rules[f"{letter}2:{letter}1048576"]
                same((rule.promptTitle, bool(rule.prompt), rule.showInputMessage), (name, True, True), "the prompt")
                holds(len(rule.prompt) <= 255, f"the prompt of {name} is too long for Excel")
                kinds = {"quantity": "decimal", "amount": "decimal", "tier": "list", "item_search_criteria": "list"}
                kinds |= {"start_time_utc": "date", "end_time_utc": "date", "record_id": None}
                if name in kinds:
                    same(rule.type, kinds[name], name)
                holds(sheet.cell(1, at + 1).comment, f"{name} has no note")
            parameters = [row[1] for row in book["valid_values"].iter_rows(values_only=True)]
            holds("parameter.tenant_id" in parameters, f"{parameters}")
            said = " ".join(row[0] for row in book["instructions"].iter_rows(values_only=True))
            same("may be an estimate" in said, schema != "QT", "estimates are named")


    for schema, sample in ids.SAMPLES.items():
        with check(f"the template of {schema} is accepted when it is filled"):
            product, contract = sample["product"], sample["contract"]
            book = template(world, ids.VENDOR, product)
            header = [cell.value for cell in book["records"][1]]
            start, end = api.window(1)
            usage = books.record("", sample["asset"], sample["mpns"][0], 3, start, end, amount="30.00")
            rows = [{**usage, "record_id": f"filled-{schema}-{tier}", "tier": tier} for tier in range(3)]
            rows = rows if schema == "TR" else rows[:1]
            for number, row in enumerate(rows, start=2):
                for column, name in enumerate(header, start=1):
                    book["records"].cell(number, column, row.get(name))
            others = {"currency": sample["currency"]} if sample["currency"] else {}
            file = world.ready(ids.VENDOR, product, contract, books.saved(book), **others)
            found = world.http(ids.VENDOR).get(f"usage/files/{file}").json()
            same(found["stats"]["validated"], len(rows))
            content = requests.get(found["processed_file_uri"], timeout=30).content
            said = books.general(content)
            same(said.get("currency"), sample["currency"])
            names = [f"total_amount_tier_{tier}" for tier in range(3)] if schema == "TR" else ["total_amount"]
            amounts = [Decimal(said[name]) for name in names if name in said]
            same(amounts, [] if schema == "QT" else [Decimal(30)] * len(rows), "amounts")
            places = int(sample["precision"].removeprefix("decimal(").removesuffix(")"))
            for row in books.table(content)[1]:
                same((row["quantity"], row.get("amount", "30.00")), ("3." + "0" * places, "30.00"))
            world.client(ids.VENDOR)("usage").files[file]("delete").post()


def links(sheet):
    """Where the links of the errors tab lead, by row."""
    return {cell.row: cell.hyperlink.location for cell in sheet["G"] if cell.hyperlink}


def processed(world):
    """What the vendor gets back for bad rows."""
    check = world.check
    rows = [world.row(f"processed-{number}", place=number) for number in range(4)]
    rows[1] |= {"quantity": "seven", "end_time_utc": "soon"}
    rows[3] |= {"item_search_value": "NO-SUCH", "v.note": "=1+1"}
    file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    names = books.headers_of(rows)
    cells = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    world.upload(ids.VENDOR, file, books.text_book([("records", cells)]))
    world.wait(ids.VENDOR, file, "invalid")
    link = world.http(ids.VENDOR).get(f"usage/files/{file}").json()["processed_file_uri"]
    content = requests.get(link, timeout=30).content
    book = load_workbook(io.BytesIO(content))
    with check("the processed workbook has its five tabs, and everything in them is text"):
        same(book.sheetnames, ["instructions", "general", "categories", "records", "errors"])
        for sheet in book:
            kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
            same(kinds, {"s"}, sheet.title)
        same({cell.number_format for row in book["records"].iter_rows() for cell in row if cell.value}, {"@"})
        same(book["records"].freeze_panes, "A2")
        same(book["records"].auto_filter.ref.split(":")[0], "A1")
    with check("each error is a red cell with a note, and a row of the errors tab that leads to it"):
        _, listed = books.table(content, "errors")
        # Other files of the suite may have usage of the same time, which is worth a warning.
        codes = [(row["row"], row["column"], row["code"]) for row in listed if row["severity"] == "error"]
        expected = [
            ("3", "quantity", "USG_FILE_006"),
            ("3", "end_time_utc", "USG_FILE_008"),
            ("5", "item_search_value", "USG_FILE_001"),
        ]
        same(sorted(codes), sorted(expected))
        targets = links(book["errors"])
        same(len(targets), len(listed), "links")
        red = set()
        for at, row in enumerate(listed, start=2):
            tab, place = targets[at].split("!")
            same((tab, row["link"]), ("records", targets[at]))
            cell = book[tab][place]
            same((book[tab].cell(1, cell.column).value, cell.row), (row["column"], int(row["row"])))
            holds(row["code"] in cell.comment.text and row["suggested_fix"] in cell.comment.text, cell.comment.text)
            colour = "FFFFC7CE" if row["severity"] == "error" else "FFFFEB9C"
            same(cell.fill.fgColor.rgb, colour, place)
            red |= {place} if row["severity"] == "error" else set()
        header = [cell.value for cell in book["records"][1]]
        status = header.index("status") + 1
        red |= {book["records"].cell(number, status).coordinate for number in (3, 5)}
        cells = {cell for row in book["records"].iter_rows() for cell in row}
        same({cell.coordinate for cell in cells if cell.fill.fgColor.rgb == "FFFFC7CE"}, red, "red cells")
    with check("the general tab names the file and its totals, which are those of the valid rows"):
        said = books.general(content)
        same((said["report_id"], said["status"], said["valid_records"], said["invalid_records"]), (file, "invalid", "2", "2"))
        same((said["total_records"], Decimal(said["total_quantity"])), ("2", Decimal(6)))
    with check("rejected records come back as they were sent, and are accepted as a file of their own once mended"):
        link = world.http(ids.VENDOR).get(f"usage/files/{file}").json()["rejects_file_uri"]
        content = requests.get(link, timeout=30).content
        book = load_workbook(io.BytesIO(content))
        same(book.sheetnames, ["instructions", "general", "categories", "records", "errors"])
        header, rejected = books.table(content)
        sent = [{name: str(row.get(name, "")) for name in names} for row in (rows[1], rows[3])]
        same([{name: row[name] for name in sent[0]} for row in rejected], sent)
        codes = [("USG_FILE_006, USG_FILE_008", True), ("USG_FILE_001", True)]
        same([(row["error_codes"], bool(row["error_details"])) for row in rejected], codes)
        same({target.split("!")[1][1:] for target in links(book["errors"]).values()}, {"2", "3"}, "rows of links")
        for number, row in enumerate((rows[1], rows[3]), start=2):
            sound = world.row(row["record_id"], place=number)
            for name in ("quantity", "end_time_utc", "item_search_value"):
                book["records"].cell(number, header.index(name) + 1, sound[name])
        mended = world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, books.saved(book))
        found = world.records(ids.VENDOR, f"usagefile.id={mended}")
        same([one["record_id"] for one in found], [rows[1]["record_id"], rows[3]["record_id"]])
        world.client(ids.VENDOR)("usage").files[mended]("delete").post()
    world.client(ids.VENDOR)("usage").files[file]("delete").post()


def text_stays_text(world):
    """Nothing that a vendor sends is more than text in what either side opens."""
    check = world.check
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://example.com","x")', "http://example.com"]
    rows = []
    for number, text in enumerate(texts):
        others = {"record_note": text, "v.text": text, "category_id": f"={number}"}
        rows.append(world.row(f"text-{number}", place=number, **others))
    categories = [("category_id", "category_name", "category_description")]
    categories += [(f"={number}", text, text) for number, text in enumerate(texts)]
    names = books.headers_of(rows)
    records = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    workbook = books.text_book([("records", records), ("categories", categories)])
    note = {"name": "=1+1", "note": "@SUM(A1)"}
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, workbook, **note)
    shown = {}
    for key in (ids.VENDOR, ids.DISTRIBUTOR):
        link = world.http(key).get(f"usage/files/{file}").json()["processed_file_uri"]
        shown[f"processed for {key}"] = requests.get(link, timeout=30).content
    for chunk in world.chunks(ids.DISTRIBUTOR, file):
        shown[chunk["id"]] = world.client(ids.DISTRIBUTOR)("usage").chunks[chunk["id"]]("download").get()
    for name, content in shown.items():
        with check(f"{name}: what a vendor wrote is text there"):
            for part, data in books.parts(content).items():
                holds(b"<f>" not in data and b"<f " not in data, f"{part} has a formula")
                holds(b'TargetMode="External"' not in data, f"{part} leads out")
            for sheet in load_workbook(io.BytesIO(content)):
                kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
                same(kinds - {"s"}, set(), sheet.title)
            by_id = {row["record_id"]: row for row in rows}
            found = books.table(content)[1]
            for row in found:
                sent = by_id[row["record_id"]]
                same((row["record_note"], row["v.text"]), (sent["record_note"], sent["v.text"]))
            same(books.general(content)["report_name"], "=1+1")
            # What surrounds the name of a category is not kept.
            named = [row["category_name"] for row in books.table(content, "categories")[1]]
            same(named, [text.strip() for text in texts])


def reconciled(world):
    """What the distributor gets back for a reconciliation: the rows as uploaded, with what became of each."""
    check = world.check
    rows = [world.row(f"reconciled-{number}") for number in range(3)]
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, books.openpyxl_book(rows))
    client = world.client(ids.DISTRIBUTOR)
    [chunk] = world.chunks(ids.DISTRIBUTOR, file)
    content = client("usage").chunks[chunk["id"]]("download").get()

    def send(billings):
        """Uploads the chunk with billing ids by record; gives each row's result, and the workbook."""
        known = {one["id"] for one in client("usage").reconciliations.filter(f"usagefile.id={file}")}
        workbook = books.billed(content, lambda row: (billings.get(row["record_id"], ""), ""))
        client("usage").files[file]("reconciliation").post(files={"recon_file": ("r.xlsx", workbook)})

        def newest():
            found = client("usage").reconciliations.filter(f"usagefile.id={file}")
            return next((one for one in found if one["id"] not in known), {})

        found = api.wait(newest, lambda one: one.get("status") in ("processed", "failed"), "the reconciliation")
        result = client("usage").reconciliations[found["id"]]("processedfile").get()
        return {row["record_id"]: row["result"] for row in books.table(result)[1]}, result

    with check("a reconciliation's result says of each row what became of it"):
        results, _ = send({"reconciled-0": "INV-1"})
        left = {"reconciled-1": "left open", "reconciled-2": "left open"}
        same(results, {"reconciled-0": "closed", **left})
        results, result = send({"reconciled-0": "INV-2", "reconciled-1": "+1"})
        same(results, {"reconciled-0": "billed otherwise", "reconciled-1": "closed", "reconciled-2": "left open"})
        book = load_workbook(io.BytesIO(result))
        same(book.sheetnames, ["instructions", "general", "categories", "records"])
        kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None}
        same(kinds, {"s"}, "types of cells")
        header = [cell.value for cell in book["records"][1]]
        place = header.index("result") + 1
        colours = [book["records"].cell(number, place).fill.fgColor.rgb for number in (2, 3, 4)]
        same(colours, ["FFFFC7CE", "00000000", "FFFFEB9C"])
        said = books.general(result)
        same((said["report_id"], said["rows_closed"], said["rows_billed_otherwise"]), (file, "1", "1"))
