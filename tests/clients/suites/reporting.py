"""A month from a vendor's usage to closed files: our own processor reports it, two distributors accept and bill it.

Two contracts × two products × two hubs, every subscription of the demo that can be reported. Each file is closed in
another way: by chunks, by reconciliation workbooks, by a bulk of records, and one by one.
"""

import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import requests

import api
import books
import catalog as ids
from checks import holds, same

PROCESSOR = Path(__file__).parents[3] / "docs" / "examples" / "processor"
PROVIDERS = {ids.AGREEMENT: ids.DISTRIBUTOR, ids.CONTRACT_2: ids.DISTRIBUTOR_2}
ITEMS_EACH = 4
# Records that the bulk closes by a note alone, as a real billing connector does.
BULK_BY_NOTE = 10


def run(world):
    check = world.check
    sys.path.insert(0, str(PROCESSOR))
    import generate
    import processor
    import source

    with check("the previous month of January is December"):
        same(processor.previous_month(date(2026, 1, 31)), date(2025, 12, 1))
        same(processor.previous_month(date(2026, 3, 31)), date(2026, 2, 1))
        same(processor.month_of("2024-02"), date(2024, 2, 1))

    vendor = world.client(ids.VENDOR)
    month = processor.previous_month(date.today())
    path = world.folder / "usage.csv"
    with check("the generator takes every subscription that can be reported", needed=True):
        usages = generate.generate(vendor, month, ITEMS_EACH, contracts=list(PROVIDERS))
        expected = {
            asset
            for contract in PROVIDERS
            for product in (ids.PULSE, ids.EXTRA)
            for asset in world.catalog.reportable(contract, product)
        }
        same(sorted({usage.subscription for usage in usages}), sorted(expected), "the generated subscriptions")
        source.write(path, usages)
        same(source.read(path), usages, "what is read back")
        as_json = world.folder / "usage.json"
        as_json.write_text(
            '[{"subscription_id":"AS-1","item_mpn":"X","quantity":0.10000000000000000001,'
            '"start":"2026-01-01T00:00:00Z","end":"2026-01-02 00:00:00"}]',
            encoding="utf-8",
        )
        same(str(source.read(as_json)[0].quantity), "0.10000000000000000001", "a JSON number's digits")

    with check("the processor reports every line and says so", needed=True):
        said = processed(world, path)
        same(said.returncode, 0, f"exit code (stderr: {said.stderr})")
        same(said.stdout.strip().splitlines()[-1], f"total: {len(usages)} of {len(usages)} records")

    groups = defaultdict(list)
    for usage in usages:
        asset = world.catalog.assets[usage.subscription]
        groups[asset["contract"]["id"], asset["product"]["id"]].append(usage)
    files = {}
    with check("there is one pending file for each contract and product, described as it was sent", needed=True):
        found = list(
            vendor("usage").files.filter(f"in(contract.id,({','.join(PROVIDERS)}))&like(external_id,*{month:%Y-%m})")
        )
        same(len(found), 4, "files")
        for file in found:
            key = (file["contract"]["id"], file["product"]["id"])
            files[key] = file["id"]
            same(file["status"], "pending")
            same(file["external_id"], f"{key[0]} {key[1]} {month:%Y-%m}")
            same(file["description"], f"Usage of {month:%B %Y}")
            same(file["environment"], "production")
            same(file["schema"], "qt")
            same(file["period"]["from"][:10], month.isoformat())
            same(
                file["stats"], dict.fromkeys(("uploaded", "validated", "pending"), len(groups[key])), f"stats of {key}"
            )
        same(sorted(files), sorted(groups), "contracts and products")

    with check("running it again creates nothing and counts the same"):
        before = vendor("usage").files.all().count()
        said = processed(world, path)
        same(said.returncode, 0, f"exit code (stderr: {said.stderr})")
        same(said.stdout.count("is pending already"), 4)
        same(vendor("usage").files.all().count(), before, "files")

    refusals(world, source, usages)
    acceptance(world, files, groups)
    check_chunks(world, files, groups)
    close_by_chunks(world, files[ids.AGREEMENT, ids.PULSE])
    close_by_reconciliation(world, files[ids.AGREEMENT, ids.EXTRA])
    close_by_bulk(world, files[ids.CONTRACT_2, ids.PULSE])
    close_one_by_one(world, files[ids.CONTRACT_2, ids.EXTRA])

    with check("every file is closed; records closed by a note alone count as closed and not as billed"):
        by_note = {(ids.CONTRACT_2, ids.PULSE): BULK_BY_NOTE, (ids.CONTRACT_2, ids.EXTRA): 1}
        for key, file in files.items():
            found = world.wait(ids.VENDOR, file, "closed")
            count = len(groups[key])
            wanted = dict.fromkeys(("uploaded", "validated", "accepted", "closed"), count)
            same(found["stats"], {**wanted, "billed": count - by_note.get(key, 0)}, f"stats of {file}")
            same(found["records"], {"valid": count, "invalid": 0, "closed": count}, f"records of {file}")
            holds(found["events"]["closed"]["at"], "no closed event")

    with check("a processor that runs after all that counts the same once more"):
        said = processed(world, path)
        same(said.returncode, 0, f"exit code (stderr: {said.stderr})")
        same(said.stdout.count("is closed already"), 4)


