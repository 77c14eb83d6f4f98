"""connect-cli 41.0: adding an account, and its own usage report, with every row compared (connect-api §7.3)."""

import json
import pathlib
import subprocess
from datetime import timedelta

import api
import books
import catalog as ids
import venvs
from checks import holds, same
from recorder import Recorder

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "cli_report.py"
PRODUCT = ids.EXTRA
# One of the subscriptions of the other says as little as a catalog may.
PRODUCTS = (PRODUCT, ids.ENFORCED["product"])


def run(world):
    with Recorder(world.url) as recorder:
        folder = world.folder / "ccli"
        folder.mkdir()
        add_account(world, recorder, folder)
        report(world, recorder, folder)


def ccli(folder, *arguments):
    command = [str(venvs.CLI.tool("ccli")), "-c", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def add_account(world, recorder, folder):
    endpoint = f"{recorder.url}/public/v1"
    key = world.catalog.keys[ids.DISTRIBUTOR]
    with world.check("`ccli account add` takes a key and stores its account", needed=True):
        done = ccli(folder, "account", "add", key, "--endpoint", endpoint)
        same(done.returncode, 0, f"exit code ({done.stdout} {done.stderr})")
        same(recorder.taken(), ["200 GET /accounts?limit=1&offset=0"])
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        account = {"id": "PA-000-003", "name": "Mighty Mick's LLC", "api_key": key, "endpoint": endpoint}
        same((stored["active"], stored["accounts"]), ("PA-000-003", [account]))
    with world.check("a key that isn't one is refused in words that it understands"):
        done = ccli(folder, "account", "add", "ApiKey SU-000-000-002:wrong", "--endpoint", endpoint)
        said = done.stdout + done.stderr
        same(recorder.taken(), ["401 GET /accounts?limit=1&offset=0"])
        holds("Unauthorized: the provided api key is invalid." in said, said)


def report(world, recorder, folder):
    first, last = api.month(1)
    after, before = (moment.strftime("%Y-%m-%dT%H:%M:%S") for moment in (first, last + timedelta(seconds=1)))
    with world.check("files for the report: two accepted ones, and one that is only pending", needed=True):
        places = [("a", (0, 1, 2)), ("b", (2, 3))]
        files = [
            world.accepted(ids.VENDOR, ids.DISTRIBUTOR, PRODUCT, ids.AGREEMENT, book(world, name, some))
            for name, some in places
        ]
        files.append(world.pending(ids.VENDOR, PRODUCT, ids.AGREEMENT, book(world, "c", (0, 4))))
    with world.check("`usage_in_subscription` has a row for each active subscription, with what the ledger says"):
        command = [venvs.CLI.python, PROGRAM, venvs.CLI.site(), folder, after, before, *PRODUCTS]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
        same(done.returncode, 0, f"exit code ({done.stderr[-1500:]})")
        rows = {row["asset_id"]: row for row in json.loads(done.stdout)}
        assets = active(world)
        holds(ids.BARE_ASSET in assets, "there is no bare subscription")
        same(sorted(rows), sorted(assets), "subscriptions")
        used = usage(world, first, last + timedelta(seconds=1))
        for asset, row in rows.items():
            same(row, expected(assets[asset], row, used.get(asset, set())), f"row of {asset}")
        places = [world.catalog.reportable(ids.AGREEMENT, PRODUCT)[place] for place in range(5)]
        mine = [[file for file in files if file in rows[asset]["usage_reports_ids"]] for asset in places]
        same(mine, [files[:1], files[:1], files[:2], files[1:2], []], "our files by subscription")
    with world.check("the report's calls: a count, a page of subscriptions, and one list of records for each"):
        calls = recorder.taken()
        query = f"and(eq(status,active),in(product.id,({','.join(PRODUCTS)})))"
        same(
            calls[:2],
            [f"200 GET /subscriptions/assets?{query}&limit={limit}&offset=0" for limit in (0, 100)],
        )
        same(len(calls), 2 + len(rows), "calls")
        holds(all(call.startswith("200 GET /usage/records?eq(asset.id,") for call in calls[2:]), f"{calls[2:4]}")


def book(world, name, places):
    rows = [world.row(f"cli-{name}-{place}", PRODUCT, place=place) for place in places]
    return books.openpyxl_book(rows)


def active(world):
    """The distributor's active subscriptions of the products: from the catalog's file, and the bare one as the server
    completes it (suite objects)."""
    told = world.client(ids.DISTRIBUTOR).assets[ids.BARE_ASSET].get()
    return {
        asset["id"]: told if asset["id"] == ids.BARE_ASSET else asset
        for asset in world.catalog.file["assets"]
        if asset["status"] == "active"
        and asset["product"]["id"] in PRODUCTS
        and world.catalog.contracts[asset["contract"]["id"]]["issuer"]["id"] == "PA-000-003"
    }


def usage(world, after, before):
    """The files with accepted records of each subscription that begin or end in a time, added up without a filter."""
    found = {}
    for record in world.records(ids.DISTRIBUTOR, f"in(product_id,({','.join(PRODUCTS)}))"):
        ends = [api.datetime.fromisoformat(record[name]).replace(tzinfo=None) for name in ("start_date", "end_date")]
        if record["status"] in ("approved", "closed") and any(after <= end < before for end in ends):
            found.setdefault(record["asset"]["id"], set()).add(record["usagefile"]["id"])
    return found


def expected(asset, row, files):
    """A row of the report. The files may come in any order; what isn't there is a dash."""
    row_files = row["usage_reports_ids"].split(", ") if row["usage_reports_ids"] else []
    same(sorted(row_files), sorted(files), f"files of {asset['id']}")
    values = {
        "asset_id": asset["id"],
        "asset_external_id": asset.get("external_id", "-"),
        "asset_status": "active",
        "asset_created_at": shown(asset["events"]["created"]["at"]),
        "asset_updated_at": shown(asset["events"]["updated"]["at"]),
        "product_id": asset["product"]["id"],
        "product_name": asset["product"]["name"],
        "usage_reports_count": len(files),
        "usage_reports_ids": row["usage_reports_ids"],
    }
    for name, one in (("customer", "customer"), ("tier_1", "tier1"), ("tier_2", "tier2")):
        tier = asset["tiers"].get(one) or {}
        values |= {f"{name}_{field}": tier.get(field, "-") for field in ("id", "name", "external_id")}
    for name in ("provider", "vendor", "hub"):
        party = asset["connection"].get(name) or {}
        values |= {f"{name}_{field}": party.get(field, "-") for field in ("id", "name")}
    return values


def shown(at):
    return at[:19].replace("T", " ")
