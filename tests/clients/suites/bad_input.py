"""Sends what must be refused (../bad_input.py) and sees that nothing happened: the operator's view of every list, with
all fields, is the same before and after. A package that can't be read changes its own file and nothing else.
"""

import json
from datetime import date, timedelta

import api
import books
import catalog as ids
from bad_input import CASES, PACKAGES, ROWS
from checks import holds, same


def run(world):
    names = prepare(world)
    for case in CASES:
        with world.check(f"{case.name}: {case.status} {case.code}"):
            refused(world, case, names)
    partial_refusals(world, names)
    for package in PACKAGES:
        with world.check(f"{package.name}: invalid"):
            unreadable(world, package)
    with world.check("faults of the package carry the published code USG_FILE_005"):
        details = [
            one.get("error_detail", "") for one in world.http(ids.VENDOR).get("usage/files?status=invalid").json()
        ]
        same([text for text in details if "USG_FILE_005" not in text][:3], [])
    bad_rows(world, names)


def sound(world, prefix, count=2):
    start, end = api.window(1)
    assets = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[:count]
    return books.openpyxl_book(
        [{**books.record(f"{prefix}-{asset}", asset, "AP-CPU", 1, start, end), "record_note": "n"} for asset in assets]
    )


def prepare(world):
    """One file in each status, and the names that paths use."""
    names = {}
    file = (ids.PULSE, ids.AGREEMENT)
    with world.check("files in every status, for what follows", needed=True):
        names["draft"] = world.file(ids.VENDOR, *file)
        names["ready"] = world.ready(ids.VENDOR, *file, sound(world, "ready"))
        names["pending"] = world.pending(ids.VENDOR, *file, sound(world, "pending"))
        names["accepted"] = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, *file, sound(world, "accepted"))
        names["closed"] = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, *file, sound(world, "closed"))
        client = world.client(ids.DISTRIBUTOR)
        for chunk in world.chunks(ids.DISTRIBUTOR, names["closed"]):
            client("usage").chunks[chunk["id"]]("close").post(payload={"external_billing_id": "1"})
        world.wait(ids.DISTRIBUTOR, names["closed"], "closed")
        names["deleted"] = world.file(ids.VENDOR, *file)
        world.client(ids.VENDOR)("usage").files[names["deleted"]]("delete").post()
        start, end = api.window(1)
        asset = world.catalog.reportable(ids.FOREIGN, ids.COLD)[0]
        book = books.openpyxl_book([books.record("foreign", asset, "CSC-CPU", 1, start, end)])
        names["foreign"] = world.pending(ids.VENDOR_2, ids.COLD, ids.FOREIGN, book)
        names["chunk"] = world.chunks(ids.DISTRIBUTOR, names["accepted"])[0]["id"]
        names["record"] = world.records(ids.DISTRIBUTOR, f"usagefile.id={names['accepted']}")[0]["id"]
    return names


def state(world, but=None):
    """Everything that the operator sees, except one file and its parts."""
    http = world.http(ids.OPERATOR)
    found = []
    for kind in ("files", "chunks", "reconciliations", "records"):
        answer = http.get(f"usage/{kind}?limit=1000")
        same(answer.status_code, 200, f"{kind} for the operator")
        holds(int(answer.headers["Content-Range"].rsplit("/")[1]) <= 1000, f"{kind} need more than one page")
        of = [one["id"] if kind == "files" else one["usagefile"]["id"] for one in answer.json()]
        found += [json.dumps(one, sort_keys=True) for one, file in zip(answer.json(), of) if file != but]
    return found


def refused(world, case, names):
    before = state(world)
    http = world.http(case.key)
    answer = http.call(case.method, case.path.format(**names), **case.send)
    same(answer.status_code, case.status, f"status ({answer.text[:300]})")
    body = answer.json()
    same(body["error_code"], case.code, f"error_code ({body['errors']})")
    holds(case.text in " ".join(body["errors"]), f"{body['errors']} does not say {case.text!r}")
    same(state(world), before, "the ledger after it")


