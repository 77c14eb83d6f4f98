#!/usr/bin/env python3
"""Reports usage records over NATS, batch by batch, and prints what became of them.

    python3 producer.py --nats nats://127.0.0.1:4222 --contract CRD-… --product PRD-… < records.ndjson

A line of the input is a record, as docs/records-by-api.md describes it. Each batch has a key made of its own bytes, so a
batch that may have been lost is sent again without harm, also by the next run. With --stream nobody is waited for but
the stream: what can't be taken is then a dead letter of the ledger's operator.

Exit codes: 0 all of it is in the ledger (or in the stream), 1 something was refused, 2 nobody answered.
"""

import argparse
import asyncio
import hashlib
import json
import ssl
import sys

import nats

# A receipt takes milliseconds; a gateway or a service that starts again takes seconds.
WAIT_SECONDS = 10
TRIES = 6
# Well below what a message may have, and so is their receipt.
BATCH_RECORDS = 500


class Unanswered(Exception):
    """Nobody took a batch."""


async def ask(connection, subject, body, headers):
    """The status and the receipt of a batch; it is sent again, with the same key, until there is one."""
    reason = None
    for attempt in range(TRIES):
        try:
            reply = await connection.request(subject, body, timeout=WAIT_SECONDS, headers=headers)
        except (nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
            reason = error
        else:
            status = int(reply.headers["Ledger-Status"])
            if status < 500:
                return status, json.loads(reply.data)
            reason = json.loads(reply.data)["errors"]
        await asyncio.sleep(attempt)
    raise Unanswered(reason)


async def send(connection, subject, body, headers):
    """Puts a batch into the stream; it is kept when this returns."""
    reason = None
    for attempt in range(TRIES):
        try:
            return await connection.jetstream().publish(subject, body, timeout=WAIT_SECONDS, headers=headers)
        except (nats.errors.TimeoutError, nats.js.errors.NoStreamResponseError) as error:
            reason = error
        await asyncio.sleep(attempt)
    raise Unanswered(reason)


def batches(lines):
    """The records of the input, so many at a time."""
    batch = []
    for line in lines:
        if line.strip():
            # Numbers stay the digits that they were written with.
            batch.append(json.loads(line, parse_float=str, parse_int=str))
        if len(batch) == BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def show(status, told):
    """Prints what became of a batch; whether all of it is in the ledger."""
    if status != 200:
        print(f"refused: {told['error_code']} {' '.join(told['errors'])}", file=sys.stderr)
        return False
    for record in told["records"]:
        if record["result"] in ("conflicting", "refused"):
            why = "; ".join(error["message"] for error in record.get("errors", [])) or "other values are known"
            print(f"{record.get('record_id', '')}: {record['result']}: {why}", file=sys.stderr)
    counts = {name: told[name] for name in ("added", "identical", "conflicting", "refused")}
    print(json.dumps({"file": told["file"]["id"], **counts}))
    return counts["conflicting"] == counts["refused"] == 0


async def report(arguments, lines):
    """Reports everything; whether all of it was taken."""
    options = {"servers": arguments.nats.split(",")}
    if arguments.credentials:
        options["user_credentials"] = arguments.credentials
    if arguments.ca:
        options["tls"] = ssl.create_default_context(cafile=arguments.ca)
    if arguments.user:
        options["inbox_prefix"] = f"_INBOX_{arguments.user}"
    connection = await nats.connect(**options)
    about, taken = f"{arguments.contract}.{arguments.product}", True
    try:
        for batch in batches(lines):
            body = json.dumps({"records": batch}).encode()
            headers = {"Content-Type": "application/json", "Nats-Msg-Id": hashlib.sha256(body).hexdigest()}
            if arguments.stream:
                await send(connection, f"reports.{about}", body, headers)
            else:
                taken &= show(*await ask(connection, f"report.{about}", body, headers))
    finally:
        await connection.close()
    return taken


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="where NATS is")
    parser.add_argument("--contract", required=True)
    parser.add_argument("--product", required=True)
    parser.add_argument("--stream", action="store_true", help="don't wait for receipts")
    parser.add_argument("--credentials", help="a file of NATS credentials")
    parser.add_argument("--ca", help="the certificate of the authority that signed the server's")
    parser.add_argument("--user", help="the name of their user, after which its inboxes are called")
    arguments = parser.parse_args(words)
    try:
        return 0 if asyncio.run(report(arguments, sys.stdin)) else 1
    except Unanswered as error:
        print(f"nobody answered: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
