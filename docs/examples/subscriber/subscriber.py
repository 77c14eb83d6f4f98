#!/usr/bin/env python3
"""Keeps accepted usage records in a database, as a billing system would, and checks that none is missing.

Reads the feed as JSON (`usage-ledger subscriber add NAME --account PA-… --json`). What a message says and where it
stands are kept in one transaction, and only then is it acknowledged: stopped anywhere, it goes on without losing or
doubling a record.

Examples:
  python subscriber.py acme-billing --database billing.db
  python subscriber.py acme-billing --database billing.db --nats nats://10.0.0.1:4222 --credentials acme.creds --ca ca.pem
"""

import argparse
import asyncio
import json
import sqlite3
import ssl
import sys
from decimal import Decimal

import nats

# Messages that are asked for at once, and how long the server waits for the first of them.
MESSAGES_MAX = 50
SECONDS = 5

TABLES = """
create table if not exists seen (
  partition integer, sequence integer, number integer, primary key (partition, sequence, number)
);
create table if not exists chunk (id text primary key, header text, complete integer default 0, closed integer default 0);
create table if not exists record (id text primary key, chunk text, row integer, said text, billing text);
"""


def count(texts):
    """The exact sum of decimals."""
    return sum(map(Decimal, texts), Decimal(0))


class Database:
    """The billing system's own tables; replace it by yours."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path)
        self.connection.executescript(TABLES)

    def take(self, position, kind, said):
        """Keeps a message unless it is known already."""
        with self.connection as connection:
            known = connection.execute("insert or ignore into seen values (?, ?, ?)", position).rowcount == 0
            if not known:
                getattr(self, f"take_{kind}")(connection, said)

    def take_header(self, connection, said):
        connection.execute("insert into chunk (id, header) values (?, ?)", (said["chunk_id"], json.dumps(said)))

    def take_records(self, connection, said):
        rows = [(one["id"], said["chunk_id"], one["row"], json.dumps(one)) for one in said["records"]]
        connection.executemany("insert into record (id, chunk, row, said) values (?, ?, ?, ?)", rows)

    def take_trailer(self, connection, said):
        kept = connection.execute("select said from record where chunk = ?", (said["chunk_id"],))
        kept = [json.loads(one) for (one,) in kept]
        quantity = count(one["quantity"] for one in kept)
        amount = count(one.get("amount", 0) for one in kept)
        expected = [count(total[what] for total in said["totals"]) for what in ("quantity", "amount")]
        if (len(kept), [quantity, amount]) != (said["records"], expected):
            raise ValueError(f"{said['chunk_id']} is not complete: {len(kept)} of {said['records']} records")
        connection.execute("update chunk set complete = 1 where id = ?", (said["chunk_id"],))

    def take_billings(self, connection, said):
        for billing in said["billings"]:
            for rows in billing["rows"]:
                connection.execute(
                    "update record set billing = ? where chunk = ? and row between ? and ?",
                    (billing["id"], said["chunk_id"], rows["first"], rows["last"]),
                )

    def take_closed(self, connection, said):
        connection.execute("update chunk set closed = 1 where id = ?", (said["chunk_id"],))


async def read(given):
    database = Database(given.database)
    options = {"user_credentials": given.credentials} if given.credentials else {}
    if given.ca:
        options["tls"] = ssl.create_default_context(cafile=given.ca)
    inbox = f"_INBOX_subscriber-{given.name}".encode()
    connection = await nats.connect(given.nats, inbox_prefix=inbox, **options)
    feed = await connection.jetstream().pull_subscribe_bind(consumer=given.name, stream=given.stream)
    while True:
        try:
            messages = await feed.fetch(MESSAGES_MAX, timeout=SECONDS)
        except asyncio.TimeoutError:
            # Nothing waits. The client has a class of its own for it, and doesn't always use it.
            if given.once:
                break
            continue
        for message in messages:
            kind = message.headers["Ledger-Kind"]
            position = [message.headers["Ledger-Partition"], *message.headers["Ledger-Position"].split("/")]
            database.take(tuple(map(int, position)), kind, json.loads(message.data)[kind])
            await message.ack()
    # The last acknowledgements are on their way.
    await connection.flush()
    await connection.close()
    for name in ("record", "chunk"):
        print(name, *database.connection.execute(f"select count(*) from {name}").fetchone())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the subscriber's name")
    parser.add_argument("--stream", default="ACCEPTED_0", help="as `subscriber add` names it (default: %(default)s)")
    parser.add_argument("--database", default="billing.db", help="a file of SQLite (default: %(default)s)")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", help="where NATS is (default: %(default)s)")
    parser.add_argument("--credentials", help="the subscriber's file of credentials (.creds)")
    parser.add_argument("--ca", help="the certificate of the authority that signed the server's")
    parser.add_argument("--once", action="store_true", help="end when nothing waits")
    try:
        asyncio.run(read(parser.parse_args()))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
