"""What is wrong with a workbook, told without one: the list of errors, the dry run, the command line; and what the
period of a file and the sums over files are.

The same faulty workbook goes through all three ways; each row must get the same codes.
"""

import csv
import io
import json
import subprocess

import api
import books
import catalog as ids
from checks import holds, same

HERE = (ids.PULSE, ids.AGREEMENT)
ERRORS = "validation-errors"


def run(world):
    faulty = workbook(world, "w")
    file = None
    with world.check("a file with wrong rows is invalid", needed=True):
        file = world.file(ids.VENDOR, *HERE)
        world.upload(ids.VENDOR, file, faulty)
        world.wait(ids.VENDOR, file, "invalid")
    errors(world, file)
    dry_run(world, file, faulty)
    command_line(world, file, faulty)
    period(world)
    aggregates(world)


def row(world, record_id):
    """A valid row in a month that no other suite reports for, so that nothing overlaps."""
    start, end = api.window(9)
    return {**world.row(record_id), "start_time_utc": start, "end_time_utc": end}


def workbook(world, prefix):
    """Five rows: the second has no number, the third an unknown item, the fourth ends before it starts and is a formula
    to a spreadsheet program."""
    rows = [row(world, f"{prefix}-{number}") for number in range(1, 6)]
    rows[1]["quantity"] = "many, many"
    rows[2]["item_search_value"] = "NO-SUCH"
    rows[3]["start_time_utc"], rows[3]["end_time_utc"] = rows[3]["end_time_utc"], rows[3]["start_time_utc"]
    rows[3]["record_id"] = "=1+1"
    names = list(rows[0])
    return books.text_book([("records", [names, *([row[name] for name in names] for row in rows)])])


def codes(faults):
    """Codes per row."""
    found = {}
    for one in faults:
        found.setdefault(int(one["row"]), []).append(one["code"])
    return {row: sorted(of_row) for row, of_row in found.items()}


