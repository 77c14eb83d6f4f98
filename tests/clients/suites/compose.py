"""compose.yaml: its commands as processes, a file through its life by one gateway and read by the other, and what keeps
a container from doing more than it must.
"""

import json
import subprocess
import urllib.request

import api
import books
import catalog as ids
import venvs
from checks import holds, same
from composed import ROOT, Composed

SERVICES = ["catalog", "approval", "ingestion", "validation", "extraction", "gateway-1", "gateway-2"]
SERVERS = ["nats-1", "nats-2", "nats-3"]
STREAMS = ["LEDGER_0_approval", "LEDGER_0_catalog", "LEDGER_0_extraction", "LEDGER_0_ingestion", "LEDGER_0_validation"]


def run(world):
    composed = Composed(world.binary, world.folder / "compose")
    with world.check("every container is one that can't do more than it must"):
        contained(composed)
    with world.check("hadolint has nothing to say about the recipe of the images"):
        recipe = ROOT / "services" / "usage-ledger" / "container" / "Containerfile"
        done = subprocess.run([venvs.HADOLINT.tool("hadolint"), recipe], capture_output=True, text=True, timeout=60)
        same((done.returncode, done.stdout), (0, ""))
    with composed:
        lives(world, composed)


def contained(composed):
    same(sorted(composed.services), sorted(["trust", *SERVERS, *SERVICES]), "the services")
    for name, service in composed.services.items():
        hardened = (service["read_only"], service["cap_drop"], service["security_opt"])
        same(hardened, (True, ["ALL"], ["no-new-privileges:true"]), name)
        allowed = {"privileged", "cap_add", "devices", "pid", "ipc", "user", "network_mode"} & set(service)
        same(allowed, {"network_mode"} if name == "trust" else set(), f"what {name} is allowed")
        same(service["restart"], "no" if name == "trust" else "unless-stopped", f"restart of {name}")
        for port in service.get("ports", []):
            holds(port.startswith("127.0.0.1:"), f"{name} is open to the network at {port}")
    written = [mount for service in composed.services.values() for mount in service["volumes"] if isinstance(mount, str)]
    same(len(written), len(set(written)), "a volume that two services write")


def lives(world, composed):
    check = world.check
    with check("it starts in its order, and every health check answers", needed=True):
        composed.up()
    first, second = (through(world, composed, name) for name in ("gateway-1", "gateway-2"))
    with check("a catalog is imported where the catalog runs", needed=True):
        text = (world.folder / "catalog.json").read_bytes()
        done = composed.call("catalog", "usage-ledger", "catalog", "import", "/dev/stdin", input=text, capture_output=True)
        same(done.returncode, 0, f"exit code ({done.stderr.decode()})")
    with check("a file lives its life by one gateway and is read by the other", needed=True):
        workbook = books.openpyxl_book([first.row("composed-1"), first.row("composed-2", place=1)])
        file = first.accepted(ids.VENDOR, ids.DISTRIBUTOR, ids.PULSE, ids.AGREEMENT, workbook)
        shown = second.client(ids.VENDOR)("usage").files[file].get()
        same((shown["status"], shown["stats"]["validated"]), ("accepted", 2))
        chunks = [chunk["id"] for chunk in second.chunks(ids.DISTRIBUTOR, file)]
        same(chunks, [chunk["id"] for chunk in first.chunks(ids.DISTRIBUTOR, file)], "the chunks")
    with check("each stream is on three servers that sync before they acknowledge"):
        for server in SERVERS:
            address = f"http://127.0.0.1:{composed.port(server, 8222)}/jsz?streams=true&config=true&accounts=true"
            told = json.load(urllib.request.urlopen(address, timeout=10))
            same(told["config"]["sync_always"], True, f"sync_always of {server}")
            details = [stream for account in told["account_details"] for stream in account.get("stream_detail", [])]
            found = {stream["name"]: stream["config"]["num_replicas"] for stream in details}
            same({name: found.get(name) for name in STREAMS}, dict.fromkeys(STREAMS, 3), f"streams of {server}")
    with check("stopped in the opposite order, every service ends well"):
        codes = composed.down()
        same({name: codes[name] for name in SERVICES}, dict.fromkeys(SERVICES, 0), "exit codes")
    with check("started again, it has what it had"):
        composed.up()
        again = second.client(ids.DISTRIBUTOR)("usage").files[file].get()
        same((again["status"], again["stats"]["validated"]), ("accepted", 2))


def through(world, composed, name):
    """The same world, seen through one gateway."""
    return api.World(world.binary, composed.url(name), world.catalog, world.check, world.folder)
