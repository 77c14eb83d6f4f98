"""Starts what compose.yaml says without containers: its commands with its environment, in its order, waiting for its
health checks, with loopback ports for its addresses and folders for its volumes. What it does not model is isolation.
"""

import json
import pathlib
import re
import subprocess
import time

import yaml

import venvs
from apart import free_port
from checks import holds, same

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {"/usr/bin/usage-ledger": "usage-ledger", "/usr/bin/nats-server": "nats-server"}
# An address is a service's, or the container's own.
ADDRESS = re.compile(r"\b(?P<host>nats-\d|0\.0\.0\.0|127\.0\.0\.1):(?P<port>\d+)")
# What the recipe puts elsewhere than in the image.
PLACE = re.compile(r"(?<![\w.:/-])/(?:data|trust)\b[\w./-]*")


class Composed:
    """The services of compose.yaml as processes; in `with`, none is left behind."""

    def __init__(self, binary, folder):
        self.folder = folder
        self.services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
        self.programs = {"usage-ledger": str(binary), "nats-server": str(venvs.NATS.tool("nats-server"))}
        self.ports = {}
        self.running = {}
        self.started = []
        (folder / "volumes").mkdir(parents=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running.values():
            process.kill()
            process.wait()

    def up(self):
        """Starts each service as soon as those are well that it depends on."""
        done, waiting = set(), list(self.services)
        while waiting:
            able = [name for name in waiting if set(self.services[name].get("depends_on", {})) <= done]
            holds(able, f"{waiting} wait for each other")
            for name in able:
                self._start(name)
            for name in able:
                self._well(name)
            self.started += able
            done |= set(able)
            waiting = [name for name in waiting if name not in able]

    def down(self):
        """Stops them in the opposite order; gives the exit codes of those that ran."""
        codes = {}
        for name in reversed(self.started):
            if name in self.running:
                process = self.running.pop(name)
                process.terminate()
                codes[name] = process.wait(seconds(self.services[name]["stop_grace_period"]))
        self.started = []
        return codes

    def url(self, name):
        """Where a service is reached from outside."""
        (published,) = self.services[name]["ports"]
        return f"http://127.0.0.1:{self.port(name, int(published.rsplit(':')[-1]))}"

    def call(self, name, *command, **options):
        """Runs a command in a service, as `docker compose exec` does."""
        return subprocess.run(self._words(name, command), env=self._environment(name), timeout=60, **options)

    def port(self, name, port):
        if (name, port) not in self.ports:
            self.ports[name, port] = free_port()
        return self.ports[name, port]

    def log(self, name):
        return self.folder / f"{name}.log"

    def _start(self, name):
        image = self._image(name)
        command = self._words(name, [*image["ENTRYPOINT"], *self.services[name].get("command", image["CMD"])])
        with open(self.log(name), "ab") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": self._root(name)}
            self.running[name] = subprocess.Popen(command, env=self._environment(name), **options)

    def _well(self, name):
        """Waits until a service is as those want it that depend on it."""
        conditions = {one.get("depends_on", {}).get(name, {}).get("condition") for one in self.services.values()} - {None}
        if conditions == {"service_completed_successfully"}:
            same(self.running.pop(name).wait(60), 0, f"exit code of {name} ({self.log(name).read_text()})")
            return
        same(conditions | {"service_healthy"}, {"service_healthy"}, f"what is wanted of {name}")
        check = self.services[name]["healthcheck"]
        kind, *command = check["test"]
        same(kind, "CMD", "the kind of check")
        give_up = time.monotonic() + seconds(check["interval"]) * check["retries"]
        while True:
            found = self.call(name, *command, capture_output=True, text=True)
            if found.returncode == 0:
                return
            alive = self.running[name].poll() is None
            said = self.log(name).read_text(errors="replace")[-2000:]
            holds(alive and time.monotonic() < give_up, f"{name} is not well: {found.stderr}\n{said}")
            time.sleep(0.1)

    def _image(self, name):
        """What an image starts by itself: ENTRYPOINT and CMD of a stage of the recipe."""
        build = self.services[name]["build"]
        text = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
        stage = re.split(r"(?m)^FROM ", text.split(f" AS {build['target']}\n")[1])[0]
        return {word: json.loads(line) for word, line in re.findall(r"(?m)^(ENTRYPOINT|CMD) (.*)$", stage)}

    def _environment(self, name):
        given = self.services[name].get("environment", {})
        return {key: self._mapped(name, value) for key, value in given.items()}

    def _words(self, name, words):
        words = [PROGRAMS.get(word, word) for word in words]
        # Names without a port are those that certificates are made for.
        words = [re.sub(r"\bnats-\d\b(?!:)", "127.0.0.1", word) for word in words]
        return [self.programs[words[0]], *(self._mapped(name, word) for word in words[1:])]

    def _mapped(self, name, text):
        """A text of a service with what it means here."""
        if text == "/nats.conf":
            return str(self._settings(name))
        text = ADDRESS.sub(lambda at: f"127.0.0.1:{self.port(self._host(name, at), int(at['port']))}", text)
        return PLACE.sub(lambda place: str(self._place(name, place.group())), text)

    @staticmethod
    def _host(name, address):
        return address["host"] if address["host"].startswith("nats-") else name

    def _place(self, name, path):
        """Where something of a volume is; the service has to have it mounted."""
        for mount in self.services[name]["volumes"]:
            if isinstance(mount, str):
                volume, target = mount.split(":")
                inner = ""
            else:
                volume, target, inner = mount["source"], mount["target"], mount["volume"]["subpath"]
                holds(mount["read_only"], f"{name} may write {target}")
            if path == target or path.startswith(f"{target}/"):
                folder = self.folder / "volumes" / volume
                folder.mkdir(mode=0o700, exist_ok=True)
                return folder / (inner + path.removeprefix(target)).lstrip("/")
        raise AssertionError(f"{name} uses {path}, which is not mounted in it")

    def _root(self, name):
        root = self.folder / name
        root.mkdir(exist_ok=True)
        return root

    def _settings(self, name):
        """The configuration of a NATS server, which the image has at its root, and what that includes beside it."""
        root = self._root(name)
        text = (ROOT / "services/usage-ledger/container/nats.conf").read_text(encoding="utf-8")
        (included,) = re.findall(r"(?m)^include (\S+)$", text)
        beside = root / included
        beside.parent.mkdir(exist_ok=True)
        beside.unlink(missing_ok=True)
        beside.symlink_to(self._place(name, f"/{included}"))
        path = root / "nats.conf"
        path.write_text(self._mapped(name, text), encoding="utf-8")
        return path


def seconds(text):
    """`20s`."""
    return int(text.removesuffix("s"))
