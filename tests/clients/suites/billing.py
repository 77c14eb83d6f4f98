"""A distributor's billing connector, run as its scheduler runs it: workbooks of priced usage in two passes, quantities
customer by customer (connect-api §7.4).
"""

import contextlib
import io
import json
import pathlib
import sys
from decimal import Decimal

import api
import books
import catalog as ids
from checks import holds, same
from recorder import Recorder

EXAMPLE = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "billing"
PRICED = ids.SAMPLES["PR"]
PLACES = {"integer": 0, "decimal(1)": 1, "decimal(2)": 2, "decimal(4)": 4, "decimal(8)": 8}


def run(world):
    folder = world.folder / "billing"
    (folder / "processed").mkdir(parents=True)
    hub = world.catalog.file["hubs"][0]
    with Recorder(world.url) as recorder:
        priced(world, recorder, hub, folder)
        quantities(world, recorder, hub, folder)
    with world.check("a hub that isn't there ends with exit code 1 and says which"):
        code, _, wrong = connect(world, world.url, "00000000-0000-0000-0000-000000000000", folder)
        same(code, 1, "exit code")
        holds("00000000-0000-0000-0000-000000000000" in wrong, wrong)


def connect(world, url, hub, folder):
    """One pass of the connector; gives its exit code, output and errors."""
    sys.path.insert(0, str(EXAMPLE))
    import connector

    arguments = ["--endpoint", f"{url}/public/v1", "--key", world.catalog.keys[ids.DISTRIBUTOR]]
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = connector.main([*arguments, "--hub", hub, "--billing", str(folder)])
    return code, said.getvalue(), wrong.getvalue()


def passed(world, recorder, hub, folder):
    """A pass that has to end well; what it printed last, and its calls."""
    recorder.taken()
    code, said, wrong = connect(world, recorder.url, hub["instance"]["id"], folder)
    same(code, 0, f"exit code ({wrong})")
    return said.splitlines()[-1], recorder.taken()


def priced(world, recorder, hub, folder):
    start, end = api.window(1)
    rows = [
        books.record(f"billing-{number}", PRICED["asset"], mpn, number, start, end, amount=f"{number}.5")
        for number, mpn in enumerate(PRICED["mpns"], start=1)
    ]
    with world.check("priced usage: an accepted file whose chunk waits for the hub", needed=True):
        same(world.catalog.hub(PRICED["asset"]), hub["id"])
        product, contract = PRICED["product"], PRICED["contract"]
        file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, product, contract, books.openpyxl_book(rows))
        (chunk,) = world.chunks(ids.DISTRIBUTOR, file)
        chunk = chunk["id"]
    find = [
        f"200 GET /hubs?eq(instance__id,{hub['instance']['id']})&limit=1&offset=0",
        f"200 GET /usage/chunks?and(eq(status,ready),eq(binding.hub.id,{hub['id']}))&limit=1000&offset=0",
    ]
    with world.check("the first pass hands the workbook over and marks the chunk"):
        said, calls = passed(world, recorder, hub, folder)
        same(said, "1 chunks handed over, 0 chunks closed, 0 records closed")
        mark = "Uploaded to billing automatically, please track result there"
        hand_over = [
            f"200 GET /usage/chunks/{chunk}/download",
            f'200 PUT /usage/chunks/{chunk} {{"external_id": "{mark}"}}',
        ]
        same(calls, find + hand_over)
        content = (folder / "in" / f"{chunk}.xlsx").read_bytes()
        same(books.general(content)["report_id"], file, "what billing joins on")
        amounts = [(row["record_id"], row["amount"]) for row in books.table(content)[1]]
        same(amounts, [(row["record_id"], row["amount"]) for row in rows])
    with world.check("a pass before billing is through does nothing; one after it names and closes the chunk"):
        said, calls = passed(world, recorder, hub, folder)
        same((said, calls), ("0 chunks handed over, 0 chunks closed, 0 records closed", find))
        (folder / "processed" / chunk).write_text("42\n", encoding="utf-8")
        said, calls = passed(world, recorder, hub, folder)
        same(said, "0 chunks handed over, 1 chunks closed, 0 records closed")
        billing = '{"external_billing_id": "42", "external_billing_note": "Processed in billing by batch 42"}'
        closing = [
            f'200 PUT /usage/chunks/{chunk} {{"external_id": "hub_batch_42"}}',
            f"201 POST /usage/chunks/{chunk}/close {billing}",
        ]
        same(calls[-2:], closing)
        shown = world.client(ids.DISTRIBUTOR)("usage").chunks[chunk].get()
        same((shown["status"], shown["external_id"]), ("closed", "hub_batch_42"))
        world.wait(ids.DISTRIBUTOR, file, "closed")
        found = world.records(ids.DISTRIBUTOR, f"usagefile.id={file}")
        same({(one["status"], one["external_billing_id"]) for one in found}, {("closed", "42")})
        same(passed(world, recorder, hub, folder)[0], "0 chunks handed over, 0 chunks closed, 0 records closed")


