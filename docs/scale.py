#!/usr/bin/env python3
"""What a load of usage records needs, from what one record costs: processor, disk, network, partitions and money.

    python3 docs/scale.py

Only the standard library. The costs are measured (`make bench` prints them); a day is then simulated: files of very
different sizes arrive by the hour, their contracts are spread over partitions, and each service of a partition takes
them in the order in which they come. docs/scale.md shows what this prints, and a test compares the two.
"""

import heapq
import random

# Microseconds of processor time for a record, services apart (`tests/clients/costs.py`, 500,000 records).
PROCESSOR = {"gateway": 0.5, "ingestion": 2.5, "validation": 10.2, "approval": 0.4, "catalog": 0.2, "extraction": 10.8}
NATS_PROCESSOR = 3.8
# Bytes for a record: written to the disks of services and of one NATS server, and kept by services; to and from NATS,
# and kept by each of its servers.
WRITTEN, KEPT = 2_835, 534
TO_NATS, FROM_NATS, NATS_KEPT = 1_112, 263, 166
# What a file costs however small it is: some twenty facts, each waiting for its disk and for its stream.
FILE_SECONDS = 0.1
# Copies of what NATS keeps, and of what the services keep (their own disk and its backup).
REPLICAS, COPIES = 3, 2

# Jobs that one service runs at a time for one partition.
JOBS = 2
# Share of a machine that may be busy at the busiest hour.
BUSY_MAX = 0.6
CORES = 8
# Assumed prices: a core for an hour, a gigabyte of disk for a month.
CORE_HOUR, GIGABYTE_MONTH = 0.04, 0.08

# Records of a file, and how many of a hundred files have so many.
SIZES = [(100, 40), (1_000, 30), (10_000, 20), (100_000, 9), (1_000_000, 1)]
CONTRACTS = 2_000
# The largest contract has so many times the usage of the tenth, and so on down.
SKEW = 0.8
# How much of a day's usage comes in each hour: reports are due in the morning.
HOURS = [2, 2, 2, 2, 3, 4, 6, 9, 12, 10, 8, 6, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2, 1, 1]
DAY = 24 * 3_600


def files_of(records, rng):
    """The files of a day, in the order in which they come: second, contract, records."""
    mean = sum(size * share for size, share in SIZES) / 100
    weights = [1 / (rank + 1) ** SKEW for rank in range(CONTRACTS)]
    count = round(records / mean)
    contracts = rng.choices(range(CONTRACTS), weights, k=count)
    hours = rng.choices(range(24), HOURS, k=count)
    sizes = rng.choices([size for size, _ in SIZES], [share for _, share in SIZES], k=count)
    return sorted((hour * 3_600 + rng.random() * 3_600, contract, size)
                  for hour, contract, size in zip(hours, contracts, sizes))


def simulate(files, partitions):
    """Seconds from upload to ready for each file, and how busy the busiest partition's validation is in its worst
    hour, as a share of its jobs."""
    placed = random.Random(7)
    partition_of = [placed.randrange(partitions) for _ in range(CONTRACTS)]
    free = {(stage, one): [0.0] * JOBS for stage in ("ingestion", "validation") for one in range(partitions)}
    busy, waits = {}, []
    for came, contract, size in files:
        at = came
        for stage in ("ingestion", "validation"):
            jobs = free[stage, partition_of[contract]]
            took = FILE_SECONDS / 2 + size * PROCESSOR[stage] / 1e6
            at = max(at, heapq.heappop(jobs)) + took
            heapq.heappush(jobs, at)
        hour = (partition_of[contract], int(came) // 3_600)
        busy[hour] = busy.get(hour, 0) + took
        waits.append(at - came)
    return sorted(waits), max(busy.values()) / (3_600 * JOBS)


def show(name, records_a_day):
    rng = random.Random(1)
    peak = max(HOURS) / sum(HOURS) * 24
    a_second = records_a_day / DAY
    services = sum(PROCESSOR.values())
    cores = a_second * (services + NATS_PROCESSOR * REPLICAS) / 1e6
    machines = max(3, -(-cores * peak / BUSY_MAX // CORES))
    kept = records_a_day * (KEPT * COPIES + NATS_KEPT * REPLICAS) / 1e9
    month = machines * CORES * CORE_HOUR * 24 * 30
    hour = a_second * peak
    written, passed = hour * (WRITTEN + TO_NATS * (REPLICAS - 1)), hour * (TO_NATS * REPLICAS + FROM_NATS)
    print(f"{name}: {records_a_day:.2e} records a day, {a_second:,.0f} a second, {hour:,.0f} in the busiest hour")
    print(f"  processor     {cores:6.1f} cores on average, {cores * peak:6.1f} in the busiest hour: "
          f"{machines:.0f} machines of {CORES} cores, {month:,.0f} a month")
    print(f"  written       {written / 1e6:6.0f} MB a second in the busiest hour")
    print(f"  through NATS  {passed * 8 / 1e6:6.0f} Mbit a second in the busiest hour")
    print(f"  kept          {kept:6,.0f} GB more each day; a year costs {kept * 365 * GIGABYTE_MONTH:,.0f} a month")
    files = files_of(records_a_day, rng)
    print(f"  simulated     {len(files):,} files; seconds from upload to ready:")
    print(f"    {'partitions':>10} {'half':>8} {'99 of 100':>10} {'last':>9} {'busiest partition':>18}")
    for partitions in (1, 2, 4, 8, 16):
        waits, busy = simulate(files, partitions)
        at = lambda share: waits[int((len(waits) - 1) * share)]  # noqa: E731
        print(f"    {partitions:>10} {at(0.5):>8.1f} {at(0.99):>10.1f} {waits[-1]:>9.0f} {busy * 100:>16.0f} %")


def main():
    show("10^9 a day", 1e9)
    print()
    show("10^11 a month", 1e11 / 30)


if __name__ == "__main__":
    main()
