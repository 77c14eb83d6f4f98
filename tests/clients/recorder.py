"""Stands between a client and the server, passes everything on, and keeps which calls were made."""

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

# What belongs to one connection and not to the message.
HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")
PATIENCE_SECONDS = 60


class Recorder:
    """Use it in `with`; `url` takes the place of the server's."""

    def __init__(self, server_url):
        self.calls = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(urlsplit(server_url).netloc))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def taken(self):
        """The calls since the last time, in order: `201 POST /usage/files/UF-…/submit {}`, without what all paths
        share. Of bodies JSON is told, and of others nothing."""
        with self._lock:
            calls, self.calls = self.calls, []
        return calls

    def _handler(recorder, target):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                # `Host` goes along, so that links in answers lead here as well.
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                upstream = HTTPConnection(target, timeout=PATIENCE_SECONDS)
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                path = unquote(self.path).removeprefix("/public/v1")
                told = body.decode() if "json" in self.headers.get("Content-Type", "") else ""
                with recorder._lock:
                    recorder.calls.append(f"{answer.status} {self.command} {path} {told}".rstrip())
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        return Handler
