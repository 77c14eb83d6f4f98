"""The ledger as separate processes over NATS: each service on its own with its own credentials, two gateways that take
turns, and nothing that two of them share on the disk. Where the tests run as root, each has an OS user of its own.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import venvs
from api import wait
from checks import holds, same
from server import START_SECONDS_MAX, STOP_SECONDS_MAX, Process
from turns import Turns

SERVICES = ["catalog", "approval", "ingestion", "validation", "extraction"]
GATEWAYS = ["gateway-1", "gateway-2"]
# Every fact is read once more.
STATE_SECONDS_MAX = 120
# Far from the users of any machine; each process has the next one.
FIRST_USER = 61_000
# What every process of a machine has open: devices, the kernel's own files, programs' libraries and time zones.
COMMON = ("/dev/", "/proc/", "/sys/", "/lib", "/usr/lib", "/usr/share/zoneinfo", "/etc/")


class Home:
    """What one process has for itself: a folder, and a user where there may be one."""

    def __init__(self, folder, name, number):
        self.folder = folder / name
        self.user = FIRST_USER + number if os.geteuid() == 0 else None
        self.folder.mkdir(mode=0o700)
        self._give(self.folder)

    def put(self, name, content):
        """A file that only its user can read."""
        path = self.folder / name
        if path.parent != self.folder:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._give(path.parent)
        path.touch(mode=0o600)
        path.write_bytes(content)
        self._give(path)
        return path

    def take(self, folder, name):
        """A copy of a folder, as a machine gets it that a service moves to."""
        path = self.folder / name
        subprocess.run(["cp", "-a", folder, path], check=True)
        for one in (path, *path.rglob("*")):
            self._give(one)

    def _give(self, path):
        if self.user is not None:
            os.chown(path, self.user, self.user)

    @property
    def options(self):
        """How a process becomes that user, for `subprocess`."""
        options = {"cwd": self.folder}
        if self.user is not None:
            options |= {"user": self.user, "group": self.user, "extra_groups": []}
        return options


class Nats:
    """A nats-server with JetStream on a free loopback port, which takes the product's own credentials only."""

    def __init__(self, home, trust):
        self.home = home
        for name in ("tls/server.pem", "tls/server.key", "tls/ca.pem"):
            home.put(name, (trust / name).read_bytes())
        # It names the files where they were made.
        home.put("trust.conf", (trust / "nats.conf").read_bytes().replace(bytes(trust), bytes(home.folder)))
        self.port, self.monitor = free_port(), free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        store = self.home.folder / "store"
        ports = f'listen: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self.monitor}"\n'
        text = f'{ports}jetstream {{ store_dir: "{store}" }}\ninclude trust.conf\n'
        settings = self.home.put("nats.conf", text.encode())
        command = [str(venvs.NATS.tool("nats-server")), "-c", str(settings)]
        with open(self.home.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self.home.options)
        give_up = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                holds(time.monotonic() < give_up and self.process.poll() is None, "nats-server did not start")
                time.sleep(0.02)

    def end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS_MAX)