def processed(world, path, *arguments):
    """Runs the processor as a vendor's scheduler does."""
    command = [
        sys.executable,
        str(PROCESSOR / "processor.py"),
        "--endpoint",
        world.base,
        "--key",
        world.catalog.keys[ids.VENDOR],
        "--poll",
        "0.1",
        "--wait",
        "30",
        "--source",
        str(path),
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)


def refusals(world, source, usages):
    check = world.check
    vendor = world.client(ids.VENDOR)
    first, last = api.month(2)
    earlier = f"{first:%Y-%m}"
    path = world.folder / "bad.csv"

    with check("the processor sends nothing when a subscription is unknown, and names it"):
        before = vendor("usage").files.all().count()
        stranger = source.Usage("AS-0000-0000-0001", "AP-CPU", usages[0].quantity, usages[0].start, usages[0].end)
        source.write(path, [usages[0], stranger])
        said = processed(world, path)
        same(said.returncode, 1, "exit code")
        holds("AS-0000-0000-0001" in said.stderr and "Nothing was sent" in said.stderr, said.stderr)
        same(vendor("usage").files.all().count(), before, "files")

    with check("the processor explains an invalid file row by row, and goes on with it when it is corrected"):
        asset = world.catalog.reportable(ids.AGREEMENT, ids.PULSE)[0]
        whole = world.catalog.metered(ids.PULSE)[0]
        same(whole["precision"], "integer")
        bad = source.Usage(asset, whole["mpn"], source.Decimal("1.5"), first, last)
        source.write(path, [bad])
        said = processed(world, path, "--month", earlier)
        same(said.returncode, 1, "exit code")
        holds("USG_FILE_014" in said.stderr or "data type of the item" in said.stderr, said.stderr)
        holds(bad.record_id in said.stderr, f"the record is not named: {said.stderr}")
        source.write(path, [source.Usage(asset, whole["mpn"], source.Decimal("2"), first, last)])
        said = processed(world, path, "--month", earlier)
        same(said.returncode, 0, f"exit code (stderr: {said.stderr})")
        name = f"{ids.AGREEMENT} {ids.PULSE} {earlier}"
        same(vendor("usage").files.filter(f"external_id={name}").count(), 1, "files of that month")

    with check("the processor fails loudly when the source holds more, or another quantity, than what arrived"):
        reported = source.Usage(asset, whole["mpn"], source.Decimal("2"), first, last)
        more = source.Usage(asset, world.catalog.metered(ids.PULSE)[5]["mpn"], source.Decimal("3"), first, last)
        changed = source.Usage(asset, whole["mpn"], source.Decimal("4"), first, last)
        for lines, text in (
            ([reported, more], "1 of 2 records arrived"),
            ([changed], f"{whole['mpn']} 4.0 is in the"),
        ):
            source.write(path, lines)
            said = processed(world, path, "--month", earlier)
            same(said.returncode, 1, "exit code")
            holds(text in said.stderr, said.stderr)

    with check("the processor names every fault of a source"):
        path.write_text(
            "subscription_id,item_mpn,quantity,start,end\n"
            'AS-1,X,"3,5",2026-01-01 00:00:00,2026-01-02 00:00:00\n'
            "AS-1,X,3,2026-01-03 00:00:00,2026-01-02 00:00:00\n",
            encoding="utf-8",
        )
        said = processed(world, path, "--month", "2026-01")
        same(said.returncode, 1, "exit code")
        holds("line 2" in said.stderr and "line 3" in said.stderr, said.stderr)


