"""The portal, as people use it: real headless Chromium, with scripts and without."""

import gzip
import json
import pathlib
import shutil
import subprocess

import requests

import catalog as ids
import venvs
from books import openpyxl_book
from checks import holds, same

PROGRAM = pathlib.Path(__file__).parents[1] / "programs" / "portal.py"
# What all scripts of a page may weigh on the wire.
SCRIPT_BYTES_MAX = 60 * 1024
# Records of a file that is many pages of its grid.
RECORDS = 1234


def run(world):
    with world.check("scripts weigh little, and nothing is loaded from elsewhere"):
        script = requests.get(f"{world.url}/assets/portal.js", timeout=30)
        same(script.status_code, 200, "status")
        holds(len(gzip.compress(script.content)) <= SCRIPT_BYTES_MAX, f"{len(script.content)} bytes")
    with world.check("Chromium runs through the portal", needed=True):
        task = json.dumps({**workbooks(world), "url": world.url, "chromium": browser(), "keys": keys(world)})
        command = [str(venvs.PORTAL.python), str(PROGRAM)]
        done = subprocess.run(command, input=task, capture_output=True, text=True, timeout=300, check=False)
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
    return {"vendor": world.catalog.keys[ids.VENDOR], "distributor": world.catalog.keys[ids.DISTRIBUTOR]}


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
    return {"books": books, "bad": f"/files/{bad}", "many": f"/files/{many}", "records": RECORDS}