class Apart:
    """The running processes; use it in `with`. `url` leads to the gateways in turn. `whole` is the data directory of a
    ledger in one process that is to be split."""

    def __init__(self, binary, folder, catalog, whole=None, partitions=1):
        self.partitions = partitions
        # Whoever runs one partition of several is called after it.
        parts = [f"{name}-{number}" for name in SERVICES[1:] for number in range(partitions)]
        self.services = SERVICES if partitions == 1 else [SERVICES[0], *parts]
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        # Each user passes through the folders above its own and sees nothing in them.
        for above in (self.folder, self.folder.parent):
            above.chmod(0o711)
        names = ["nats", *self.services, *GATEWAYS]
        self.homes = {name: Home(self.folder, name, number) for number, name in enumerate(names)}
        self.users = len(names)
        self.binary = within_reach(binary, self.folder)
        trust = self.folder / "trust"
        made = [self.binary, "nats", "credentials", trust, "--hosts", "127.0.0.1", "--partitions", str(partitions)]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=START_SECONDS_MAX)
        self.nats = Nats(self.homes["nats"], trust)
        known = pathlib.Path(catalog).read_bytes()
        self.secrets = ((whole or trust) / "secrets").read_bytes()
        self.processes = {name: self._process(name, trust, known) for name in [*self.services, *GATEWAYS]}
        for name in self.services if whole else ():
            self.homes[name].take(whole, "data")
        self.turns = None

    def _process(self, name, trust, known):
        home, (service, _, partition) = self.homes[name], name.partition("-")
        user = service if name in GATEWAYS else name
        command = [self.binary, "run", "--only", service, "--nats", self.nats.url, "--listen", "127.0.0.1:0"]
        # Nobody waits a minute for a checkpoint.
        command += ["--data", home.folder / "data", "--partitions", self.partitions, "--checkpoint-after", "1"]
        if partition and name not in GATEWAYS:
            command += ["--partition", partition]
        for option, file in (("--nats-credentials", f"{user}.creds"), ("--nats-ca", "tls/ca.pem")):
            command += [option, home.put(file, (trust / file).read_bytes())]
        if service in ("catalog", "gateway"):
            command += ["--secrets", home.put("secrets", self.secrets)]
        if service == "catalog":
            command += ["--catalog", home.put("catalog.json", known)]
        return Process(command, self.folder / f"{name}.log", **home.options)

    def __enter__(self):
        try:
            self.nats.start()
            for process in self.processes.values():
                process.start()
            for process in self.processes.values():
                process.wait()
            self.turns = Turns([self.processes[name].url for name in GATEWAYS]).__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.turns:
            self.turns.__exit__()
        for process in self.processes.values():
            process.tell()
        for process in self.processes.values():
            process.end()
        self.nats.end()

    @property
    def url(self):
        return self.turns.url

    @property
    def alive(self):
        return all(process.alive for process in self.processes.values())

    @property
    def logs(self):
        return [process.log for process in self.processes.values()]

    def check(self, check):
        """What is to be seen at the end of every suite."""
        with check("no two processes have a file in common"):
            seen = {name: open_files(process.process.pid) for name, process in self.processes.items()}
            seen["nats"] = open_files(self.nats.process.pid)
            holds(all(seen.values()), "a process has no open file at all")
            names = list(seen)
            for place, name in enumerate(names):
                for other in names[place + 1 :]:
                    shared = {path for path in seen[name] & seen[other] if path != str(self.binary)}
                    same(shared, set(), f"what {name} and {other} share")
        with check("every service and both gateways know what the logs say, by their digests"):
            self.know(self.state(GATEWAYS[0], "--logs"))

    def know(self, expected):
        """Waits until each process knows what is expected of its part of the ledger."""
        hosts = {name: name if "-" in name else f"{name}-0" for name in self.services}
        same(sorted(expected), sorted([*hosts.values(), "gateway"]), "what there is to know")
        for name in self.processes:
            part = hosts.get(name, "gateway")
            wanted = {part: expected[part]}
            wait(lambda: self.state(name), lambda known: known == wanted, f"state of {name}")

    def state(self, name, *options):
        """Digests of what a process knows."""
        return state(self.binary, self.homes[name].folder / "data", *options)

    def move(self, name):
        """Stops a service, copies what it has as to another machine, and starts it there."""
        process, old = self.processes[name], self.homes[name]
        process.tell()
        process.end()
        same(process.process.returncode, 0, f"exit code of {name}")
        self.users += 1
        home = self.homes[name] = Home(self.folder, f"{name}-moved", self.users)
        for path in old.folder.iterdir():
            home.take(path, path.name)
        command = [word.replace(str(old.folder), str(home.folder)) for word in process.command]
        self.processes[name] = Process(command, process.log, **home.options)
        self.processes[name].start()
        self.processes[name].wait()


def state(binary, data, *options):
    """Digests of what the process of a data directory knows."""
    command = [binary, "state", *options, "--data", data]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STATE_SECONDS_MAX)
    same(done.returncode, 0, f"exit code of state ({done.stderr})")
    return json.loads(done.stdout)


def open_files(pid):
    """The paths that a process has open or mapped, without those that every process of a machine has."""
    found = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(descriptor))
        except FileNotFoundError:
            # Closed since the list was made.
            continue
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split(maxsplit=5)
        found.update(words[5:])
    return {path for path in found if path.startswith("/") and not path.startswith(COMMON)}


def within_reach(binary, folder):
    """The program where every user can start it."""
    path = folder / pathlib.Path(binary).name
    try:
        os.link(binary, path)
    except OSError:
        shutil.copy(binary, path)
    path.chmod(0o755)
    return path


def free_port():
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
