"""20,000 random queries, answered by ours and by Connect's own libraries over the same rows.

../rql_oracle.py says how. RQL_SEED makes other queries; a failure says the seed. Ours is an example of the crate rql,
which `make test` builds beside the server.
"""

import os
import subprocess

import rql_oracle
import venvs
from checks import holds

QUERIES = 20_000
SECONDS_MAX = 240


def run(world):
    seed = os.environ.get("RQL_SEED", "1")
    binary = world.binary.parent / "examples" / "answers"
    with world.check(f"{QUERIES:,} queries are answered as by lib-rql and django-rql (RQL_SEED={seed})"):
        holds(binary.exists(), f"{binary} is missing; build it with `cargo build -p rql --example answers`")
        command = [venvs.RQL.python, rql_oracle.__file__, "--binary", binary, "--queries", str(QUERIES), "--seed", seed]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
        holds(done.returncode == 0, done.stdout + done.stderr)
