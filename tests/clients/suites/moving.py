"""A ledger in one process is split into services and partitions, and each of them moves to another machine while files go through
their lives: every digest is what it was, and nothing that was acknowledged is missing.
"""

import threading

import api
import books
import catalog as ids
from apart import Apart, state
from checks import same
from server import Server

# The contract of the files is in the second.
PARTITIONS = 2
# Files that go through their lives at a time.
AT_ONCE = 2


def run(world):
    check, catalog = world.check, world.folder / "catalog.json"
    whole, before = world.folder / "moving-whole", {}
    with check("a ledger in one process has a history", needed=True):
        log, options = world.folder / "moving-whole.log", ["--partitions", PARTITIONS]
        with Server(world.binary, whole, catalog, log, *options) as server:
            history = seen(world, server)
            history.chunks(ids.DISTRIBUTOR, lives(history, "whole"))
            before |= state(world.binary, whole, "--logs")
            api.wait(lambda: state(world.binary, whole), lambda known: known == before, "its services to agree")
    with Apart(world.binary, world.folder / "moving-apart", catalog, whole, PARTITIONS) as server:
        with check("split, every service of each partition and both gateways know what it knew, by their digests"):
            server.know(before)
        with check("every service of each partition moves while files go through their lives, and none of them notices"):
            load = Load(seen(world, server))
            for name in server.services:
                load.lived(AT_ONCE)
                server.move(name)
            load.lived(AT_ONCE)
            load.end()
            http = seen(world, server).http(ids.VENDOR)
            found = {file: http.get(f"usage/files/{file}").json()["status"] for file in load.files}
            same(found, dict.fromkeys(load.files, "accepted"), "the files")
        server.check(check)


def seen(world, server):
    return api.World(world.binary, server.url, world.catalog, world.check, world.folder)


class Load:
    """Files that go through their lives, one after the other in each of some threads."""

    def __init__(self, world):
        self.world = world
        self.files, self.errors = [], []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(AT_ONCE)]
        for thread in self.threads:
            thread.start()

    def lived(self, more):
        """Waits until more files have lived than before."""
        wanted = len(self.files) + more
        api.wait(lambda: len(self.files), lambda files: files >= wanted or self.errors, f"{wanted} files", seconds=60)
        same(self.errors, [], "what went wrong")

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        same(self.errors, [], "what went wrong")

    def _work(self, number):
        count = 0
        while not self.stopping.is_set() and not self.errors:
            try:
                self.files.append(lives(self.world, f"moving-{number}-{count}"))
            except Exception as error:
                self.errors.append(repr(error))
            count += 1


def lives(world, name):
    """A file until it is accepted; its id. Whoever is told 503 comes again with the same key, as clients do."""
    vendor, distributor = world.http(ids.VENDOR), world.http(ids.DISTRIBUTOR)
    product = {"name": name, "product": {"id": ids.PULSE}, "contract": {"id": ids.AGREEMENT}}
    file = asked(vendor, f"{name}-create", "usage/files", json=product).json()["id"]
    workbook = {"usage_file": ("usage.xlsx", books.openpyxl_book([world.row(name)]), api.XLSX)}
    asked(vendor, f"{name}-upload", f"usage/files/{file}/upload", files=workbook)
    becomes(vendor, file, "ready")
    asked(vendor, f"{name}-submit", f"usage/files/{file}/submit")
    becomes(distributor, file, "pending")
    asked(distributor, f"{name}-accept", f"usage/files/{file}/accept", json={"acceptance_note": "ok"})
    becomes(vendor, file, "accepted")
    return file


def asked(http, key, path, **options):
    def ask():
        return http.post(path, headers={"Idempotency-Key": key}, **options)

    answer = api.wait(ask, lambda answer: answer.status_code != 503, f"an answer to {key}")
    same(answer.status_code, 201, f"answer to {key} ({answer.text})")
    return answer


def becomes(http, file, status):
    def read():
        answer = http.get(f"usage/files/{file}")
        return answer.json().get("status", answer.status_code)

    api.wait(read, lambda found: found == status, f"{file} {status}")
