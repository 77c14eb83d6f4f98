#!/usr/bin/env python3
"""Brings accepted usage from the ledger into a billing system, and says in the ledger what was billed.

Made for a scheduler: one pass and an end. Usage with prices comes in workbooks, one for each accepted file of your hub:
each is handed over once, and closed when the billing system has processed it. Usage in quantities is fetched customer
by customer, with its total over the life of the subscription, and closed record by record.

Running it again is safe, also after it was stopped in the middle: what was handed over is marked in the ledger, what is
closed isn't listed any more, and a workbook that is handed over twice is the same file.

Examples:
  export CONNECT_ENDPOINT=http://127.0.0.1:8080/public/v1 CONNECT_API_KEY='ApiKey SU-…:secret'
  python connector.py --hub d4de16a9-63de-4900-a8a8-ad1832982042 --billing ./billing
"""

import argparse
import json
import os
import pathlib
import sys
from decimal import Decimal

from connect.client import ClientError, ConnectClient, R

SENT = "Uploaded to billing automatically, please track result there"
# Decimals of each precision; the billing system counts in whole units of the last one.
PLACES = {"integer": 0, "decimal(1)": 1, "decimal(2)": 2, "decimal(4)": 4, "decimal(8)": 8}
# Records in one request to close: a request stays small, and a pass that is stopped loses little.
RECORDS_AT_ONCE = 100


class BillingError(Exception):
    """Something isn't as it has to be before anything is billed."""


class Folder:
    """A billing system as a folder; replace it by yours.

    `tenants.txt` names a customer's subscription a line (`external_uid`), `in/` takes workbooks, a file
    `processed/<chunk id>` holds the number of the batch that a workbook was billed with, and `totals/` has what each
    customer used up to now.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def tenants(self):
        path = self.path / "tenants.txt"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def take_workbook(self, chunk, content):
        self._write(f"in/{chunk}.xlsx", content)

    def batch_of(self, chunk):
        """The batch that a workbook was billed with; None while it waits."""
        path = self.path / "processed" / chunk
        return path.read_text(encoding="utf-8").strip() if path.exists() else None

    def take_totals(self, tenant, totals):
        self._write(f"totals/{tenant}.json", json.dumps(totals, indent=1, sort_keys=True).encode())

    def _write(self, name, content):
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # Never half a file under its name.
        fresh = target.with_name(f".{target.name}")
        fresh.write_bytes(content)
        fresh.replace(target)


class Connector:
    """One pass over what a hub has to bill."""

    def __init__(self, client, hub_uuid, billing, say=print):
        self.client = client
        self.hub_uuid = hub_uuid
        self.billing = billing
        self.say = say

    def run(self):
        """Returns how many chunks were handed over, how many were closed, and how many records were closed."""
        handed = closed = 0
        chunks = R().status.eq("ready") & R().binding.hub.id.eq(self.hub())
        # Closing changes what is listed, so the list is read to its end first.
        for chunk in list(self.client.ns("usage").chunks.filter(chunks).limit(1000)):
            # Quantities go customer by customer.
            if chunk["usagefile"]["schema"] == "qt":
                continue
            if not chunk.get("external_id"):
                self.hand_over(chunk["id"])
                handed += 1
            elif batch := self.billing.batch_of(chunk["id"]):
                self.close(chunk["id"], batch)
                closed += 1
        return handed, closed, sum(self.tenant(uid) for uid in self.billing.tenants())

    def hub(self):
        """The ledger's id of our commerce system."""
        hub = self.client.hubs.filter(f"eq(instance__id,{self.hub_uuid})").first()
        if hub is None:
            raise BillingError(f"No hub of yours has the instance {self.hub_uuid}. Check --hub and the key's account.")
        return hub["id"]

    def hand_over(self, chunk):
        known = self.client.ns("usage").chunks[chunk]
        self.billing.take_workbook(chunk, known.action("download").get())
        known.update(payload={"external_id": SENT})
        self.say(f"{chunk} was handed over")

    def close(self, chunk, batch):
        known = self.client.ns("usage").chunks[chunk]
        known.update(payload={"external_id": f"hub_batch_{batch}"})
        note = f"Processed in billing by batch {batch}"
        known.action("close").post(payload={"external_billing_id": batch, "external_billing_note": note})
        self.say(f"{chunk} was billed with batch {batch}")

    def tenant(self, uid):
        """Bills the quantities of one customer's subscription; how many records were closed."""
        # Listed before the totals are read: a record that comes between is in the totals and stays open until the
        # next pass, never the other way round.
        query = R().status.eq("approved") & R().asset.external_uid.eq(uid) & R().usagefile.schema.eq("qt")
        records = [record["id"] for record in self.client.ns("usage").records.filter(query)]
        if not records:
            return 0
        self.billing.take_totals(uid, self.totals(uid))
        close = self.client.ns("usage").ns("records").collection("close-records")
        closed = 0
        for start in range(0, len(records), RECORDS_AT_ONCE):
            some = records[start : start + RECORDS_AT_ONCE]
            answer = close.bulk_create([{"id": record, "external_billing_note": f"Tenant {uid}"} for record in some])
            refused = [one for one in answer if one["status"] != "closed"]
            closed += len(some) - len(refused)
            for one in refused:
                self.say(f"{one['id']} stays open: {one['error_details']}")
        return closed

    def totals(self, uid):
        """What a subscription used of each item up to now, in whole units of the item's last decimal."""
        totals = {}
        for one in self.client.ns("usage").collection("aggregates").filter(asset__external_uid=uid):
            item = one["item"]
            used = one["consumed"] if item["type"].lower() == "reservation" else one["accepted"]
            totals[item["mpn"]] = int(Decimal(str(used)).scaleb(PLACES[item["precision"]]))
        return totals


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("CONNECT_ENDPOINT", "http://127.0.0.1:8080/public/v1"),
        help="the API; CONNECT_ENDPOINT when left out (default http://127.0.0.1:8080/public/v1)",
    )
    key = os.environ.get("CONNECT_API_KEY")
    parser.add_argument("--key", default=key, help="'ApiKey SU-…:secret'; better in CONNECT_API_KEY")
    parser.add_argument("--hub", required=True, help="the id of the commerce system itself (`instance.id` of its hub)")
    parser.add_argument("--billing", required=True, help="the folder that stands for the billing system")
    given = parser.parse_args(arguments)
    if not given.key:
        parser.error("give your API key in CONNECT_API_KEY or with --key")
    client = ConnectClient(given.key, endpoint=given.endpoint.rstrip("/"), use_specs=False)
    try:
        handed, closed, records = Connector(client, given.hub, Folder(given.billing)).run()
    except (BillingError, OSError) as error:
        print(f"connector: {error}", file=sys.stderr)
        return 1
    except ClientError as error:
        print(f"connector: the platform refused: {error}", file=sys.stderr)
        return 1
    print(f"{handed} chunks handed over, {closed} chunks closed, {records} records closed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