def acceptance(world, files, groups):
    check = world.check
    with check("distributors see their own two files each, without the vendor's external id"):
        for provider in PROVIDERS.values():
            own = sorted(file for (contract, _), file in files.items() if PROVIDERS[contract] == provider)
            client = world.client(provider)
            among = ",".join(files.values())
            found = list(client("usage").files.filter(f"in(id,({among}))").order_by("id"))
            same([file["id"] for file in found], own, "files")
            for file in (*found, client("usage").files[own[0]].get()):
                holds("external_id" not in file, f"{file['id']} shows external_id")
            for query in ("external_id=CRD*", f"like(external_id,*{own[0]}*)"):
                # Connect ignores what it doesn't know; a field that is hidden must not filter.
                same(
                    client("usage").files.filter(query).count(),
                    client("usage").files.all().count(),
                    f"files of {query}",
                )

    with check("the distributor's processed file has the catalog's eight columns and not the vendor's external id"):
        (contract, product), file = next(iter(files.items()))
        detail = world.client(PROVIDERS[contract])("usage").files[file].get()
        content = requests.get(detail["processed_file_uri"], timeout=30).content
        rows = books.table(content)[1]
        same(len(rows), len(groups[contract, product]), "rows")
        for row in rows:
            check_catalog_columns(world, row)
        check_package(content, external_ids(world, files))

    with check("accepting answers 201 and keeps the note; the records are approved", needed=True):
        for (contract, product), file in files.items():
            client = world.client(PROVIDERS[contract])
            answer = client("usage").files[file]("accept").post(payload={"acceptance_note": f"billed as {product}"})
            same(client.response.status_code, 201, "HTTP status")
            same(answer["status"], "accepted")
            same(answer["acceptance_note"], f"billed as {product}")
            count = len(groups[contract, product])
            world.chunks(PROVIDERS[contract], file)
            detail = client("usage").files[file].get()
            same(detail["stats"], dict.fromkeys(("uploaded", "validated", "accepted"), count), "stats")
            same(
                client("usage").records.filter(f"usagefile.id={file}&status=approved").count(),
                count,
                "approved records",
            )


def external_ids(world, files):
    vendor = world.client(ids.VENDOR)
    return [vendor("usage").files[file].get()["external_id"] for file in files.values()]


def check_package(content, hidden):
    """No part of a package may hold a text, whatever encoding it is in."""
    for name, data in books.parts(content).items():
        for text in hidden:
            for encoded in (text.encode(), text.encode("utf-16-le")):
                holds(encoded not in data, f"{name} holds the vendor's external id {text}")


