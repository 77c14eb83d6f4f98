#!/usr/bin/env python3
"""Writes a usage source for processor.py to try it with: invented usage of your own subscriptions.

    python generate.py --month 2026-10 --items 4 --out usage.csv

Takes every subscription that may be reported under an active distribution contract, and some pay-as-you-go items of its
product with as many decimals as each allows. The same seed gives the same numbers.
"""

import argparse
import random
from calendar import monthrange
from datetime import datetime
from decimal import Decimal

import source
from processor import add_connection_arguments, client_of, month_of

# Usage of other subscriptions is refused: they were never active.
REPORTABLE = ("active", "suspended", "terminating", "terminated")
PLACES = {"integer": 0, "decimal(1)": 1, "decimal(2)": 2, "decimal(4)": 4, "decimal(8)": 8}


def generate(client, month, items_each, seed=1, contracts=None):
    """Invented usage of every reportable subscription, for some items of its product each."""
    rng = random.Random(seed)
    first = datetime(month.year, month.month, 1)
    last = datetime(month.year, month.month, monthrange(month.year, month.month)[1], 23, 59, 59)
    items = {}
    usages = []
    for asset in client.collection("assets").filter(f"in(status,({','.join(REPORTABLE)}))").order_by("id").limit(1000):
        if contracts is not None and asset["contract"]["id"] not in contracts:
            continue
        ended = (asset.get("events", {}).get("terminated") or {}).get("at")
        if asset["status"] == "terminated" and ended and datetime.fromisoformat(ended).replace(tzinfo=None) < last:
            continue
        product = asset["product"]["id"]
        if product not in items:
            known = client.products[product].collection("items").all().limit(1000)
            items[product] = [item for item in known if item["type"] == "ppu"]
        for item in rng.sample(items[product], min(items_each, len(items[product]))):
            places = PLACES[item["precision"]]
            quantity = Decimal(rng.randrange(1, 10 ** (places + 3))).scaleb(-places)
            custom = {"v.region": rng.choice(["eu-west", "zürich & genève", "007", "1e5"])}
            usages.append(source.Usage(asset["id"], item["mpn"], quantity, first, last, custom))
    return usages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_connection_arguments(parser)
    parser.add_argument("--month", help="YYYY-MM; the previous month when left out")
    parser.add_argument("--items", type=int, default=4, help="items for each subscription (default 4)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same numbers (default 1)")
    parser.add_argument("--out", default="usage.csv", help="the file to write (default usage.csv)")
    given = parser.parse_args()
    usages = generate(client_of(given), month_of(given.month), given.items, given.seed)
    source.write(given.out, usages)
    print(f"{given.out}: {len(usages)} lines of {len({usage.subscription for usage in usages})} subscriptions")


if __name__ == "__main__":
    main()