def errors(world, file):
    http = world.http(ids.VENDOR)
    path = f"usage/files/{file}/{ERRORS}"
    with world.check("errors are listed with row, cell, code, what was sent and what would be right"):
        answer = http.get(path)
        same(answer.status_code, 200)
        same(codes(answer.json()), {3: ["USG_FILE_006"], 4: ["USG_FILE_001"], 5: ["USG_FILE_012"]})
        first = answer.json()[0]
        same((first["record_id"], first["column"], first["raw_value"]), ("w-2", "quantity", "many, many"))
        same((first["severity"], first["cell"][-1]), ("error", "3"))
        same(answer.headers["Content-Range"], "items 0-2/3")
    with world.check("the published client pages and filters them"):
        collection = world.client(ids.VENDOR)("usage").files[file].collection(ERRORS)
        same(codes(collection.filter(code="USG_FILE_001").all()), {4: ["USG_FILE_001"]})
        same(collection.filter(row__ge=4).count(), 2)
        same([one["row"] for one in collection.all().limit(1)], [3, 4, 5])
    with world.check("they come as NDJSON and as a CSV without formulas"):
        lines = http.get(path, headers={"Accept": "application/x-ndjson"}).text.splitlines()
        listed = http.get(path).json()
        same([json.loads(line) for line in lines], listed)
        answer = http.get(f"{path}?format=csv")
        same(answer.headers["Content-Type"].split(";")[0], "text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        same(codes(rows), codes(listed))
        same([row["record_id"] for row in rows], ["w-2", "w-3", "'=1+1"])
    with world.check("they are the vendor's alone"):
        for key, status in ((ids.VENDOR_2, 404), (ids.DISTRIBUTOR, 404), (ids.OPERATOR, 200)):
            same(world.http(key).get(path).status_code, status, key)


def validate(world, content, key=ids.VENDOR, query="", **fields):
    files = {"usage_file": ("usage.xlsx", content)}
    data = {"contract": ids.AGREEMENT, **fields}
    return world.http(key).post(f"usage/products/{ids.PULSE}/validate{query}", files=files, data=data)


def everything(world):
    http = world.http(ids.OPERATOR)
    return [http.get(f"usage/{kind}?limit=0").headers["Content-Range"] for kind in ("files", "records", "chunks")]


def dry_run(world, file, faulty):
    before = everything(world)
    with world.check("a dry run finds in each row what the upload found"):
        answer = validate(world, faulty)
        same(answer.status_code, 200)
        verdict = answer.json()
        same((verdict["status"], verdict["stats"]), ("invalid", {"uploaded": 5, "validated": 2, "invalid": 3}))
        same(verdict["errors"], world.http(ids.VENDOR).get(f"usage/files/{file}/{ERRORS}").json())
        same(verdict["truncated"], False)
    with world.check("a dry run of a sound workbook is ready, with exact sums"):
        verdict = api.exact(validate(world, books.openpyxl_book([row(world, "sound-1"), row(world, "sound-2")])))
        same((verdict["status"], verdict["errors"]), ("ready", []))
        same([(total["records"], total["quantity"]) for total in verdict["totals"]], [(2, 6)])
    with world.check("a dry run streams its errors"):
        rows = list(csv.DictReader(io.StringIO(validate(world, faulty, query="?format=csv").text, newline="")))
        same(sorted(codes(rows)), [3, 4, 5])
    with world.check("who may not create the file may not try it"):
        same(validate(world, faulty, key=ids.VENDOR_2).status_code, 404)
        same(validate(world, faulty, key=ids.DISTRIBUTOR).status_code, 403)
        same(validate(world, faulty, contract="CRD-00000-99999-99999").status_code, 404)
        same(validate(world, faulty, time_zone="Mars/Olympus").json()["error_code"], "VAL_001")
    with world.check("a dry run records nothing"):
        same(everything(world), before)


def command_line(world, file, faulty):
    path = world.folder / "faulty.xlsx"
    path.write_bytes(faulty)
    about = ["--contract", ids.AGREEMENT, "--product", ids.PULSE]
    offline = [str(world.binary), "validate", str(path), "--catalog", str(world.folder / "catalog.json"), *about]
    online = [str(world.binary), "file", "--url", world.url, "--key", world.catalog.keys[ids.VENDOR]]

    def call(*command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    expected = codes(world.http(ids.VENDOR).get(f"usage/files/{file}/{ERRORS}").json())
    with world.check("the offline check finds the same, and ends with 3"):
        code, out, err = call(*offline, "--format", "ndjson")
        same((code, codes(json.loads(line) for line in out.splitlines())), (3, expected), err)
        code, out, err = call(*offline, "--limit", "1")
        same(code, 3, err)
        holds("USG_FILE_006" in out and "USG_FILE_012" not in out.split("invalid:")[0], out)
        holds("1 of 3 are shown" in out and "5 records: 2 valid, 3 invalid" in out, out)
    with world.check("the online check finds the same, and ends with 3"):
        code, out, err = call(*online, "validate", str(path), *about, "--format", "json")
        same((code, codes(json.loads(out)["errors"])), (3, expected), err)
    with world.check("the errors of a file are printed as a table and as a CSV"):
        code, out, err = call(*online, "errors", file)
        same((code, out.count("USG_FILE_")), (0, 3), err)
        code, out, err = call(*online, "errors", file, "row=ge=5", "--format", "csv")
        same((code, codes(csv.DictReader(io.StringIO(out, newline="")))), (0, {5: expected[5]}), err)
    with world.check("arguments that mean nothing end with 2"):
        for wrong in (["--period", "2026"], ["--time-zone", "Mars"], ["--period", "2026-10-31..2026-10-01"]):
            same(call(*offline, *wrong)[0], 2, str(wrong))


def period(world):
    with world.check("a period is days of a time zone"):
        client = world.client(ids.VENDOR)
        days = {"from": "2026-03-01", "to": "2026-03-31"}
        file = world.file(ids.VENDOR, *HERE, period=days, time_zone="America/Los_Angeles")
        found = client("usage").files[file].get()
        same((found["period"]["from"][:19], found["period"]["to"][:19]), ("2026-03-01T08:00:00", "2026-04-01T06:59:59"))
        same(found["time_zone"], "America/Los_Angeles")


def aggregates(world):
    with world.check("aggregates grow by what is accepted, for both sides"):
        asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]

        def accepted(key):
            found = api.exact(world.http(key).get(f"assets/{asset}/usage/aggregates?item.type=PPU"))
            mpn = world.catalog.metered(ids.PULSE)[0]["mpn"]
            return sum(one["accepted"] for one in found if one["item"].get("mpn") == mpn)

        before = accepted(ids.VENDOR)
        book = books.openpyxl_book([row(world, "aggregate-1"), row(world, "aggregate-2")])
        world.accepted(ids.VENDOR, ids.DISTRIBUTOR, *HERE, book)
        same((accepted(ids.VENDOR) - before, accepted(ids.DISTRIBUTOR) - before), (6, 6))
