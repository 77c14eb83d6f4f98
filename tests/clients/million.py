#!/usr/bin/env python3
"""A million records through their whole life, with the time and the server's peak memory of each step.

    python3 tests/clients/million.py --binary target/release/usage-ledger [--records 1000000] [--file KEPT.xlsx] [--keep]

The workbook has the eight columns that every record needs, so that it stays below the 64 MiB of an upload. In the same
run: what reading and checking take alone (`usage-ledger validate`), merely inflating, and calamine's cell reader.
"""

import argparse
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run  # noqa: E402  (the venv comes with it)

ROOT = run.ROOT
CONTRACT, PRODUCT = "CRD-21674-67435-75488", "PRD-404-832-779"
VENDOR = "ApiKey SU-000-000-001:demo-only-vendor-secret"
DISTRIBUTOR = "ApiKey SU-000-000-002:demo-only-distributor-secret"
SECONDS_MAX = 1800


def write(path, records):
    """Quantities with two decimals, a start for each hour of a month; gives their exact sum."""
    import xlsxwriter

    sys.path.insert(0, str(ROOT / "tests" / "clients"))
    import catalog
    from books import HEADERS

    known = catalog.Catalog(ROOT / "schemas" / "demo-catalog.json")
    assets = known.reportable(CONTRACT, PRODUCT)
    meters = [item["mpn"] for item in known.metered(PRODUCT) if item["precision"] != "integer"]
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("records")
    needed = ("record_note", "category_id", "amount", "tier", "item_name", "item_unit", "item_mpn", "item_precision")
    for column, name in enumerate(name for name in HEADERS if name not in needed):
        sheet.write_string(0, column, name)
    tenths = 0
    for number in range(1, records + 1):
        hour = number % 720
        start = f"2026-09-{hour // 24 + 1:02} {hour % 24:02}:00:00"
        quantity = number % 1000
        tenths += quantity
        end = f"{start[:14]}59:59"
        cells = ("item.mpn", meters[number % len(meters)], None, start, end)
        sheet.write_string(number, 0, f"M{number}")
        for column, text in enumerate((*cells, "asset.id", assets[number % len(assets)]), start=1):
            if text is None:
                sheet.write_number(number, column, quantity / 10)
            else:
                sheet.write_string(number, column, text)
    book.close()
    return tenths


def memory_mb(pid, what="VmHWM"):
    status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(what)).split()[1]) / 1024


def life(binary, folder, path, wanted):
    """One file through its whole life; prints a line for each step."""
    from decimal import Decimal

    import api
    import requests
    import server

    catalog = ROOT / "schemas" / "demo-catalog.json"
    with server.Server(binary, folder / "data", catalog, folder / "server.log") as running:
        pid = running.process.pid
        vendor = api.Http(running.url + "/public/v1", VENDOR, {})
        provider = api.Http(running.url + "/public/v1", DISTRIBUTOR, {})
        began = time.perf_counter()

        def step(name, note=""):
            nonlocal began
            took = time.perf_counter() - began
            print(f"{name:<34} {took:8.2f} s   peak {memory_mb(pid):6.0f} MB   {note}", flush=True)
            began = time.perf_counter()

        def until(read, done, what):
            return api.wait(read, done, what, SECONDS_MAX)

        period = {"from": "2026-09-01", "to": "2026-09-30"}
        body = {"contract": {"id": CONTRACT}, "product": {"id": PRODUCT}, "period": period}
        file = f"usage/files/{vendor.post('usage/files', json=body).json()['id']}"
        with path.open("rb") as source:
            uploaded = vendor.post(f"{file}/upload", files={"usage_file": source})
        assert uploaded.status_code == 201, uploaded.text
        step("uploaded", f"{path.stat().st_size / 1e6:.1f} MB")
        read = lambda: api.exact(vendor.get(file))  # noqa: E731
        waiting = ("uploading", "uploaded", "processing")
        found = until(read, lambda it: it["status"] not in waiting, "ready")
        assert found["status"] == "ready", found
        (total,) = found["totals"]["validated"]
        assert (total["records"], Decimal(total["quantity"])) == wanted, total
        step("read, checked and both views written", f"{total['records']} records, {total['quantity']}")
        with requests.get(found["processed_file_uri"], stream=True, timeout=300) as answer:
            size = sum(len(piece) for piece in answer.iter_content(1 << 20))
        step("processed workbook downloaded", f"{size / 1e6:.1f} MB")
        vendor.post(f"{file}/submit")
        provider.post(f"{file}/accept", json={"acceptance_note": "ok"})
        chunks = "usage/chunks?usagefile.id=" + file.rsplit("/", 1)[1]
        closing = lambda it: it and all(chunk["status"] == "ready" for chunk in it) and len(it) == 3  # noqa: E731
        ready = until(lambda: provider.get(chunks).json(), closing, "chunks")
        step("accepted, chunks written", f"{len(ready)} chunks")
        for chunk in ready:
            closed = provider.post(f"usage/chunks/{chunk['id']}/close", json={"external_billing_id": chunk["id"]})
            assert closed.ok, closed.text
        found = until(read, lambda it: it["status"] == "closed", "closed")
        (total,) = found["totals"]["closed"]
        assert (total["records"], Decimal(total["quantity"])) == wanted, total
        step("closed", f"{total['records']} records, {total['quantity']}")
        print(f"peak memory of the whole life: {memory_mb(pid):.0f} MB; data directory "
              f"{sum(one.stat().st_size for one in (folder / 'data').rglob('*') if one.is_file()) / 1e6:.0f} MB")


def alone(binary, path, records):
    """Reading and checking without a server, then the limits of the same file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [str(binary), "validate", str(path), "--catalog", str(ROOT / "schemas" / "demo-catalog.json")]
    command += ["--contract", CONTRACT, "--product", PRODUCT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"reading and checking alone: {cpu:.2f} s CPU, {wall:.2f} s wall, {records / cpu:,.0f} records/s of CPU, "
          f"peak {after.ru_maxrss / 1024:.0f} MB", flush=True)
    bench = ["cargo", "run", "--release", "--locked", "-q", "-p", "workbook", "--example", "read_bench", "--"]
    subprocess.run([*bench, str(path), "1", "--calamine"], check=True, cwd=ROOT)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--file", type=pathlib.Path, help="where the workbook is kept, and taken from if it is there")
    parser.add_argument("--keep", action="store_true", help="keep the ledger and say where it is, to verify or start it")
    given = parser.parse_args()
    run.in_venv(__file__)
    from decimal import Decimal

    folder = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-million-"))
    path = given.file or folder / "million.xlsx"
    noted = path.with_suffix(".sum")
    try:
        if not (path.exists() and noted.exists()):
            noted.write_text(str(write(path, given.records)))
        wanted = (given.records, Decimal(noted.read_text()) / 10)
        life(given.binary.resolve(), folder, path, wanted)
        alone(given.binary.resolve(), path, given.records)
    finally:
        if given.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
