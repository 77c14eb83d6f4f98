"""The portal, as people use it: real headless Chromium, with scripts and without."""

import gzip
import json
import pathlib
import shutil
import subprocess

import requests

import api
import catalog as ids
import venvs
from books import billed, openpyxl_book
from checks import holds, same

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "portal.py"
# What all scripts of a page may weigh on the wire.
SCRIPT_BYTES_MAX = 60 * 1024
# Records of a file that is many pages of its grid.
RECORDS = 1234
# Records whose workbook is on its way for a second or two.
SLOW_RECORDS = 8_000


def run(world):
    with world.check("scripts weigh little, and nothing is loaded from elsewhere"):
        scripts = [requests.get(f"{world.url}/assets/{name}", timeout=30) for name in ("portal.js", "htmx.min.js")]
        same([script.status_code for script in scripts], [200, 200], "statuses")
        weight = sum(len(gzip.compress(script.content)) for script in scripts)
        holds(weight <= SCRIPT_BYTES_MAX, f"{weight} bytes")
    with world.check("Chromium runs through the portal", needed=True):
        task = json.dumps({**workbooks(world), "url": world.url, "chromium": browser(), "keys": keys(world)})
        command = [str(venvs.PORTAL.python), str(PROGRAM)]
        done = subprocess.run(command, input=task, capture_output=True, text=True, timeout=1200, check=False)
        same(done.returncode, 0, f"exit code ({done.stderr[-1500:]})")
        looked = json.loads(done.stdout)
        holds(looked, "nothing was looked at")
    for sentence, problem in looked:
        with world.check(sentence):
            holds(problem is None, problem)


def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    holds(found, "Chromium is missing: tests/install.sh installs it")
    return found


def keys(world):
    people = {
        "vendor": ids.VENDOR,
        "vendor_2": ids.VENDOR_2,
        "distributor": ids.DISTRIBUTOR,
        "reseller": ids.RESELLER,
        "operator": ids.OPERATOR,
        "unready": ids.UNREADY_VENDOR,
    }
    return {name: world.catalog.keys[key] for name, key in people.items()}


def workbooks(world):
    """For each of two lives a workbook with an error and one without; and a file whose page shows errors."""

    def book(name, **others):
        rows = [{**world.row(f"browser-{name}-{number}", place=number), **others} for number in range(3)]
        path = world.folder / f"browser-{name}.xlsx"
        path.write_bytes(openpyxl_book(rows))
        return str(path)

    books = [
        {"bad": book(f"{number}-bad", quantity="many"), "good": book(f"{number}-good")} for number in range(2)
    ]
    bad = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    many = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
    rows = [world.row(f"browser-many-{number}", place=number % 3) for number in range(RECORDS)]
    rows[-1]["quantity"] = "many"
    world.upload(ids.VENDOR, many, openpyxl_book(rows))
    world.upload(ids.VENDOR, bad, pathlib.Path(book("shown", quantity="many")).read_bytes())
    world.wait(ids.VENDOR, bad, "invalid")
    world.wait(ids.VENDOR, many, "invalid")
    shown = {"books": books, "bad": f"/files/{bad}", "many": f"/files/{many}", "records": RECORDS}
    return {**shown, **waiting(world), **mending(world), "billing": billing(world), "links": links(world)}


def small(world, name, contract=ids.AGREEMENT):
    places = range(3) if contract == ids.AGREEMENT else [0] * 3
    rows = [world.row(f"browser-{name}-{number}", contract=contract, place=place) for number, place in enumerate(places)]
    return openpyxl_book(rows)


def waiting(world):
    """Files that wait for a decision, for each of the two ways; and one of the reseller's."""

    def pending(name, contract=ids.AGREEMENT):
        return world.pending(ids.VENDOR, ids.PULSE, contract, small(world, name, contract))

    def turn(how):
        return {"rejected": pending(f"{how}-rejected"), "bulk": [pending(f"{how}-bulk-{number}") for number in range(2)]}

    return {"pending": {how: turn(how) for how in ("scripts", "plain")}, "resold": pending("resold", ids.RESOLD)}


def mending(world):
    """For each of the two ways a file with an error and a workbook without one; and a workbook that takes its time."""

    def written(name, rows):
        path = world.folder / f"browser-{name}.xlsx"
        path.write_bytes(openpyxl_book(rows))
        return str(path)

    def turn(how):
        rows = [world.row(f"browser-mend-{how}-{number}", place=number) for number in range(3)]
        file = world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)
        world.upload(ids.VENDOR, file, openpyxl_book([{**rows[0], "quantity": "many"}, *rows[1:]]))
        world.wait(ids.VENDOR, file, "invalid")
        return {"file": file, "good": written(f"mend-{how}", rows)}

    slow = [world.row(f"browser-slow-{number}", place=number % 3) for number in range(SLOW_RECORDS)]
    path = f"/files/{world.file(ids.VENDOR, ids.PULSE, ids.AGREEMENT)}"
    chosen = f"product={ids.NO_PROGRAM_PRODUCT}&environment=production&provider=PA-000-003&marketplace=MP-38661"
    return {
        "mended": {how: turn(how) for how in ("scripts", "plain")},
        "slow": {"path": path, "book": written("slow", slow), "records": SLOW_RECORDS},
        "changed": changed(world),
        "waiting": world.pending(ids.VENDOR, ids.PULSE, ids.AGREEMENT, small(world, "read-only")),
        "lacking": {ids.NO_CAPABILITY: "edit its capabilities", ids.NOT_LISTED: "No active listing offers it."},
        "unready": f"/files/new?step=6&{chosen}",
    }


def changed(world):
    """A file in which one subscription used a hundred times as much as in the ten days before."""
    month = api.window(1)[0][: len("2026-10")]

    def book(name, first, quantities):
        start, end = (f"{month}-{day:02} {time}" for day, time in ((first, "00:00:00"), (first + 9, "23:59:59")))
        rows = [world.row(f"browser-{name}-{place}", ids.EXTRA, place=place) for place in range(len(quantities))]
        times = {"start_time_utc": start, "end_time_utc": end}
        return openpyxl_book([{**row, **times, "quantity": str(much)} for row, much in zip(rows, quantities, strict=True)])

    world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.EXTRA, ids.AGREEMENT, book("before", 1, (3, 3, 3)))
    return world.pending(ids.VENDOR, ids.EXTRA, ids.AGREEMENT, book("after", 11, (3, 300, 4)))


def links(world):
    """Links that the command line prints, for each of the two ways."""

    def link():
        command = [str(world.binary), "key", "link", ids.VENDOR, "--data", str(world.folder / "data-portal")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        same(done.returncode, 0, f"exit code ({done.stderr})")
        return done.stdout.strip()

    return {"scripts": link(), "plain": link()}


def billing(world):
    """An accepted file with a chunk that was billed elsewhere, and a closed one."""

    def accepted(name):
        return world.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, small(world, name))

    open_, closed = accepted("billed"), accepted("closed")
    chunk = world.chunks(ids.DISTRIBUTOR, open_)[0]["id"]
    content = world.http(ids.DISTRIBUTOR).get(f"usage/chunks/{chunk}/download").content
    path = world.folder / "browser-billed.xlsx"
    path.write_bytes(billed(content, lambda _: ("17", "Invoices of November")))
    for part in world.chunks(ids.DISTRIBUTOR, closed):
        world.http(ids.DISTRIBUTOR).post(f"usage/chunks/{part['id']}/close", json={"external_billing_id": "1"})
    world.wait(ids.VENDOR, closed, "closed")
    return {"file": open_, "billed": str(path), "closed": closed}
