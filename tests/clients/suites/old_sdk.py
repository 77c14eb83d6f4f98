"""connect-sdk 22.0, which vendors still run: both of its automations as published, call by call (connect-api §7.2)."""

import json
import pathlib
import subprocess
import tempfile

import api
import books
import catalog as ids
import venvs
from checks import holds, same
from recorder import Recorder

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "old_sdk.py"
# Who raises which exception, on a file that was brought where, and where that takes it. The body is what the SDK sends.
ACTIONS = [
    (ids.VENDOR, "ready", "submit", {}, "pending"),
    (ids.DISTRIBUTOR, "pending", "accept", {"acceptance_note": "accepted by the old SDK"}, "accepted"),
    (ids.DISTRIBUTOR, "pending", "reject", {"rejection_note": "rejected by the old SDK"}, "rejected"),
    (ids.VENDOR, "ready", "delete", None, "deleted"),
    # The last record closes the file; who closes it again is told the same.
    (ids.DISTRIBUTOR, "closed", "close", None, "closed"),
]


def run(world):
    with Recorder(world.url) as recorder:
        usage_automation(world, recorder)
        for place, action in enumerate(ACTIONS):
            usage_file_automation(world, recorder, place, *action)
        refused(world, recorder)


def program(world, recorder, key, task):
    """Runs the program with a key; gives what it printed."""
    settings = {"apiEndpoint": f"{recorder.url}/public/v1/", "apiKey": world.catalog.keys[key], "products": [ids.PULSE]}
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        pathlib.Path(folder, "config.json").write_text(json.dumps({**settings, "task": task}), encoding="utf-8")
        command = [str(venvs.OLD_SDK.python), str(PROGRAM)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    same(done.returncode, 0, f"exit code ({done.stderr[-1500:]})")
    return json.loads(done.stdout)


def listed(resource, field, status):
    return f"200 GET /{resource}?in({field},({ids.PULSE}))&eq(status,{status})&limit=1000"


def usage_automation(world, recorder):
    start, end = api.window(1)
    asset = world.catalog.assets[world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[3]]
    row = {
        "usage_record_id": "old-sdk-1",
        "item_search_criteria": "item.mpn",
        "item_search_value": world.catalog.metered(ids.PULSE)[0]["mpn"],
        "quantity": 7,
        "start_time_utc": start,
        "end_time_utc": end,
        "asset_search_criteria": "parameter.tenant_id",
        "asset_search_value": next(one["value"] for one in asset["params"] if one["id"] == "tenant_id"),
    }
    with world.check("UsageAutomation fetches the template without a key and reports a record", needed=True):
        done = program(world, recorder, ids.VENDOR, {"contract": ids.AGREEMENT, "rows": [row]})
        file = done["file"]
        same(done["template"], "PK", "the template's first bytes")
        found = world.wait(ids.VENDOR, file, "ready", "invalid")
        same(found["status"], "ready", f"status ({world.errors(ids.VENDOR, file)})")
        (record,) = world.records(ids.VENDOR, f"usagefile.id={file}")
        same((record["record_id"], record["asset"]["id"], record["usage"]), ("old-sdk-1", asset["id"], 7))
    with world.check("its calls are exactly the known ones, and each is answered as it needs"):
        calls = recorder.taken()
        link = calls.pop(2)
        holds(link.startswith("200 GET /ledger/v1/links/template/"), link)
        names = f'"product": {{"id": "{ids.PULSE}"}}, "contract": {{"id": "{ids.AGREEMENT}"}}'
        expected = [
            listed("listings", "product.id", "listed"),
            f"200 GET /usage/products/{ids.PULSE}/template/",
            f'201 POST /usage/files/ {{"name": "old SDK", {names}, "description": ""}}',
            f"201 POST /usage/files/{file}/upload/",
        ]
        same(calls, expected)


def usage_file_automation(world, recorder, place, key, status, action, body, after):
    make = {"ready": ready, "pending": pending, "closed": closed}[status]
    file = make(world, f"old-sdk-{place}-{action}")
    with world.check(f"UsageFileAutomation: {action} on a {status} file answers 201, and it is {after}"):
        recorder.taken()
        done = program(world, recorder, key, {"status": status, "files": {file: action}})
        same(done, {file: [action, status, ids.PULSE]}, "what the SDK read of the list")
        acted = f"201 POST /usage/files/{file}/{action} {json.dumps(body)}"
        same(recorder.taken(), [listed("usage/files", "product_id", status), acted])
        found = world.wait(ids.VENDOR, file, after)
        notes = body or {}
        same({name: found.get(name) for name in notes}, notes, "the note")


def refused(world, recorder):
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, book(world, "old-sdk-open"))
    with world.check("a close with open records is refused in words that the SDK reads"):
        done = program(world, recorder, ids.DISTRIBUTOR, {"status": "accepted", "files": {file: "close"}})
        code, (sentence,) = done["refused"]
        same(code, "USG_032")
        holds("1 records are still open" in sentence, sentence)


def book(world, name):
    return books.openpyxl_book([world.row(name)])


def ready(world, name):
    return world.ready(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book(world, name))


def pending(world, name):
    return world.pending(ids.VENDOR, ids.PULSE, ids.AGREEMENT, book(world, name))


def closed(world, name):
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, book(world, name))
    for chunk in world.chunks(ids.DISTRIBUTOR, file):
        billing = {"external_billing_id": "1", "external_billing_note": "n"}
        world.client(ids.DISTRIBUTOR)("usage").chunks[chunk["id"]]("close").post(payload=billing)
    world.wait(ids.DISTRIBUTOR, file, "closed")
    return file
