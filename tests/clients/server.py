"""The server under test: started on a free loopback port with a data directory of its own, ended by its pid."""

import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.request

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 10


class Server:
    """A running ledger; use it in `with`."""

    def __init__(self, binary, data, catalog, log):
        self.command = [str(binary), "run", "--data", str(data), "--listen", "127.0.0.1:0", "--catalog", str(catalog)]
        self.log = log
        self.process = None
        self.url = ""

    def __enter__(self):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            self.url = self._address()
            self._ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def alive(self):
        return self.process.poll() is None

    def _address(self):
        """The address that the server prints; what it prints later is read and dropped, so that it never waits."""
        found, seen = threading.Event(), []

        def read():
            for line in self.process.stdout:
                match = re.search(r"http://127\.0\.0\.1:\d+", line)
                if match and not seen:
                    seen.append(match.group())
                    found.set()
            found.set()

        threading.Thread(target=read, daemon=True).start()
        found.wait(START_SECONDS_MAX)
        if not seen:
            tail = pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"the server printed no address; its log ends with:\n{tail}")
        return seen[0]

    def _ready(self):
        give_up = time.monotonic() + START_SECONDS_MAX
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                if opener.open(f"{self.url}/readyz", timeout=2).status == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > give_up or not self.alive:
                raise RuntimeError("the server did not become ready")
            time.sleep(0.05)
