#!/usr/bin/env python3
"""How far a backup is behind while the ledger is under load, and what commits take with and without it.

    python3 tests/clients/lag.py --binary target/release/usage-ledger [--records 200000] [--disk DIR]

A server takes the same workbook without a backup and with one, and is asked at /metrics every 50 ms meanwhile. DIR is where
the backup is made, so that it can be on another disk.
"""

import argparse
import pathlib
import re
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import million  # noqa: E402  (the same workbook)
import run  # noqa: E402  (the venv comes with it)

LOOK_SECONDS = 0.05
BEHIND, MISSING = "usage_ledger_backup_behind_milliseconds", "usage_ledger_backup_missing_entries"
COMMITS = "usage_ledger_commit_seconds"


def numbers(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        found = re.findall(r"^([a-z_]+) ([0-9.]+)$", answer.read().decode(), re.MULTILINE)
    return {name: float(value) for name, value in found}


def measure(binary, folder, book, disk):
    """Seconds from the upload to ready, milliseconds of a commit, and each look at the backup."""
    import api
    import server

    more = [] if disk is None else ["--backup", disk]
    data = folder / ("plain" if disk is None else "data")
    looks = []
    with server.Server(binary, data, run.ROOT / "schemas" / "demo-catalog.json", folder / "log", *more) as running:
        vendor = api.Http(running.url + "/public/v1", million.VENDOR, {})
        period = {"from": "2026-09-01", "to": "2026-09-30"}
        body = {"contract": {"id": million.CONTRACT}, "product": {"id": million.PRODUCT}, "period": period}
        file = f"usage/files/{vendor.post('usage/files', json=body).json()['id']}"
        began, before = time.perf_counter(), numbers(running.url)
        with book.open("rb") as source:
            assert vendor.post(f"{file}/upload", files={"usage_file": source}).status_code == 201
        while (status := vendor.get(file).json()["status"]) in ("uploading", "uploaded", "processing"):
            now = numbers(running.url)
            looks.append((now.get(BEHIND, 0.0), now.get(MISSING, 0.0)))
            time.sleep(LOOK_SECONDS)
        assert status == "ready", status
        seconds, after = time.perf_counter() - began, numbers(running.url)
        count, total = (after[f"{COMMITS}_{part}"] - before[f"{COMMITS}_{part}"] for part in ("count", "sum"))
        while disk is not None and after[MISSING] > 0:
            after = numbers(running.url)
        whole = time.perf_counter() - began
    return seconds, total / count * 1_000, looks, whole - seconds, after.get("usage_ledger_backup_bytes_total", 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--disk", type=pathlib.Path)
    given = parser.parse_args()
    run.in_venv(__file__)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-lag-"))
    disk = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-backup-", dir=given.disk))
    try:
        book = folder / "book.xlsx"
        million.write(book, given.records)
        for where in (None, disk):
            seconds, commit, looks, rest, copied = measure(given.binary.resolve(), folder, book, where)
            print(f"{'with' if where else 'without'} a backup: {given.records} records ready after {seconds:.2f} s, "
                  f"a commit takes {commit:.2f} ms")
        behind = sorted(look[0] for look in looks)
        print(f"behind: median {statistics.median(behind):.0f} ms, 99th percentile {behind[len(behind) * 99 // 100]:.0f} ms, "
              f"most {behind[-1]:.0f} ms, {max(look[1] for look in looks):.0f} entries; whole {rest:.2f} s after the load; "
              f"{copied / 1e6:.1f} MB copied")
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(disk)


if __name__ == "__main__":
    main()
