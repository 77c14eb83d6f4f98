#!/usr/bin/env python3
"""What a usage record costs on its way from a workbook to a closed file, in one process and apart over NATS.

    python3 tests/clients/costs.py --binary target/release/usage-ledger [--records 500000] [--rounds 3]

Both shapes take the same workbook, in turns. For each step: seconds, processor time of all processes, bytes written to
files, and bytes through NATS; where perf(1) may count them, waits for the disk; at the end, bytes that are kept.
docs/scale.md is made from what it prints; nothing here is asserted but the totals.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import million  # noqa: E402  (the same workbook and the same life)
import run  # noqa: E402  (the venv comes with it)

CATALOG = run.ROOT / "schemas" / "demo-catalog.json"
STEPS = ["upload to ready", "submit to chunks", "chunks to closed"]
TICK = 1 / os.sysconf("SC_CLK_TCK")


def spent(processes):
    """Processor seconds and bytes written so far, by process."""
    found = {}
    for name, pid in processes.items():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
        written = next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
        found[name] = ((int(fields[11]) + int(fields[12])) * TICK, written)
    return found


def through(nats):
    """Bytes that came to and went from the server so far."""
    if nats is None:
        return 0, 0
    with urllib.request.urlopen(f"http://127.0.0.1:{nats.monitor}/varz", timeout=10) as answer:
        told = json.load(answer)
    return told["in_bytes"], told["out_bytes"]


class Waits:
    """Counts fsync and fdatasync of some processes while it runs; none where perf(1) can't."""

    def __init__(self, processes):
        self.out = tempfile.NamedTemporaryFile("r", prefix="usage-ledger-waits-")
        events = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync"
        pids = ",".join(str(pid) for pid in processes.values())
        command = ["perf", "stat", "-x", ",", "-e", events, "-o", self.out.name, "-p", pids]
        try:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError:
            self.process = None

    def end(self):
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        counts = [line.split(",")[0] for line in self.out.read().splitlines() if ":sys_enter_" in line]
        return sum(int(count) for count in counts if count.isdigit()) if counts else None


def kept(folders):
    """Bytes below the folders of a shape, by kind."""
    found = {}
    for name, folder in folders.items():
        for path in folder.rglob("*"):
            if path.is_file():
                parts = path.relative_to(folder).parts
                kind = next((part for part in parts if part in ("log", "blobs", "cache", "store")), "other")
                found[(name, kind)] = found.get((name, kind), 0) + path.stat().st_blocks * 512
    return found


class Meter:
    """Measures steps of a life."""

    def __init__(self, processes, nats):
        self.processes, self.nats, self.steps = processes, nats, {}
        self._begin()

    def _begin(self):
        self.waits = Waits(self.processes)
        self.at, self.spent, self.through = time.perf_counter(), spent(self.processes), through(self.nats)

    def step(self, name):
        seconds, now, passed = time.perf_counter() - self.at, spent(self.processes), through(self.nats)
        each = {one: tuple(b - a for a, b in zip(self.spent[one], now[one])) for one in now}
        passed = tuple(b - a for a, b in zip(self.through, passed))
        self.steps[name] = (seconds, each, (*passed, self.waits.end() or 0))
        self._begin()


def life(url, processes, nats, path, wanted):
    """One file through its whole life."""
    import api
    from decimal import Decimal

    vendor = api.Http(url + "/public/v1", million.VENDOR, {})
    provider = api.Http(url + "/public/v1", million.DISTRIBUTOR, {})
    period = {"from": "2026-09-01", "to": "2026-09-30"}
    body = {"contract": {"id": million.CONTRACT}, "product": {"id": million.PRODUCT}, "period": period}
    file = f"usage/files/{vendor.post('usage/files', json=body).json()['id']}"
    meter = Meter(processes, nats)

    def until(read, done, what):
        return api.wait(read, done, what, million.SECONDS_MAX)

    with path.open("rb") as source:
        uploaded = vendor.post(f"{file}/upload", files={"usage_file": source})
    assert uploaded.status_code == 201, uploaded.text
    waiting = ("uploading", "uploaded", "processing")
    found = until(lambda: api.exact(vendor.get(file)), lambda it: it["status"] not in waiting, "ready")
    assert found["status"] == "ready", found
    meter.step(STEPS[0])
    vendor.post(f"{file}/submit")
    provider.post(f"{file}/accept", json={"acceptance_note": "ok"})
    chunks = "usage/chunks?usagefile.id=" + file.rsplit("/", 1)[1]
    closing = lambda it: it and all(chunk["status"] == "ready" for chunk in it) and len(it) == 3  # noqa: E731
    ready = until(lambda: provider.get(chunks).json(), closing, "chunks")
    meter.step(STEPS[1])
    for chunk in ready:
        closed = provider.post(f"usage/chunks/{chunk['id']}/close", json={"external_billing_id": chunk["id"]})
        assert closed.ok, closed.text
    found = until(lambda: api.exact(vendor.get(file)), lambda it: it["status"] == "closed", "closed")
    meter.step(STEPS[2])
    (total,) = found["totals"]["closed"]
    assert (total["records"], Decimal(total["quantity"])) == wanted, total
    return meter.steps


