"""What else usage users call with connect-openapi-client: every namespace and every way of asking a collection, the
client's asynchronous half, and single records, rules and reconciliations (connect-api §2.4, §2.9, §7.1).
"""

import asyncio

from connect.client import AsyncConnectClient, ClientError, R

import books
import catalog as ids
from checks import holds, same

# A collection as the client names it, who asks, and one of its objects.
COLLECTIONS = [
    ("accounts", ids.VENDOR, "VA-000-001"),
    ("hubs", ids.DISTRIBUTOR, "HB-1234-1234"),
    ("marketplaces", ids.VENDOR, "MP-38661"),
    ("products", ids.VENDOR, ids.PULSE),
    ("contracts", ids.RESELLER, ids.RESOLD),
    ("listings", ids.VENDOR, "LST-000-000-001"),
    ("assets", ids.VENDOR, "AS-8919-8653-9735"),
    ("subscriptions.assets", ids.RESELLER, "AS-0750-1371-2111"),
]


def run(world):
    collections(world)
    items(world)
    records(world)
    reconciliations(world)
    rules(world)
    rest_of_files(world)
    asynchronous(world)


def collection_of(client, name):
    space, _, collection = name.rpartition(".")
    return (client.ns(space) if space else client).collection(collection)


def collections(world):
    for name, key, one in COLLECTIONS:
        with world.check(f"{name}: all, count, first, slices, filters, order, search, get and exists agree"):
            objects = collection_of(world.client(key), name)
            whole = [found["id"] for found in objects.all().limit(1000)]
            holds(one in whole and len(whole) == len(set(whole)), f"{one} is not among {whole[:5]}")
            same(objects.all().count(), len(whole), "count")
            holds(objects.all().first()["id"] in whole, "the first is none of them")
            ordered = [found["id"] for found in objects.all().order_by("id").limit(1000)]
            same(ordered, sorted(whole), "order")
            same([found["id"] for found in objects.all().order_by("id")[0:3]], ordered[:3], "a slice")
            same([found["id"] for found in objects.filter(id=one)], [one], "by keyword")
            same([found["id"] for found in objects.filter(R().id.oneof([one, "nothing"]))], [one], "by R")
            same([found["id"] for found in objects.filter(f"eq(id,{one})")], [one], "by text")
            same([found["id"] for found in objects.all().search(one)], [one], "by search")
            same([found["id"] for found in objects.filter(R().id.ne(one)).limit(1000)].count(one), 0, "by its opposite")
            same([found["id"] for found in objects.filter(id=one).values_list("id")], [one], "values_list")
            same(objects[one].get()["id"], one, "get")
            same((objects[one].exists(), objects["XX-000"].exists()), (True, False), "exists")


def items(world):
    client = world.client(ids.VENDOR)
    with world.check("items of a product, in its list and by id"):
        items = client.products[ids.PULSE].collection("items")
        known = world.catalog.products[ids.PULSE]["items"]
        same([one["id"] for one in items.all()], [one["id"] for one in known])
        metered = list(items.filter(type="ppu"))
        same(len(metered), sum(1 for one in known if one["type"] == "ppu"), "ppu items")
        shown = items[known[1]["id"]].get()
        same((shown["mpn"], shown["precision"], shown["unit"]["name"]), ("AP-RAM", "decimal(1)", "GB*H"))


def records(world):
    rows = [world.row(f"namespaces-{place}", place=place) for place in range(3)]
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, books.openpyxl_book(rows))
    client = world.client(ids.DISTRIBUTOR)
    records = client("usage").records
    first, second, third = sorted(one["id"] for one in records.filter(R().usagefile.id.eq(file)))
    with world.check("a record is closed by its action, and by its status"):
        shown = records[first]("close").post(payload={"external_billing_id": "7", "external_billing_note": "n"})
        same((client.response.status_code, shown["status"], shown["external_billing_id"]), (201, "closed", "7"))
        shown = records[second].update(payload={"status": "closed", "external_billing_note": "n"})
        same((client.response.status_code, shown["status"], shown["external_billing_note"]), (200, "closed", "n"))
        holds(shown["closed_at"] and shown["closed_by"], f"{shown}")
    with world.check("what can't be closed is told by itself in the bulk answer, and the rest is closed"):
        close = client.ns("usage").ns("records").collection("close-records")
        entries = [{"id": third}, {"id": "UR-2020-01-0000-0000-0000-0001", "external_billing_note": "n"}]
        answer = close.bulk_create([*entries, {"id": third, "external_billing_id": "8"}])
        same(client.response.status_code, 206, "HTTP status")
        outcomes = [(one["status"], one["error_codes"]) for one in answer]
        same(outcomes, [(None, "USG_031"), (None, "NFND_000"), ("closed", None)])
        world.wait(ids.DISTRIBUTOR, file, "closed")
    with world.check("aggregates: of all subscriptions, of one, and under the misspelt name"):
        asset = rows[0]["asset_search_value"]
        some = list(client("usage").aggregates.filter(asset__id=asset))
        holds(some and all(one["accepted"] >= 3 for one in some), f"{some}")
        same(list(client.assets[asset].collection("usage/aggregates").all()), some, "of the subscription")
        same(list(client("usage").agregates.filter(asset__id=asset)), some, "misspelt")
        same(list(client("usage").aggregates.filter(asset__id=asset, item__type="Reservation")), [], "reservations")