def check_catalog_columns(world, row):
    """The eight columns of seed 002, from the catalog itself."""
    asset = world.catalog.assets[row["asset_search_value"]]
    item = world.catalog.by_mpn[asset["product"]["id"], row["item_search_value"]]
    customer = asset["tiers"]["customer"]
    expected = {
        "item_name": item["name"],
        "item_type": "pay-as-you-go" if item["type"] == "ppu" else "reservation",
        "item_unit": item["unit"]["name"],
        "item_period": item["period"],
        "asset_id": asset["id"],
        "asset_external_id": asset["external_id"],
        "customer_account_id": customer["external_id"],
        "customer_company_name": customer["name"],
    }
    same({name: row.get(name) for name in expected}, expected, f"columns of {row['record_id']}")


def check_chunks(world, files, groups):
    check = world.check
    hidden = external_ids(world, files)
    for (contract, product), file in files.items():
        provider = PROVIDERS[contract]
        with check(f"chunks of {contract} × {product}: one for each hub, with exactly its records"):
            client = world.client(provider)
            usages = groups[contract, product]
            by_hub = defaultdict(list)
            for usage in usages:
                by_hub[world.catalog.hub(usage.subscription)].append(usage)
            chunks = world.chunks(provider, file)
            same(len(chunks), len(by_hub), "chunks")
            for chunk in chunks:
                hub = (chunk.get("binding", {}).get("hub") or {}).get("id")
                same(chunk["status"], "ready")
                holds(chunk["id"].startswith(file.replace("UF-", "UFC-")), f"{chunk['id']} is not of {file}")
                same(chunk["usagefile"]["id"], file)
                content = client("usage").chunks[chunk["id"]]("download").get()
                same(client.response.headers["Content-Type"], api.XLSX)
                check_chunk(world, file, chunk, content, by_hub.pop(hub), hidden)
            same(list(by_hub), [], "hubs without a chunk")


def check_chunk(world, file, chunk, content, usages, hidden):
    general = books.general(content)
    same(general["report_id"], file, "general.report_id")
    hub = chunk.get("binding", {}).get("hub") or {}
    same(general.get("hub_id"), hub.get("id"), "general.hub_id")
    same(general.get("hub_name"), hub.get("name"), "general.hub_name")
    contract = world.catalog.contracts[world.catalog.assets[usages[0].subscription]["contract"]["id"]]
    same(general["usage_schema"], "QT")
    same(general["distribution_contract_id"], contract["id"])
    same(general["distributor_account_id"], contract["issuer"]["id"])
    same(general["distributor_account_name"], contract["issuer"]["name"])
    same(general["marketplace_id"], contract["marketplace"]["id"])
    header, rows = books.table(content)
    sent = [
        "record_id",
        "record_note",
        "item_search_criteria",
        "item_search_value",
        "quantity",
        "start_time_utc",
        "end_time_utc",
        "asset_search_criteria",
        "asset_search_value",
        "v.region",
    ]
    same(header[: len(sent)], sent, "the vendor's columns in the vendor's order")
    same([row["record_id"] for row in rows], [usage.record_id for usage in usages], "records in the vendor's order")
    same([row["v.region"] for row in rows], [usage.custom["v.region"] for usage in usages], "v.region")

    def key(row):
        return row["asset_search_value"], row["item_search_value"]

    expected = books.sums(
        [{"quantity": usage.quantity, "key": (usage.subscription, usage.mpn)} for usage in usages],
        lambda row: row["key"],
    )
    same(books.sums(rows, key), expected, "sums for each subscription and item")
    for row in rows:
        check_catalog_columns(world, row)
    check_package(content, hidden)


