#!/usr/bin/env python3
"""Points real clients at a freshly started server and checks what comes back.

    python3 tests/clients/run.py                              # target/release/usage-ledger
    python3 tests/clients/run.py --binary PATH --only http bad_input
    python3 tests/clients/run.py --shape apart                # each service on its own, over NATS; two gateways in turn

Makes the venvs with the published client packages in .cache if they aren't there (the only step that needs a
network), starts the server on a free loopback port with a data directory of its own, and ends it by its pid. One line for each check, and a
last line `N passed, N failed`. Exit code 0 only when nothing failed.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import venvs

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Far more than a slow machine needs; whatever hangs then is reported instead of waited for.
SECONDS_MAX = 1800
SUITES = ["bad_input", "http", "workbooks", "sdk_deviations", "decimals", "readers", "validation"]
SUITES += ["samples", "overlap", "queries", "objects", "openapi_client", "namespaces", "old_sdk", "cli", "billing"]
SUITES += ["reporting", "reported", "openapi", "rql", "demo", "compose", "moving", "portal"]

# Suites that have a server to themselves: they need months that nobody reported, or leave files in every status.
ALONE = ["openapi", "reported", "portal"]

# Suites whose clients can't share the packages of the others.
VENVS = {"old_sdk": venvs.OLD_SDK, "cli": venvs.CLI, "rql": venvs.RQL, "openapi": venvs.OPENAPI}
VENVS |= {"compose": venvs.HADOLINT, "portal": venvs.PORTAL}


def in_venv(script=__file__):
    """Starts the script again with the venv's Python, which it makes first if it is missing."""
    venvs.TESTS.ensure()
    if pathlib.Path(sys.prefix).resolve() != venvs.TESTS.folder.resolve():
        os.execv(venvs.TESTS.python, [str(venvs.TESTS.python), str(pathlib.Path(script).resolve()), *sys.argv[1:]])


def binary_of(given):
    """The binary to test: the one named, or the newest that was built."""
    if given:
        return given.resolve()
    built = [path for path in ROOT.glob("target/*/usage-ledger") if path.is_file()]
    if not built:
        sys.exit("No binary in target/. Build it with `cargo build --release`, or name one with --binary.")
    return max(built, key=lambda path: path.stat().st_mtime)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, help="the usage-ledger to test (default: the newest in target/)")
    parser.add_argument("--only", nargs="+", choices=SUITES, default=SUITES, help="only some suites")
    parser.add_argument("--shape", choices=["whole", "apart"], default="whole", help="one process, or several over NATS")
    parser.add_argument("--keep", action="store_true", help="keep the data directory and say where it is")
    parser.add_argument("--verbose", action="store_true", help="show where in the suites a check failed")
    given = parser.parse_args()
    in_venv()
    for suite in given.only:
        if suite in VENVS:
            VENVS[suite].ensure()
    if given.shape == "apart" or {"compose", "moving"} & set(given.only):
        venvs.NATS.ensure()
    for name in list(os.environ):
        # Everything is loopback: no proxy may stand between.
        if name.lower().endswith("_proxy"):
            del os.environ[name]
    binary = binary_of(given.binary)
    # Both end the server by leaving its `with`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"the checks took longer than {SECONDS_MAX} s"))
    signal.alarm(SECONDS_MAX)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="usage-ledger-clients-"))
    try:
        failed = run(binary, folder, given)
    finally:
        if given.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


def run(binary, folder, given):
    # The modules of the tests need the venv's packages.
    import catalog
    from checks import Checks

    started = time.monotonic()
    check = Checks(given.verbose)
    known = catalog.extended(ROOT / "schemas" / "demo-catalog.json", folder / "catalog.json")
    together = [name for name in given.only if name not in ALONE]
    for names in [together] * bool(together) + [[name] for name in given.only if name in ALONE]:
        serve(binary, folder, known, check, names, given.shape)
    print(f"{check.passed} passed, {len(check.failures)} failed in {time.monotonic() - started:.1f} s")
    return len(check.failures)


def serve(binary, folder, known, check, suites, shape):
    """Runs some suites, one after the other, against a ledger that is started for them."""
    import importlib

    import api
    from checks import Stop

    begun, catalog = time.monotonic(), folder / "catalog.json"
    with started(shape, binary, folder, suites[0], catalog) as server:
        print(f"{binary.name} ({shape}) at {server.url}, ready after {time.monotonic() - begun:.2f} s", flush=True)
        world = api.World(binary, server.url, known, check, folder)
        for name in suites:
            check.suite = name
            begun = time.monotonic()
            try:
                importlib.import_module(f"suites.{name}").run(world)
            except Stop as stop:
                print(f'stop  {name}: the rest needs "{stop}"', flush=True)
            print(f"      {name} took {time.monotonic() - begun:.1f} s", flush=True)
        check.suite = "server"
        with check("the server is still there"):
            assert server.alive, "it has ended"
        server.check(check)
    with check("the server's log holds no error and no panic"):
        lines = [line for log in server.logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
        bad = [line for line in lines if "panicked" in line or " ERROR " in line or "\x1b[31mERROR" in line]
        assert not bad, "\n".join(bad[:5])


def started(shape, binary, folder, name, catalog):
    """The ledger in a shape, not started yet."""
    from apart import Apart
    from server import Server

    if shape == "apart":
        return Apart(binary, folder / f"apart-{name}", catalog)
    return Server(binary, folder / f"data-{name}", catalog, folder / f"server-{name}.log")


if __name__ == "__main__":
    main()
