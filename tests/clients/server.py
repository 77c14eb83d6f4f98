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


class Process:
    """A process of the product; use it in `with`. `options` are those of `subprocess.Popen`."""

    def __init__(self, command, log, **options):
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(log)
        self.options = options
        self.process = None
        self.url = ""

    def __enter__(self):
        self.start()
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.tell()
        self.end()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True, **self.options)

    def wait(self):
        """Waits until it serves."""
        self.url = self._address()
        self._ready()

    def tell(self):
        """Tells it to stop."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Waits until it has stopped, but not for ever."""
        if self.process is None:
            return
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

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
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
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


class Server(Process):
    """The whole ledger in one process."""

    def __init__(self, binary, data, catalog, log, *options):
        command = [binary, "run", "--data", data, "--listen", "127.0.0.1:0", "--catalog", catalog, *options]
        # Nobody waits a minute for a checkpoint.
        command += ["--checkpoint-after", "1"]
        super().__init__(command, log)

    @property
    def logs(self):
        return [self.log]

    def check(self, check):
        """What is to be seen at the end, besides that it is still there: nothing of one process."""
