#!/usr/bin/env python3
"""Reports last month's usage: one usage file for each distribution contract and product, submitted and counted.

Reads a CSV or JSON file with one line for each use (source.py says how it looks), finds every subscription in it under
your active distribution contracts, writes a workbook for each contract and product, uploads and submits it, waits until
the distributor has it, and compares the number of records that arrived with the number of lines. Nothing is sent
unless every subscription with usage can be reported; anything that is not as it should be ends with exit code 1 and a
sentence that says what to do.

Running it again is safe: a month that was reported is found by its external id and only counted again.

Examples:
  export CONNECT_ENDPOINT=http://127.0.0.1:8080/public/v1 CONNECT_API_KEY='ApiKey SU-…:secret'
  python generate.py --out usage.csv             # invented usage, to try it
  python processor.py --source usage.csv         # the previous month
  python processor.py --source usage.csv --month 2026-01
  python processor.py --source usage.csv --dry-run
"""

import argparse
import io
import os
import sys
import time
from calendar import monthrange
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date

import requests
from connect.client import ClientError, ConnectClient, R
from openpyxl import Workbook, load_workbook

import source

COLUMNS = (
    "record_id",
    "record_note",
    "item_search_criteria",
    "item_search_value",
    "quantity",
    "start_time_utc",
    "end_time_utc",
    "asset_search_criteria",
    "asset_search_value",
)
# Ids in one query: well below the length of an address that every proxy lets through.
IDS_AT_ONCE = 50
# Where a file with our external id stands when there is nothing left to send.
SENT = ("pending", "accepted", "closed")
# Where it takes another upload.
OPEN = ("draft", "invalid", "rejected")
ERRORS_SHOWN = 20


class ReportError(Exception):
    """Usage was not reported as it should have been."""


@dataclass
class Report:
    """What one usage file is to hold."""

    contract: dict
    product: dict
    usages: list
    file: str = ""
    reported: int = 0

    @property
    def title(self):
        return f"{self.contract['id']} × {self.product['id']}"


def previous_month(today):
    """The first day of the month before: of December when it is January."""
    return date(today.year - 1, 12, 1) if today.month == 1 else date(today.year, today.month - 1, 1)


def month_of(text, today=None):
    """The first day of a month written as YYYY-MM, of the previous month when none is given."""
    if not text:
        return previous_month(today or date.today())
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ReportError(f"Month {text!r} is not like 2026-10.") from None


