"""Stands before several servers and sends each call to the next of them, as a load balancer would."""

import itertools
import re
import socket
import threading
from urllib.parse import urlsplit

# A longer head is passed on as it is: what becomes of it is the server's to say.
HEAD_BYTES_MAX = 1 << 20
PIECE_BYTES = 1 << 16


class Turns:
    """Use it in `with`; `url` takes the place of the servers'. A connection serves one call, so that a client which
    keeps its connections comes to another server all the same; everything else passes byte for byte."""

    def __init__(self, urls):
        self._targets = itertools.cycle([(urlsplit(url).hostname, urlsplit(url).port) for url in urls])
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone doesn't wake who waits in `accept`.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = first_of(client)
            if not head:
                return
            # The turn is taken when a call comes, not when a connection does: clients open some that they don't use.
            with socket.create_connection(next(self._targets)) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.sendall(head)
                up = threading.Thread(target=pass_on, args=(client, server), daemon=True)
                up.start()
                pass_on(server, client)
                # The answer is complete: what the client would still send has no reader.
                stop(client, socket.SHUT_RDWR)
                up.join()


def first_of(client):
    """The head of a request, which asks for the connection to be closed, and what came with it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES_MAX:
        try:
            piece = client.recv(PIECE_BYTES)
        except OSError:
            return b""
        if not piece:
            return head
        head += piece
    fields, end, rest = head.partition(b"\r\n\r\n")
    fields = re.sub(rb"(?im)^connection:[^\r]*\r\n", b"", fields + b"\r\n")
    return fields + b"Connection: close" + end + rest


def pass_on(source, target):
    """Passes on what one side sends until it is done."""
    try:
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    except OSError:
        pass
    stop(target, socket.SHUT_WR)


def stop(connection, how):
    try:
        connection.shutdown(how)
    except OSError:
        pass
