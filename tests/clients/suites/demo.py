"""The product's own demo, added up by figures.py; and figures.py itself, which must see one digit that is different."""

import contextlib
import io
import subprocess

from openpyxl import load_workbook

import figures
from checks import holds, same

RECORDS = 3000


def run(world):
    data = world.folder / "demo"
    files = data / "demo-files"
    with world.check(f"the demo takes {RECORDS} records through a file's whole life", needed=True):
        command = [str(world.binary), "demo", "--exit", "--data", str(data), "--listen", "127.0.0.1:0"]
        done = subprocess.run(
            [*command, "--records", str(RECORDS), "--months", "0"], capture_output=True, text=True, timeout=60, check=False
        )
        same(done.returncode, 0, f"exit code ({done.stderr[-500:]})")
        holds("is closed" in done.stdout, done.stdout[-500:])
    with world.check("with months of history, every trade's files stand where the demo says"):
        command = [str(world.binary), "demo", "--exit", "--data", str(world.folder / "past"), "--listen", "127.0.0.1:0"]
        done = subprocess.run(
            [*command, "--records", "100", "--months", "7"], capture_output=True, text=True, timeout=120, check=False
        )
        same(done.returncode, 0, f"exit code ({done.stderr[-500:]})")
        holds("7 months of history: 42 usage files" in done.stdout, done.stdout[:500])
    with world.check("its workbooks and the API agree on every sum, to the last digit"):
        code, said, wrong = added_up("--data", str(data), "--binary", str(world.binary))
        same(code, 0, f"exit code ({wrong})")
        holds("7 forms agree on" in said and f"of {RECORDS} records" in said, said[-200:])
    with world.check("one digit in one chunk is noticed, and so is a record that is left out"):
        chunks = sorted(files.glob("UFC-*.xlsx"))
        changed, shorter = world.folder / "changed.xlsx", world.folder / "shorter.xlsx"
        book = load_workbook(chunks[0])
        sheet = book["records"]
        column = [cell.value for cell in sheet[1]].index("quantity") + 1
        quantity = sheet.cell(3, column).value
        sheet.cell(3, column, quantity[:-1] + ("1" if quantity[-1] != "1" else "2"))
        book.save(changed)
        book = load_workbook(chunks[0])
        book["records"].delete_rows(4)
        book.save(shorter)
        for first in (changed, shorter):
            others = [str(path) for path in chunks[1:]]
            code, _, wrong = added_up("--source", str(files / "source.xlsx"), "--chunk", str(first), *others)
            same(code, 1, f"exit code for {first.name}")
            holds("differences" in wrong, wrong)


def added_up(*arguments):
    """Runs figures.py; gives exit code, output and errors."""
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        code = figures.main(list(arguments))
    return code, said.getvalue(), wrong.getvalue()