def close_by_chunks(world, file):
    check = world.check
    client = world.client(ids.DISTRIBUTOR)
    with check(f"{file} closes chunk by chunk, the last one closes the file"):
        chunks = world.chunks(ids.DISTRIBUTOR, file)
        for number, chunk in enumerate(chunks, start=1):
            id = chunk["id"]
            client("usage").chunks[id].update(payload={"external_id": f"hub_batch_{number}"})
            same(client("usage").files[file].get()["status"], "accepted")
            billing = {"external_billing_id": str(number), "external_billing_note": f"Processed by batch {number}"}
            client("usage").chunks[id]("close").post(payload=billing)
            closed = client("usage").chunks[id].get()
            same((closed["status"], closed["external_id"]), ("closed", f"hub_batch_{number}"))
            same(closed["stats"]["closed"], chunk["stats"]["accepted"], "closed records of the chunk")
            again = client("usage").chunks[id]("close").post(payload=billing)
            same(again["status"], "closed", "closing it again")
        world.wait(ids.DISTRIBUTOR, file, "closed")
        records = world.records(ids.DISTRIBUTOR, f"usagefile.id={file}")
        same({record["status"] for record in records}, {"closed"})
        same({record["external_billing_id"] for record in records}, {str(n) for n in range(1, len(chunks) + 1)})
        client("usage").chunks[chunks[0]["id"]].update(payload={"external_id": "renamed"})
        same(client("usage").chunks[chunks[0]["id"]].get()["external_id"], "renamed", "external id of a closed chunk")
        holds(
            client("usage").chunks[chunks[0]["id"]]("download").get()[:2] == b"PK", "a closed chunk is not downloaded"
        )


def close_by_reconciliation(world, file):
    check = world.check
    client = world.client(ids.DISTRIBUTOR)
    chunks = world.chunks(ids.DISTRIBUTOR, file)
    contents = [client("usage").chunks[chunk["id"]]("download").get() for chunk in chunks]
    total = sum(len(books.table(content)[1]) for content in contents)
    half = set(row["record_id"] for row in books.table(contents[0])[1][::2])

    with check(f"{file}: a partial reconciliation leaves it accepted and says what is open"):
        partial = books.billed(contents[0], lambda row: ("INV-1", "first half") if row["record_id"] in half else None)
        found = reconcile(world, client, file, partial)
        same(found["status"], "processed", f"status ({found.get('error')})")
        detail = client("usage").files[file].get()
        same(detail["status"], "accepted")
        same(detail["stats"]["closed"], len(half), "closed records")
        same(detail["stats"]["billed"], len(half), "billed records")
        same(detail["records"]["closed"], len(half), "records.closed")
        text = found["notes"]["processing"]
        holds(str(len(half)) in text and str(total - len(half)) in text, f"the summary names no counts: {text}")
        same(client("usage").records.filter(f"usagefile.id={file}&status=closed").count(), len(half), "closed records")
        same(
            client("usage").records.filter(f"usagefile.id={file}&status=approved").count(),
            total - len(half),
            "open ones",
        )
        billed = world.records(ids.DISTRIBUTOR, f"usagefile.id={file}&status=closed")
        same({(one["external_billing_id"], one["external_billing_note"]) for one in billed}, {("INV-1", "first half")})
        same({one["record_id"] for one in billed}, half, "closed record ids")

    with check(f"{file}: a reconciliation workbook of another file is refused and closes nothing"):
        other = books.openpyxl_book(
            [{"record_id": "none", "external_billing_id": "1"}],
            first=[("general", [("attribute_id", "attribute_value"), ("report_id", "UF-2020-01-0000-0001")])],
        )
        found = reconcile(world, client, file, other)
        same(found["status"], "failed")
        holds("UF-2020-01-0000-0001" in found["error"]["detail"], found["error"]["detail"])

    with check(f"{file}: the rest closes it, and its chunks with it"):
        for number, content in enumerate(contents):
            rest = books.billed(content, lambda row: None if row["record_id"] in half else ("INV-2", ""))
            found = reconcile(world, client, file, rest, number)
            same(found["status"], "processed", f"status ({found.get('error')})")
        world.wait(ids.DISTRIBUTOR, file, "closed")
        same({chunk["status"] for chunk in world.chunks(ids.DISTRIBUTOR, file)}, {"closed"})

    first = f"{file.replace('UF-', 'RCF-')}-001"
    with check(f"{file}: the uploaded reconciliation workbook comes back, by any spelling"):
        for which in ("uploadedfile", "uploadedFile"):
            same(client("usage").reconciliations[first](which).get(), partial, which)