def quantities(world, recorder, hub, folder):
    start, end = api.window(1)
    assets = [world.catalog.assets[world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[place]] for place in (20, 21, 22)]
    items = world.catalog.metered(ids.PULSE)[:3]
    rows = [
        books.record(f"billing-{asset['id']}-{item['mpn']}", asset["id"], item["mpn"], f"{number}", start, end)
        for asset in assets
        for number, item in enumerate(items, start=11)
    ]
    tenants = [asset["external_uid"] for asset in assets[:2]]
    with world.check("quantities: two of three customers are closed by note, and their totals told"):
        file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, books.openpyxl_book(rows))
        (folder / "tenants.txt").write_text("\n".join([*tenants, "nobody"]), encoding="utf-8")
        open_before = [len(open_records(world, tenant)) for tenant in tenants]
        said, calls = passed(world, recorder, hub, folder)
        same(said, f"0 chunks handed over, 0 chunks closed, {sum(open_before)} records closed")
        same([open_records(world, tenant) for tenant in tenants], [[], []], "open records")
        for asset in assets[:2]:
            totals = json.loads((folder / "totals" / f"{asset['external_uid']}.json").read_text(encoding="utf-8"))
            same(totals, used(world, asset), f"totals of {asset['id']}")
        holds(all(totals[item["mpn"]] > 0 for item in items), f"{totals}")
    with world.check("its calls are those of the connector: records, aggregates and close-records of each customer"):
        tenant = tenants[0]
        query = f"and(eq(status,approved),eq(asset.external_uid,{tenant}),eq(usagefile.schema,qt))&limit=100&offset=0"
        at = calls.index(f"200 GET /usage/records?{query}")
        same(calls[at + 1], f"200 GET /usage/aggregates?eq(asset.external_uid,{tenant})&limit=100&offset=0")
        holds(calls[at + 2].startswith('206 POST /usage/records/close-records [{"id": "UR-'), calls[at + 2])
    with world.check("the third customer's records are open, so the file is; when it is billed too the file is closed"):
        shown = world.client(ids.DISTRIBUTOR)("usage").files[file].get()
        same((shown["status"], shown["records"]["closed"]), ("accepted", 6))
        (folder / "tenants.txt").write_text(assets[2]["external_uid"], encoding="utf-8")
        passed(world, recorder, hub, folder)
        found = world.wait(ids.DISTRIBUTOR, file, "closed")
        # Nothing has a billing id, so nothing counts as billed.
        same(found["stats"], dict.fromkeys(("uploaded", "validated", "accepted", "closed"), 9), "stats")
        statuses = {one["status"] for one in world.chunks(ids.DISTRIBUTOR, file)}
        same(statuses, {"closed"}, "its chunks")


def open_records(world, tenant):
    return world.records(ids.DISTRIBUTOR, f"status=approved&asset.external_uid={tenant}&usagefile.schema=qt")


def used(world, asset):
    """What was accepted of a subscription, added up from its records, in units of the last decimal."""
    totals = {}
    for record in world.records(ids.DISTRIBUTOR, f"asset.id={asset['id']}&in(status,(approved,closed))"):
        item = record["item"]
        added = int(Decimal(str(record["usage"])).scaleb(PLACES[item["precision"]]))
        totals[item["mpn"]] = totals.get(item["mpn"], 0) + added
    return totals