def whole(binary, folder, path, wanted):
    import server

    folder.mkdir()
    with server.Server(binary, folder / "data", CATALOG, folder / "server.log") as running:
        steps = life(running.url, {"all": running.process.pid}, None, path, wanted)
        memory = {"all": million.memory_mb(running.process.pid, "VmRSS")}
    began = time.perf_counter()
    with server.Server(binary, folder / "data", CATALOG, folder / "server.log"):
        print(f"  started again with all of it in {time.perf_counter() - began:.2f} s")
    return steps, kept({"all": folder / "data"}), memory


def apart(binary, folder, path, wanted):
    from apart import Apart

    with Apart(binary, folder, CATALOG) as running:
        processes = {name: process.process.pid for name, process in running.processes.items()}
        processes["nats"] = running.nats.process.pid
        steps = life(running.url, processes, running.nats, path, wanted)
        memory = {name: million.memory_mb(pid, "VmRSS") for name, pid in processes.items()}
        return steps, kept({name: home.folder for name, home in running.homes.items()}), memory


def show(name, rounds, records):
    print(f"\n{name}: {len(rounds)} rounds, {records} records; the middle of the rounds")
    columns = ("µs CPU", "B written", "B to NATS", "B from it", "waits/million")
    print(f"{'each for a record':<18} {'s':>7} " + " ".join(f"{column:>13}" for column in columns))
    middle = lambda values: statistics.median(list(values))  # noqa: E731
    for step in STEPS:
        found = [steps[step] for steps, *_ in rounds]
        processor = middle(sum(spent for spent, _ in each.values()) for _, each, _ in found)
        written = middle(sum(written for _, written in each.values()) for _, each, _ in found)
        passed = [middle(passed[at] for *_, passed in found) / records for at in (0, 1, 2)]
        seconds = middle(seconds for seconds, *_ in found)
        each = [f"{processor / records * 1e6:.1f}", f"{written / records:.0f}"]
        each += [f"{passed[0]:.0f}", f"{passed[1]:.0f}", f"{passed[2] * 1e6:.0f}"]
        print(f"{step:<18} {seconds:7.2f} " + " ".join(f"{value:>13}" for value in each))
    processes = sorted(rounds[0][0][STEPS[0]][1])
    for process in processes if len(processes) > 1 else ():
        of = [middle(steps[step][1][process][0] for steps, *_ in rounds) / records * 1e6 for step in STEPS]
        print(f"  {process:<16} " + "  ".join(f"{micros:6.1f}" for micros in of) + "   µs CPU for a record, by step")
    _, folders, memory = rounds[-1]
    print("  memory at the end, MB: " + ", ".join(f"{process} {memory[process]:.0f}" for process in sorted(memory)))
    for name, kind in sorted(folders, key=folders.get, reverse=True):
        size = folders[name, kind] / records
        if size >= 1:
            print(f"  {name:<12} {kind:<6} {size:8.0f} B kept for a record")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    run.in_venv(__file__)
    import venvs

    venvs.NATS.ensure()
    from decimal import Decimal

    folder = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-costs-"))
    try:
        path = folder / "usage.xlsx"
        tenths = million.write(path, given.records)
        wanted = (given.records, Decimal(tenths) / 10)
        rounds = {"one process": [], "apart": []}
        for number in range(given.rounds):
            for name, start in (("one process", whole), ("apart", apart)):
                own = folder / f"{name.split()[0]}-{number}"
                rounds[name].append(start(given.binary.resolve(), own, path, wanted))
                seconds = rounds[name][-1][0][STEPS[0]][0]
                print(f"round {number + 1}, {name}: ready after {seconds:.2f} s", flush=True)
                shutil.rmtree(own)
        for name, found in rounds.items():
            show(name, found, given.records)
        ready = [statistics.median(steps[STEPS[0]][0] for steps, *_ in found) for found in rounds.values()]
        print(f"\nupload to ready, apart against one process: {ready[1] / ready[0]:.2f} times")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