class Processor:
    """Reports the usage of one month."""

    def __init__(self, client, month, wait_seconds=600, poll_seconds=1.0, say=print):
        self.client = client
        self.month = month
        self.last = date(month.year, month.month, monthrange(month.year, month.month)[1])
        self.wait_seconds = wait_seconds
        self.poll_seconds = poll_seconds
        self.say = say

    def run(self, usages, dry_run=False):
        """Reports usage; returns what was reported, or raises ReportError."""
        if not usages:
            self.say("There is no usage to report.")
            return []
        reports = self.plan(usages)
        if dry_run:
            return reports
        for report in reports:
            self.send(report)
        for report in reports:
            self.wait(report)
        self.compare(reports, usages)
        return reports

    # What is to be sent.

    def plan(self, usages):
        """One report for each contract and product; refuses before anything is sent if any usage fits none."""
        early = [usage for usage in usages if not self.month <= usage.start.date() <= self.last]
        if early:
            raise ReportError(
                f"{len(early)} lines do not begin in {self.month:%Y-%m}, the first is {early[0].record_id}. "
                "Give the source of that month only, or another --month."
            )
        waiting = defaultdict(list)
        for usage in usages:
            waiting[usage.subscription].append(usage)
        grouped = {}
        for contract in self.client.contracts.filter(R().type.oneof(["distribution"]) & R().status.oneof(["active"])):
            for asset in self.subscriptions(contract, sorted(waiting)):
                key = (contract["id"], asset["product"]["id"])
                report = grouped.setdefault(key, Report(contract, asset["product"], []))
                report.usages += waiting.pop(asset["id"])
        if waiting:
            raise ReportError(
                f"{len(waiting)} subscriptions with usage are under no active distribution contract of yours: "
                f"{', '.join(sorted(waiting)[:ERRORS_SHOWN])}. Nothing was sent."
            )
        for product in {report.product["id"] for report in grouped.values()}:
            self.check_schema(product)
        return [grouped[key] for key in sorted(grouped)]

    def subscriptions(self, contract, ids):
        """Those of some subscriptions that are under a contract."""
        found = []
        for start in range(0, len(ids), IDS_AT_ONCE):
            query = R().contract.id.oneof([contract["id"]]) & R().id.oneof(ids[start : start + IDS_AT_ONCE])
            found += self.client.assets.filter(query).order_by("product.id")
        return found

    def check_schema(self, product):
        """Only quantities are reported here: another schema needs prices that the source doesn't have."""
        capabilities = self.client.products[product].get().get("capabilities") or {}
        schema = (capabilities.get("ppu") or {}).get("schema")
        if schema != "QT":
            raise ReportError(
                f"Product {product} reports with schema {schema}, this processor with QT. Nothing was sent."
            )

    # Sending it.

    def send(self, report):
        """Brings one file to where only waiting is left: creates, uploads and submits what isn't sent already."""
        external_id = f"{report.contract['id']} {report.product['id']} {self.month:%Y-%m}"
        known = self.find(report, external_id)
        if known and known["status"] in SENT:
            report.file = known["id"]
            self.say(f"{report.title}: {report.file} is {known['status']} already")
            return
        report.file = known["id"] if known else self.create(report, external_id)
        files = self.client.ns("usage").files
        if known is None or known["status"] in OPEN:
            workbook = (f"{report.file}.xlsx", write_workbook(report.usages))
            files[report.file].action("upload").post(files={"usage_file": workbook})
        files[report.file].action("submit").post()
        self.say(f"{report.title}: {report.file}, {len(report.usages)} records submitted")

    def find(self, report, external_id):
        """The newest file of this contract, product and month that wasn't deleted."""
        query = R().external_id.eq(external_id) & R().contract.id.eq(report.contract["id"])
        query &= R().product.id.eq(report.product["id"]) & R().status.ne("deleted")
        return self.client.ns("usage").files.filter(query).order_by("-created.at").first()

    def create(self, report, external_id):
        """A draft for one contract and product."""
        marketplace = self.client.marketplaces[report.contract["marketplace"]["id"]].get()
        payload = {
            "name": f"{self.month:%d-%m-%Y} - {self.last:%d-%m-%Y}",
            "description": f"Usage of {self.month:%B %Y}",
            "period": {"from": self.month.isoformat(), "to": self.last.isoformat()},
            "currency": marketplace["currency"],
            "product": {"id": report.product["id"]},
            "contract": {"id": report.contract["id"]},
            "external_id": external_id,
        }
        return self.client.ns("usage").files.create(payload=payload)["id"]

    # Seeing that it arrived.

    def wait(self, report):
        """Waits until the distributor has the file; a file that turned invalid is explained row by row."""
        give_up = time.monotonic() + self.wait_seconds
        while True:
            file = self.client.ns("usage").files[report.file].get()
            if file["status"] in SENT:
                return
            if file["status"] == "invalid":
                raise ReportError(f"{report.title}: {report.file} is invalid.\n{self.explain(file)}")
            if file["status"] not in ("uploading", "uploaded", "processing", "ready"):
                note = file.get("rejection_note") or file.get("error_detail") or "no reason was given"
                raise ReportError(f"{report.title}: {report.file} is {file['status']}: {note}")
            if time.monotonic() > give_up:
                raise ReportError(
                    f"{report.title}: {report.file} is still {file['status']} after {self.wait_seconds} s. "
                    "Run this again later: it goes on where it stopped."
                )
            time.sleep(self.poll_seconds)

    def explain(self, file):
        """What is wrong with an invalid file: from its records, or from the processed workbook where those are none."""
        query = R().usagefile.id.eq(file["id"]) & R().status.eq("invalid")
        bad = self.client.ns("usage").records.filter(query)
        lines = [
            f"  {record.get('record_id') or record['id']}: {record.get('error_details', '')}"
            for record in bad.limit(ERRORS_SHOWN)[0:ERRORS_SHOWN]
        ]
        if not lines and file.get("processed_file_uri"):
            lines = list(errors_of_workbook(requests.get(file["processed_file_uri"], timeout=60).content))
        if file.get("error_detail"):
            lines.insert(0, f"  {file['error_detail']}")
        return "\n".join(lines) or "  The platform gives no reason."

    def compare(self, reports, usages):
        """Compares what arrived with the source: for each contract and product, each line, and in total."""
        wrong = []
        for report in reports:
            arrived = self.arrived(report)
            report.reported = arrived.total()
            if report.reported != len(report.usages):
                wrong.append(
                    f"{report.title}: {report.file} holds {report.reported} records, the source {len(report.usages)}"
                )
            expected = Counter(comparable(usage) for usage in report.usages)
            for text, more in (("is in the source only", expected - arrived), ("arrived only", arrived - expected)):
                wrong += [f"{' '.join(map(str, line))} {text}" for line in sorted(more)]
        total = sum(report.reported for report in reports)
        if wrong or total != len(usages):
            more = [f"and {len(wrong) - ERRORS_SHOWN} more"] if len(wrong) > ERRORS_SHOWN else []
            raise ReportError(
                f"{total} of {len(usages)} records arrived, and they are not those of the source:\n  "
                + "\n  ".join(wrong[:ERRORS_SHOWN] + more)
            )

    def arrived(self, report):
        """The records of a file, as they can be compared."""
        records = self.client.ns("usage").records.filter(R().usagefile.id.eq(report.file)).limit(1000)
        return Counter(
            (record["asset"]["id"], record["item"]["mpn"], float(record["usage"]))
            for record in records
            if record.get("status") != "invalid"
        )


