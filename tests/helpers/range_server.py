"""An HTTP server on this machine that sends ranges, counts what it sends, and can misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Served:
    """Files by name, how they are served, and what was asked for.

    Modes: "ranges"; "whole" ignores ranges; "breaks" closes the connection in the middle of every body; "breaks once"
    does so for the first; "busy once" answers 503 to the first; "shifted" sends other bytes than asked for; "gzip" says
    that it packed them; "silent" never answers; "denied", "nothing" and "gone" answer 403, 500 and 410.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    mode: str = "ranges"
    validators: bool = True
    password: str = ""
    requests: list[tuple[str, int, int]] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    authorizations: set[str] = field(default_factory=set)
    sent: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        with self.lock:
            self.requests.clear()
            self.sent = 0

    @property
    def asked(self) -> int:
        """Bytes that were asked for."""
        return sum(end - begin for _, begin, end in self.requests)

    def asked_twice(self) -> int:
        """Bytes that were asked for more than once."""
        spans = sorted((begin, end) for _, begin, end in self.requests)
        union, reached = 0, 0
        for begin, end in spans:
            union += max(0, end - max(begin, reached))
            reached = max(reached, end)
        return self.asked - union


@contextmanager
def range_server(files: dict[str, bytes], *, mode: str = "ranges", validators: bool = True) -> Iterator[Served]:
    served = Served(files=dict(files), mode=mode, validators=validators)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_HEAD(self) -> None:
            served.methods.add("HEAD")
            self._end(405)

        def do_GET(self) -> None:
            served.methods.add("GET")
            body = served.files.get(unquote(urlsplit(self.path).path.lstrip("/")))
            asked = self.headers.get("Range", "")
            begin, end = 0, len(body or b"")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                begin, end = int(first), min(int(last) + 1, end)
            with served.lock:
                served.requests.append((self.path, begin, end))
                served.authorizations.add(self.headers.get("Authorization", ""))
                mode = served.mode
                if mode.endswith(" once"):
                    served.mode = "ranges"
            if mode == "silent":
                served.closing.wait()
            failures = {"denied": 403, "nothing": 500, "gone": 410, "busy once": 503}
            if body is None or mode in failures:
                self._end(404 if body is None else failures[mode])
            elif mode == "whole":
                self._send(200, body, body, {})
            elif begin >= len(body):
                self._end(416, {"Content-Range": f"bytes */{len(body)}"})
            else:
                part = body[begin:end]
                shift = mode == "shifted"
                headers = {"Content-Range": f"bytes {begin + shift}-{end - 1 + shift}/{len(body)}"}
                if mode == "gzip":
                    headers["Content-Encoding"] = "gzip"
                self._send(206, part, body, headers, broken=mode.startswith("breaks"))

        def _end(self, status: int, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(
            self, status: int, part: bytes, body: bytes, headers: dict[str, str], *, broken: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if served.validators:
                self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()[:16]}"')
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            part = part[: len(part) // 2] if broken else part
            try:
                for at in range(0, len(part), 1 << 16):
                    piece = part[at : at + (1 << 16)]
                    self.wfile.write(piece)
                    with served.lock:
                        served.sent += len(piece)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has seen enough
            if broken:
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that goes away is none

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        served.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
