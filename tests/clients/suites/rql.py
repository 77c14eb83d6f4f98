"""20,000 random queries, answered by ours and by Connect's own libraries over the same rows, and every published filter
of every list through HTTP.

../rql_oracle.py says how. RQL_SEED makes other queries; a failure says the seed. Ours is an example of the crate rql,
which `make test` builds beside the server.
"""

import os
import subprocess
from pathlib import Path

import catalog as ids
import rql_oracle
import venvs
from checks import holds, same

QUERIES = 20_000
SECONDS_MAX = 240
PUBLISHED = Path(__file__).parents[3] / "services" / "rql" / "src" / "tests" / "published.tsv"
LISTS = {"files": "usage/files", "records": "usage/records", "chunks": "usage/chunks",
         "reconciliations": "usage/reconciliations", "aggregates": "usage/aggregates",
         "rules": f"products/{ids.PULSE}/usage/rules"}


def run(world):
    seed = os.environ.get("RQL_SEED", "1")
    binary = world.binary.parent / "examples" / "answers"
    with world.check(f"{QUERIES:,} queries are answered as by lib-rql and django-rql (RQL_SEED={seed})"):
        holds(binary.exists(), f"{binary} is missing; build it with `cargo build -p rql --example answers`")
        command = [venvs.RQL.python, rql_oracle.__file__, "--binary", binary, "--queries", str(QUERIES), "--seed", seed]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
        holds(done.returncode == 0, done.stdout + done.stderr)
    published(world)


def published(world):
    """Who is told what of each filter; that it finds what it should is tested beside the catalogue."""
    lines = [line for line in PUBLISHED.read_text().splitlines() if not line.startswith("#")][1:]
    http = world.http(ids.OPERATOR)

    def ask(path, query):
        answer = http.get(f"{path}?{query}&limit=0")
        told = answer.json()["errors"][0] if answer.status_code == 400 else ""
        return answer.status_code, told

    for name, path in LISTS.items():
        with world.check(f"{path}: every published filter is taken, and nothing else of it"):
            same(ask(path, "nothing=1&like(nothing.else,*)")[0], 200, "status of unknown names")
            filters = [line.split("\t") for line in lines if line.startswith(f"{name}\t")]
            holds(filters, "no filter is published")
            for _, filter_, _, lookups, beyond, flags, values in filters:
                sample = values.split()[0] if values != "-" else "2026-10-01" if "ge" in lookups else "x"
                for lookup in {*lookups.split(), *beyond.split()} - {"-", "null"}:
                    value = f"({sample})" if lookup in ("in", "out") else sample
                    same(ask(path, f"{lookup}({filter_},{value})"), (200, ""), f"{lookup}({filter_},{value})")
                same(ask(path, f"ordering({filter_})")[0], 200 if "o" in flags else 400, f"ordering({filter_})")
                if values != "-":
                    told = ask(path, f"{filter_}={sample.swapcase()}")
                    holds(told[0] == 400 and told[1].startswith("RQL Value error."), f"{filter_}: {told}")
                if "ge" not in lookups:
                    told = ask(path, f"gt({filter_},{sample})")
                    holds(told[0] == 400 and told[1].startswith("RQL Lookup error."), f"{filter_}: {told}")