def partial_refusals(world, names):
    with world.check("close-records refuses each record by itself, and nothing is closed"):
        before = state(world)
        asked = [
            {"id": names["record"]},
            {"id": "nonsense", "external_billing_note": "n"},
            {"external_billing_note": "n"},
            {"id": "UR-2020-01-0000-0001-0000-0001", "external_billing_id": "1"},
            7,
        ]
        answer = world.http(ids.DISTRIBUTOR).post("usage/records/close-records", json=asked)
        same(answer.status_code, 206, f"status ({answer.text[:300]})")
        same([one["status"] for one in answer.json()], [None] * len(asked))
        same([one["error_codes"] for one in answer.json()], ["USG_031", "NFND_000", "VAL_001", "NFND_000", "VAL_001"])
        same(state(world), before, "the ledger after it")


def unreadable(world, package):
    vendor = world.client(ids.VENDOR)
    content = package.make(sound(world, "unreadable"))
    file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    before = state(world, but=file)
    world.upload(ids.VENDOR, file, content)
    found = world.wait(ids.VENDOR, file, "ready", "invalid")
    same(found["status"], "invalid", "status")
    detail = found.get("error_detail", "")
    holds(package.text in detail, f"error_detail {detail!r} does not say {package.text!r}")
    holds(len(detail) <= 200, f"error_detail has {len(detail)} characters")
    same(vendor("usage").records.filter(f"usagefile.id={file}").count(), 0, "records")
    same(state(world, but=file), before, "the ledger beside it")


def bad_rows(world, names):
    """One workbook with one row for each fault, and one sound row that must stay valid."""
    start, end = api.window(1)
    asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]

    def standing(status):
        return next(
            one["id"]
            for one in world.catalog.file["assets"]
            if one["status"] == status and one["contract"]["id"] == ids.AGREEMENT and one["product"]["id"] == ids.PULSE
        )

    taken = world.records(ids.VENDOR, f"usagefile.id={names['accepted']}")[0]["record_id"]
    words = {
        "{taken}": taken,
        "{start}": start,
        "{end}": end,
        "{future}": f"{date.today() + timedelta(days=3)} 00:00:00",
        "{processing}": standing("processing"),
        "{terminated}": standing("terminated"),
    }
    rows = [books.record("row-sound", asset, "AP-CPU", 1, start, end, category_id="")]
    for number, row in enumerate(ROWS):
        change = {name: words.get(value, value) for name, value in row.change.items()}
        rows.append({**books.record(f"row-{number}", asset, "AP-CPU", 1, start, end), **change})
    rows += [books.record("row-twice", asset, "AP-CPU", 1, start, end)] * 2
    with world.check("a file with one row for each fault is invalid, and refuses to be submitted", needed=True):
        file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
        before = state(world, but=file)
        world.upload(ids.VENDOR, file, books.openpyxl_book(rows))
        found = world.wait(ids.VENDOR, file, "ready", "invalid")
        same(found["status"], "invalid")
        same(found["stats"], {"uploaded": len(rows), "validated": 2, "invalid": len(rows) - 2}, "stats")
        answer = world.http(ids.VENDOR).post(f"usage/files/{file}/submit")
        same((answer.status_code, answer.json()["error_code"]), (400, "USG_003"))
        same(world.http(ids.DISTRIBUTOR).get(f"usage/files/{file}").status_code, 404, "the distributor's view")
        same(state(world, but=file), before, "the ledger beside it")
    records = world.records(ids.VENDOR, f"usagefile.id={file}")
    with world.check("each of its rows says its fault, in the processed workbook as well"):
        link = world.http(ids.VENDOR).get(f"usage/files/{file}").json()["processed_file_uri"]
        shown = books.table(world.http().get(link).content)[1]
        same((len(records), len(shown)), (len(rows), len(rows)), "records")
        wrong = []
        # Of two rows with one id the first keeps it.
        twice = [("", ""), ("USG_FILE_107", "")]
        for expected, record, row in zip([("", ""), *((one.code, one.text) for one in ROWS), *twice], records, shown):
            code, text = expected
            right = record["status"] == ("invalid" if code else "valid")
            right &= code in record.get("error_codes", "") and text in record.get("error_details", "")
            right &= bool(code) == bool(record.get("error_codes"))
            right &= row["error_codes"] == record.get("error_codes", "")
            right &= text in row["error_details"]
            if not right:
                said = f"{record['status']} {record.get('error_codes')}: {record.get('error_details')}"
                wrong.append(
                    f"{record.get('record_id')}: expected {code} {text!r}, got {said} (workbook: {row['error_codes']})"
                )
        holds(not wrong, "\n        ".join(wrong))