def reconciliations(world):
    book = books.openpyxl_book([world.row("namespaces-reconciled")])
    file = world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, book)
    client = world.client(ids.DISTRIBUTOR)
    (chunk,) = world.chunks(ids.DISTRIBUTOR, file)
    with world.check("a reconciliation: listed, by id, and both of its workbooks in either spelling"):
        sent = books.billed(client("usage").chunks[chunk["id"]]("download").get(), lambda row: ("9", "n"))
        objects = client("usage").reconciliations
        created = objects.create(files={"recon_file": ("r.xlsx", sent)}, data={"upload_note": "note"})
        world.wait(ids.DISTRIBUTOR, file, "closed")
        shown = objects[created["id"]].get()
        same((shown["status"], shown["notes"]["uploaded"]), ("processed", "note"))
        same(list(objects.filter(usagefile__id=file)), [shown], "the list")
        for name in ("uploadedfile", "uploadedFile"):
            same(objects[created["id"]](name).get(), sent, name)
        for name in ("processedfile", "processedFile"):
            header, rows = books.table(objects[created["id"]](name).get())
            same([row["record_id"] for row in rows], ["namespaces-reconciled"], name)
    with world.check("`reconciliation_file` is taken for `recon_file`"):
        try:
            client("usage").files[file]("reconciliation").post(files={"reconciliation_file": ("r.xlsx", sent)})
            raise AssertionError("a closed file takes a reconciliation")
        except ClientError as error:
            same((error.status_code, error.error_code), (400, "USG_003"))


def rules(world):
    client = world.client(ids.DISTRIBUTOR_2)
    rules = client.products[ids.EXTRA].collection("usage/rules")
    with world.check("usage rules: their order by gravity, their change, and 204 for a deletion"):
        one, two, three = (rules.create(payload={"action": "manual"})["id"] for _ in range(3))
        same([rule["id"] for rule in rules.filter(status="active")], [one, two, three])
        rules[three].update(payload={"gravity": {"after": one}})
        same([rule["id"] for rule in rules.filter(status="active")], [one, three, two])
        rules[two].update(payload={"gravity": {"after": None}})
        same([rule["id"] for rule in rules.filter(status="active")], [two, one, three])
        same(rules[one].update(payload={"action": "reject"})["action"], "reject")
        for rule in (one, two, three):
            same(rules[rule].delete(), None, "what a deletion gives")
            same(client.response.status_code, 204, "HTTP status")
        same(list(rules.filter(status="active")), [])
        same([rule["id"] for rule in rules.filter(status="deleted")], [two, one, three])


    with world.check("usage rules: conditions of files and records, and where one is wrong"):
        made = rules.create(payload={"action": "accept", "rule": "lt(totals.quantity,100)&predictive=false"})
        same((made["scope"], made["rule"], "item" in made), ("file", "lt(totals.quantity,100)&predictive=false", False))
        try:
            rules[made["id"]].update(payload={"scope": "record"})
            raise AssertionError("a condition of files is taken for records")
        except ClientError as error:
            same((error.status_code, error.error_code), (400, "VAL_001"))
            holds("Unknown name: totals.quantity. Position: 3." in error.errors[0], error.errors)
        changed = rules[made["id"]].update(payload={"scope": "record", "rule": "gt(usage,5)"})
        same((changed["action"], changed["scope"], changed["rule"]), ("accept", "record", "gt(usage,5)"))
        same("rule" in rules[made["id"]].update(payload={"rule": None}), False, "an emptied condition")
        rules[made["id"]].delete()


def rest_of_files(world):
    client = world.client(ids.VENDOR)
    files = client("usage").files
    with world.check("a file's period and note are changed, and it is deleted"):
        file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
        period = {"from": "2026-10-01", "to": "2026-10-31"}
        files[file].update(payload={"period": period, "note": "n"})
        shown = files[file].get()
        same({end: shown["period"][end][:10] for end in period}, period)
        same(shown["note"], "n")
        same(files[file]("delete").post()["status"], "deleted")
    with world.check("errors of a file as a list, and what would be wrong with a workbook"):
        file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
        bad = books.openpyxl_book([world.row("namespaces-bad", item_search_value="nothing")])
        world.upload(ids.VENDOR, file, bad)
        world.wait(ids.VENDOR, file, "invalid")
        errors = list(files[file].collection("validation-errors").all())
        same([one["code"] for one in errors], ["USG_FILE_001"])
        tried = client("usage").products[ids.PULSE]("validate").post(
            files={"usage_file": ("a.xlsx", bad)}, data={"contract": ids.AGREEMENT}
        )
        same([one["code"] for one in tried["errors"]], ["USG_FILE_001"])
        same(files[file]("reprocess").post()["id"], file)
        same(client.response.status_code, 201, "HTTP status")
        world.wait(ids.VENDOR, file, "invalid")


def asynchronous(world):
    def client(key):
        return AsyncConnectClient(world.catalog.keys[key], endpoint=world.base, use_specs=False, max_retries=0)

    async def life():
        vendor, provider = client(ids.VENDOR), client(ids.DISTRIBUTOR)
        files = vendor("usage").files
        payload = {"name": "async", "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}}
        file = (await files.create(payload=payload))["id"]
        book = books.openpyxl_book([world.row("namespaces-async")])
        await files[file]("upload").post(files={"usage_file": ("a.xlsx", book)})
        # It is remembered until the workbook is checked.
        await files[file]("submit").post()
        await asyncio.to_thread(world.wait, ids.VENDOR, file, "pending")
        await provider("usage").files[file]("accept").post(payload={"acceptance_note": "ok"})
        await asyncio.to_thread(world.chunks, ids.DISTRIBUTOR, file)
        found = [one["id"] async for one in provider("usage").chunks.filter(f"usagefile.id={file}")]
        content = await provider("usage").chunks[found[0]]("download").get()
        count = await provider("usage").records.filter(usagefile__id=file).count()
        first = await files.filter(id=file).first()
        return len(found), content[:2], count, first["status"]

    with world.check("the asynchronous client goes the whole way"):
        same(asyncio.run(life()), (1, b"PK", 1, "accepted"))
