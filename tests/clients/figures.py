#!/usr/bin/env python3
"""Adds up a usage file in every form that it takes, with openpyxl and Decimal, and compares the sums to the last digit.

Count and total quantity for each subscription and item, from the vendor's workbook, the processed ones, the chunks, the
reconciliation workbooks and the records of the API. Nothing of the ledger's own code is used. Exit code 0 only when
all agree.

    usage-ledger demo --exit --data demo-data
    python3 tests/clients/figures.py --data demo-data --binary target/release/usage-ledger
    python3 tests/clients/figures.py --source a.xlsx --processed b.xlsx --chunk c.xlsx d.xlsx --reconciliation e.xlsx \\
        --url http://127.0.0.1:8080 --key 'ApiKey SU-…:secret'

A quantity that is text is taken as it stands. One that is a number is a double in the file: it stands for the shortest
decimal that names the same double, or, where that has more decimals than the item allows, for its first 15 digits.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, Inexact, getcontext

from openpyxl import load_workbook

from catalog import OPERATOR, Catalog
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = {"integer": 0, "decimal(1)": 1, "decimal(2)": 2, "decimal(4)": 4, "decimal(8)": 8}
PAGE = 1000
# A sum that doesn't fit is an error, never a rounded sum.
getcontext().prec = 100
getcontext().traps[Inexact] = True


@dataclass
class Figures:
    """Count and total for each (subscription, item)."""

    name: str
    sums: dict = field(default_factory=lambda: defaultdict(lambda: (0, Decimal(0))))
    ids: set = field(default_factory=set)
    # Records that stand twice in one form of the file.
    repeated: list = field(default_factory=list)

    def add(self, record_id, key, quantity):
        if record_id in self.ids:
            self.repeated.append(record_id)
        self.ids.add(record_id)
        count, total = self.sums[key]
        self.sums[key] = (count + 1, total + quantity)

    def whole(self):
        return sum(count for count, _ in self.sums.values()), sum(
            (total for _, total in self.sums.values()), Decimal(0)
        )


class Reader:
    """Reads workbooks; the catalog says which subscription and item a row means."""

    def __init__(self, catalog, contract, product):
        self.catalog = catalog
        self.contract = contract
        self.product = product

    def rows(self, path):
        book = load_workbook(path, read_only=True, data_only=True)
        tab = "records" if "records" in book.sheetnames else "usage_records"
        found = book[tab].iter_rows(values_only=True)
        header = ["_".join(str(name or "").strip().lower().split()) for name in next(found)]
        for row in found:
            if any(cell not in (None, "") for cell in row):
                yield dict(zip(header, row, strict=False))
        book.close()

    def read(self, name, paths, billed_only=False):
        figures = Figures(name)
        for path in paths:
            for row in self.rows(path):
                if billed_only and not (row.get("external_billing_id") or row.get("external_billing_note")):
                    continue
                key = self.key(row)
                figures.add(str(row["record_id"]), key, self.quantity(row["quantity"], key))
        return figures

    def key(self, row):
        return self.subscription(row), self.item(row)

    def subscription(self, row):
        criteria, value = str(row["asset_search_criteria"]), str(row["asset_search_value"])
        if criteria == "asset.id":
            return value
        parameter = criteria.removeprefix("parameter.")
        found = self.catalog.by_parameter[self.product, parameter, value]
        found = [one for one in found if self.catalog.assets[one]["contract"]["id"] == self.contract]
        if len(found) != 1:
            raise SystemExit(f"{parameter} = {value} names {len(found)} subscriptions")
        return found[0]

    def item(self, row):
        criteria, value = str(row["item_search_criteria"]), str(row["item_search_value"])
        item = self.catalog.items[value] if criteria == "item.global_id" else self.catalog.by_mpn[self.product, value]
        return item["id"]

    def quantity(self, cell, key):
        if isinstance(cell, str):
            return Decimal(cell.strip())
        if isinstance(cell, int):
            return Decimal(cell)
        places = PLACES[self.catalog.items[key[1]]["precision"]]
        shortest = Decimal(repr(cell))
        if decimals(shortest) <= places:
            return shortest
        fifteen = Decimal(f"{cell:.15g}")
        return fifteen if decimals(fifteen) <= places else shortest


def decimals(number):
    return max(0, -number.normalize().as_tuple().exponent)


def general(path):
    """The general tab as a dict."""
    book = load_workbook(path, read_only=True)
    rows = {row[0]: row[1] for row in book["general"].iter_rows(values_only=True) if row and row[0]}
    book.close()
    return rows


def from_api(url, key, file):
    """All records of a file, and those of them that are closed."""
    whole, closed = Figures("API"), Figures("API, closed")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    offset, total = 0, 1
    while offset < total:
        query = f"usagefile.id={file}&limit={PAGE}&offset={offset}"
        request = urllib.request.Request(f"{url}/public/v1/usage/records?{query}", headers={"Authorization": key})
        with opener.open(request, timeout=60) as answer:
            total = int(answer.headers["Content-Range"].rsplit("/")[1])
            records = json.loads(answer.read(), parse_float=Decimal, parse_int=Decimal)
        if not records:
            break
        offset += len(records)
        for record in records:
            for figures in (whole, closed) if record["status"] == "closed" else (whole,):
                figures.add(record["record_id"], (record["asset"]["id"], record["item"]["id"]), record["usage"])
    return [whole, closed]


def compare(forms, partial, say=print):
    """Prints a table and gives the differences from the first form. Forms named in `partial` may lack whole keys."""
    first = forms[0]
    differences = [f"{form.name}: record {one} stands twice" for form in forms for one in form.repeated]
    say(f"{'subscription':<20} {'item':<22}" + "".join(f"{form.name:>30}" for form in forms))
    for key in sorted(set().union(*(form.sums for form in forms))):
        cells = [form.sums.get(key) for form in forms]
        say(f"{key[0]:<20} {key[1]:<22}" + "".join(f"{shown(cell):>30}" for cell in cells))
        for form, cell in zip(forms, cells, strict=True):
            if cell != cells[0] and not (cell is None and form.name in partial):
                differences.append(f"{key[0]} {key[1]}: {first.name} {shown(cells[0])}, {form.name} {shown(cell)}")
    say(f"{'all':<43}" + "".join(f"{shown(form.whole()):>30}" for form in forms))
    for form in forms[1:]:
        lost, more = first.ids - form.ids, form.ids - first.ids
        if more or (lost and form.name not in partial):
            differences.append(f"{form.name}: {len(lost)} record ids are missing, {len(more)} are unknown")
    return differences


def shown(cell):
    return "–" if cell is None else f"{cell[0]} × {cell[1]:f}"


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="a demo's data directory: its demo-files are read")
    parser.add_argument("--binary", type=pathlib.Path, help="start this on --data to read the records of the API")
    parser.add_argument("--source", type=pathlib.Path, nargs="+", default=[], help="the vendor's workbook")
    parser.add_argument("--processed", type=pathlib.Path, nargs="+", default=[], help="processed workbooks, each whole")
    parser.add_argument("--chunk", type=pathlib.Path, nargs="+", default=[], help="chunks, together the whole file")
    parser.add_argument("--reconciliation", type=pathlib.Path, nargs="+", default=[], help="reconciliation workbooks")
    parser.add_argument("--catalog", type=pathlib.Path, default=ROOT / "schemas" / "demo-catalog.json")
    parser.add_argument("--url", help="a running ledger")
    parser.add_argument("--key", help="an API key for it (default: the demo's operator)")
    parser.add_argument("--totals", action="store_true", help="print the last line of the table only")
    given = parser.parse_args(arguments)
    if given.data:
        folder = given.data / "demo-files"
        given.source += sorted(folder.glob("source*.xlsx"))
        given.processed += sorted(folder.glob("processed-*.xlsx"))
        given.chunk += sorted(folder.glob("UFC-*.xlsx"))
        given.reconciliation += sorted(folder.glob("reconciliation-*.xlsx"))
    if not given.source or not given.processed + given.chunk:
        parser.error("give --data, or --source and at least one --processed or --chunk")
    return given


def main(arguments=None):
    given = parsed(arguments)
    catalog = Catalog(given.catalog)
    about = general((given.processed + given.chunk)[0])
    reports = {general(path)["report_id"] for path in given.processed + given.chunk}
    if len(reports) != 1:
        raise SystemExit(f"The workbooks are of several files: {', '.join(sorted(reports))}")
    reader = Reader(catalog, about["distribution_contract_id"], about["product_id"])
    forms = [reader.read("source", given.source)]
    forms += [reader.read(path.stem[:28], [path]) for path in given.processed]
    if given.chunk:
        forms.append(reader.read(f"{len(given.chunk)} chunks", given.chunk))
    partial = set()
    if given.reconciliation:
        forms.append(reader.read("reconciled", given.reconciliation, billed_only=True))
        # What was closed by its chunk is in no reconciliation.
        partial.add("reconciled")
    key = given.key or catalog.keys[OPERATOR]
    if given.binary:
        with tempfile.NamedTemporaryFile() as log, Server(given.binary, given.data, given.catalog, log.name) as server:
            forms += from_api(server.url, key, about["report_id"])
    elif given.url:
        forms += from_api(given.url, key, about["report_id"])
    lines = []
    differences = compare(forms, partial, lines.append)
    print("\n".join(lines[:1] + lines[-1:] if given.totals else lines))
    if differences:
        print(f"\n{len(differences)} differences:\n  " + "\n  ".join(differences[:50]), file=sys.stderr)
        return 1
    print(
        f"\n{about['report_id']}: {len(forms)} forms agree on {len(forms[0].sums)} sums of {len(forms[0].ids)} records"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