def comparable(usage):
    """The client reads numbers as floats: the same text gives the same float, so that a line can be recognised."""
    return usage.subscription, usage.mpn, float(usage.quantity)


def write_workbook(usages):
    """A workbook with the records; every cell is text, so that no program on the way computes with it."""
    custom = sorted({name for usage in usages for name in usage.custom})
    book = Workbook(write_only=True)
    sheet = book.create_sheet("records")
    sheet.append([*COLUMNS, *custom])
    for usage in usages:
        start, end = (moment.strftime(source.TIME_FORMAT) for moment in (usage.start, usage.end))
        sheet.append(
            [
                usage.record_id,
                "",
                "item.mpn",
                usage.mpn,
                format(usage.quantity, "f"),
                start,
                end,
                "asset.id",
                usage.subscription,
                *(usage.custom.get(name, "") for name in custom),
            ]
        )
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def errors_of_workbook(content):
    """The rows of a processed workbook that say what is wrong with them."""
    rows = load_workbook(io.BytesIO(content), read_only=True)["records"].iter_rows(values_only=True)
    header = [str(name or "") for name in next(rows)]
    for row in rows:
        values = dict(zip(header, row))
        if values.get("error_codes"):
            yield f"  {values.get('record_id')}: {values.get('error_details') or values['error_codes']}"


def add_connection_arguments(parser):
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("CONNECT_ENDPOINT", "http://127.0.0.1:8080/public/v1"),
        help="the API; CONNECT_ENDPOINT when left out (default http://127.0.0.1:8080/public/v1)",
    )
    parser.add_argument(
        "--key",
        default=os.environ.get("CONNECT_API_KEY"),
        help="'ApiKey SU-…:secret'; better in CONNECT_API_KEY, where other users don't see it",
    )


def client_of(given):
    if not given.key:
        raise SystemExit("Give your API key in CONNECT_API_KEY or with --key.")
    return ConnectClient(given.key, endpoint=given.endpoint.rstrip("/"), use_specs=False)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_connection_arguments(parser)
    parser.add_argument(
        "--source", required=True, help="CSV or JSON with subscription_id, item_mpn, quantity, start, end"
    )
    parser.add_argument("--month", help="YYYY-MM; the previous month when left out")
    parser.add_argument("--wait", type=float, default=600, help="seconds to wait for each file (default 600)")
    parser.add_argument("--poll", type=float, default=1, help="seconds between two looks (default 1)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    given = parser.parse_args(arguments)
    try:
        usages = source.read(given.source)
        processor = Processor(client_of(given), month_of(given.month), given.wait, given.poll)
        reports = processor.run(usages, given.dry_run)
    except (ReportError, source.SourceError, OSError) as error:
        print(f"processor: {error}", file=sys.stderr)
        return 1
    except ClientError as error:
        print(f"processor: the platform refused: {error}", file=sys.stderr)
        return 1
    for report in reports:
        print(f"{report.title}: {report.file or 'not sent'}: {report.reported} of {len(report.usages)} records")
    print(f"total: {sum(report.reported for report in reports)} of {len(usages)} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