def reconcile(world, client, file, content, number=0):
    """Uploads a reconciliation and waits for its end."""
    before = {one["id"] for one in client("usage").reconciliations.filter(f"usagefile.id={file}")}
    client("usage").files[file]("reconciliation").post(files={"recon_file": (f"r{number}.xlsx", content)})
    same(client.response.status_code, 201, "HTTP status")

    def newest():
        found = client("usage").reconciliations.filter(f"usagefile.id={file}")
        new = [one for one in found if one["id"] not in before]
        return new[0] if new else {}

    return api.wait(newest, lambda found: found.get("status") in ("processed", "failed"), "the reconciliation")


def close_by_bulk(world, file):
    check = world.check
    client = world.client(ids.DISTRIBUTOR_2)
    close = client.ns("usage").ns("records").collection("close-records")
    with check(f"{file} closes by a bulk of records: 206, one result for each, in order"):
        records = [one["id"] for one in world.records(ids.DISTRIBUTOR_2, f"usagefile.id={file}")]
        some, rest = records[:BULK_BY_NOTE], records[BULK_BY_NOTE:]
        results = close.bulk_create([{"id": one, "external_billing_note": "n1"} for one in some])
        same(client.response.status_code, 206, "HTTP status")
        same([(one["id"], one["status"]) for one in results], [(one, "closed") for one in some], "results")
        same(client("usage").files[file].get()["stats"]["closed"], BULK_BY_NOTE, "closed records")
        # Those that are closed already come again: a connector that retries must not be stopped by them.
        asked = [{"id": one, "external_billing_id": "b2", "external_billing_note": "n2"} for one in [*some[:2], *rest]]
        results = close.bulk_create([*asked, {"id": "UR-2020-01-0000-0001-0000-0001", "external_billing_note": "n"}])
        same([one["status"] for one in results[:-1]], ["closed"] * (len(rest) + 2), "results")
        same(results[-1].get("status"), None, "status of a record that isn't there")
        holds(results[-1].get("error_codes"), "no error_codes for a record that isn't there")
        world.wait(ids.DISTRIBUTOR_2, file, "closed")
        first = client("usage").records[some[0]].get()
        same((first["status"], first["external_billing_note"]), ("closed", "n1"), "the first closing counts")
        last = client("usage").records[rest[-1]].get()
        same((last["external_billing_id"], last["external_billing_note"]), ("b2", "n2"))


def close_one_by_one(world, file):
    check = world.check
    client = world.client(ids.DISTRIBUTOR_2)
    with check(f"{file}: single records close by their path, chunks take the rest"):
        records = [one["id"] for one in world.records(ids.DISTRIBUTOR_2, f"usagefile.id={file}")]
        payload = {"external_billing_id": "one", "external_billing_note": "by one"}
        shown = client("usage").records[records[0]]("close").post(payload=payload)
        same((shown["status"], shown["external_billing_id"]), ("closed", "one"))
        holds(shown["closed_at"] and shown["closed_by"], "closed_at and closed_by are missing")
        shown = client("usage").records[records[1]].update(payload={"status": "closed", "external_billing_note": "put"})
        same((shown["status"], shown["external_billing_note"]), ("closed", "put"))
        same(client("usage").files[file].get()["stats"]["closed"], 2, "closed records")
        for chunk in world.chunks(ids.DISTRIBUTOR_2, file):
            client("usage").chunks[chunk["id"]]("close").post(payload={"external_billing_id": "rest"})
        world.wait(ids.DISTRIBUTOR_2, file, "closed")
        billed = Counter(
            one["external_billing_id"]
            for one in world.records(ids.DISTRIBUTOR_2, f"usagefile.id={file}")
            if "external_billing_id" in one
        )
        same(billed, Counter({"rest": len(records) - 2, "one": 1}), "billing ids")
