#!/usr/bin/env python3
"""Measures the whole product from outside, each figure beside the machine's limit in the same run.

    python3 tests/clients/bench.py --binary target/release/usage-ledger [--records 100000]

The same records are written by rust_xlsxwriter (the demo's generator), openpyxl and xlsxwriter. For each workbook: time
from upload to ready, time that merely inflating its sheet and strings takes, peak memory of the server (VmHWM), and the
totals, which must be the same.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run  # noqa: E402  (the venv comes with it)

ROOT = run.ROOT
CONTRACT, PRODUCT = "CRD-21674-67435-75488", "PRD-404-832-779"
KEY = "ApiKey SU-000-000-001:demo-only-vendor-secret"


def workbooks(folder, records):
    """The same rows from three producers."""
    import openpyxl
    import xlsxwriter

    native = folder / "rust_xlsxwriter.xlsx"
    made = ["cargo", "run", "--release", "--locked", "-q", "-p", "usage-ledger", "--example", "workbook", "--"]
    subprocess.run([*made, str(native), str(records)], check=True, cwd=ROOT)
    source = openpyxl.load_workbook(native, read_only=True)
    by_openpyxl = openpyxl.Workbook(write_only=True)
    by_xlsxwriter = xlsxwriter.Workbook(str(folder / "xlsxwriter.xlsx"), {"strings_to_formulas": False})
    moment = by_xlsxwriter.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for name in ("records", "categories"):
        first = by_openpyxl.create_sheet(name)
        second = by_xlsxwriter.add_worksheet(name)
        for number, row in enumerate(source[name].iter_rows(values_only=True)):
            first.append(row)
            for column, value in enumerate(row):
                if hasattr(value, "year"):
                    second.write_datetime(number, column, value, moment)
                elif value is not None:
                    second.write(number, column, value)
    by_openpyxl.save(folder / "openpyxl.xlsx")
    by_xlsxwriter.close()
    return [native, folder / "openpyxl.xlsx", folder / "xlsxwriter.xlsx"]


def inflate_seconds(path):
    """Only inflating, with zlib, the parts that the reader reads."""
    began = time.perf_counter()
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            if "worksheets" in name or "sharedStrings" in name:
                with package.open(name) as part:
                    while part.read(1 << 18):
                        pass
    return time.perf_counter() - began


def memory_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def measure(binary, folder, path):
    """One workbook through a server of its own."""
    import requests
    import server

    catalog = ROOT / "schemas" / "demo-catalog.json"
    with server.Server(binary, folder / f"data-{path.stem}", catalog, folder / "server.log") as running:
        base, headers = running.url + "/public/v1", {"Authorization": KEY}
        idle = memory_mb(running.process.pid)
        body = {"contract": {"id": CONTRACT}, "product": {"id": PRODUCT}}
        created = requests.post(f"{base}/usage/files", json=body, headers=headers).json()["id"]
        began = time.perf_counter()
        with path.open("rb") as source:
            requests.post(f"{base}/usage/files/{created}/upload", files={"usage_file": source}, headers=headers)
        read = None
        while True:
            file = requests.get(f"{base}/usage/files/{created}", headers=headers).json()
            if read is None and file.get("progress", {}).get("checked", 0) > 0:
                read = time.perf_counter() - began
            if file["status"] not in ("uploading", "uploaded", "processing"):
                break
            time.sleep(0.02)
        ready = time.perf_counter() - began
        peak = memory_mb(running.process.pid)
        quantity = sum_quantity(requests, base, headers, created)
    return file, ready, read, idle, peak, quantity


def sum_quantity(requests, base, headers, created):
    """The exact total over the record API."""
    from decimal import Decimal

    total, count, offset = Decimal(0), 0, 0
    while True:
        answer = requests.get(
            f"{base}/usage/records?usagefile.id={created}&limit=1000&offset={offset}", headers=headers)
        page = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
        if not page:
            return count, total
        total += sum((record["usage"] for record in page), Decimal(0))
        count += len(page)
        offset += len(page)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    run.in_venv(__file__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-bench-"))
    print(f"{'producer':<16} {'MB':>6} {'status':>8} {'ready s':>8} {'inflate s':>9} {'ratio':>6} {'idle MB':>8} "
          f"{'peak MB':>8} {'records':>8} total quantity")
    sums = set()
    try:
        for path in workbooks(folder, given.records):
            inflate = min(inflate_seconds(path) for _ in range(3))
            file, ready, _, idle, peak, (count, quantity) = measure(given.binary.resolve(), folder, path)
            sums.add((count, quantity))
            print(f"{path.stem:<16} {path.stat().st_size / 1e6:6.1f} {file['status']:>8} {ready:8.2f} {inflate:9.2f} "
                  f"{ready / inflate:6.1f} {idle:8.0f} {peak:8.0f} {count:8} {quantity.normalize():f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if len(sums) != 1:
        sys.exit(f"the producers' records differ: {sums}")


if __name__ == "__main__":
    main()
