"""HTTP on the loopback address: who may ask, how much may be sent, which file or answer it is."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from importlib import resources
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastnn.playground._refused import Refused
from fastnn.playground._session import Session

ADDRESS = "127.0.0.1"
MOST_JSON, MOST_TABLE = 2**16, 2**25  # bytes that a request may have
_FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "main.js": ("main.js", "text/javascript"),
    "controls.js": ("controls.js", "text/javascript"),
    "pictures.js": ("pictures.js", "text/javascript"),
    "canvas.js": ("canvas.js", "text/javascript"),
    "server.js": ("server.js", "text/javascript"),
    "texts.js": ("texts.js", "text/javascript"),
    "texts.json": ("texts.json", "application/json"),
    "said.json": ("said.json", "application/json"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}
_FORBIDDEN = b"403: open the address that `fastnn playground` printed, with its token.\n"


class PlaygroundServer(ThreadingMixIn, TCPServer):
    """Serves one session to who knows its token.

    Parameters
    ----------
    session : Session
    port : int, default 0
        0 for any that is free.

    Attributes
    ----------
    url : str
        With the token.

    Raises
    ------
    OSError
        If the port is taken.
    """

    daemon_threads, block_on_close = True, False
    allow_reuse_address = os.name == "posix"  # elsewhere two could listen at one port

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session, self.token = session, secrets.token_urlsafe(24)
        super().__init__((ADDRESS, port), _Handler)
        self.port = int(self.server_address[1])
        self.hosts = {f"{name}:{self.port}" for name in (ADDRESS, "localhost")}
        self.url = f"http://{ADDRESS}:{self.port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that was closed while it was answered."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: PlaygroundServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "fastnn", ""
    timeout = 60  # seconds without a byte

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal free; the token would stand there, too."""

    def parse_request(self) -> bool:
        """Refuse, whatever the method, who has no token or came by another name (DNS rebinding)."""
        if not super().parse_request():
            return False
        if self._is_allowed():
            return True
        self.close_connection = True  # what else was sent is not read
        self._send(403, "text/plain", _FORBIDDEN)
        return False

    def _is_allowed(self) -> bool:
        """Whether the address holds the token, and its host and the asking page are ours."""
        hosts = self.server.hosts
        named, origin = self.headers.get_all("Host", []), self.headers.get("Origin")
        token = urlsplit(self.path).path.split("/")[1:2] or [""]
        return (
            secrets.compare_digest(token[0].encode(), self.server.token.encode())
            and len(named) == 1
            and named[0] in hosts
            and (origin is None or origin in {f"http://{host}" for host in hosts})
        )

    def do_GET(self) -> None:
        """Send a file of the page, or what it asks for."""
        self._answer({"state": self._state, "options": self._options, "points": self._points,
                      "program": self._program})  # fmt: skip

    def do_POST(self) -> None:
        """Do what the page says."""
        self._answer({"settings": self._settings, "order": self._order, "table": self._table})

    def _answer(self, routes: dict[str, Callable[[], dict[str, Any]]]) -> None:
        name = urlsplit(self.path).path.split("/", 2)[-1]
        try:
            if self.command == "GET" and name in _FILES:
                file, kind = _FILES[name]
                content = resources.files("fastnn.playground") / "static" / file
                self._send(200, f"{kind}; charset=utf-8", content.read_bytes())
            elif name.startswith("api/") and name[4:] in routes:
                self._send_json(200, routes[name[4:]]())
            else:
                raise Refused("error_not_found", name[:80], status=404)
        except Refused as refused:
            self.close_connection = True  # its body may be unread
            self._send_json(refused.status, {"error": refused.code, "detail": refused.detail})
        except (MemoryError, ArithmeticError, LookupError, RuntimeError, TypeError) as error:
            self.close_connection = True
            self._send_json(500, {"error": "error_failed", "detail": str(error)})

    # What is asked for.

    def _query(self) -> dict[str, str]:
        """Return what follows the question mark, each name once."""
        try:
            found = parse_qs(urlsplit(self.path).query, keep_blank_values=True, max_num_fields=20)
        except ValueError as error:
            raise Refused("error_settings", str(error)) from None
        return {name: values[-1] for name, values in found.items()}

    def _state(self) -> dict[str, Any]:
        """Return the state of each pane that is asked for as ``a=run.epochs.version``."""
        answer = {}
        for pane, known in self._query().items():
            parts = known.split(".")
            if len(parts) != 3 or not all(each.isdecimal() and len(each) < 16 for each in parts):
                raise Refused("error_settings", f"{pane[:20]}: expected three whole numbers")
            number, epochs, version = map(int, parts)
            answer[pane] = self.server.session.state(pane, number, epochs, version)
        return answer

    def _options(self) -> dict[str, Any]:
        return self.server.session.options()

    def _points(self) -> dict[str, Any]:
        return self.server.session.points(self._query().get("pane"))

    def _program(self) -> dict[str, Any]:
        return self.server.session.program(self._query().get("pane"))

    def _settings(self) -> dict[str, Any]:
        given = self._json()
        return self.server.session.change(given.get("pane"), given.get("settings"))

    def _order(self) -> dict[str, Any]:
        given = self._json()
        return self.server.session.order(given.get("panes"), given.get("command"))

    def _table(self) -> dict[str, Any]:
        options: dict[str, Any] = self._query()
        name = options.pop("name", "table.csv")
        if "header" in options:
            options["header"] = options["header"] == "yes"
        return self.server.session.take_table(name, self._body(MOST_TABLE), options)

    def _body(self, most: int) -> bytes:
        """Return what was sent, if it says how much that is and it is not too much."""
        said = self.headers.get("Content-Length", "")
        if not (said.isascii() and said.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise Refused("error_length", status=411)
        if len(said) > 12 or int(said) > most:
            raise Refused("error_too_large", f"{most} bytes at most", status=413)
        content = self.rfile.read(int(said))
        if len(content) != int(said):
            raise Refused("error_length")
        return content

    def _json(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise Refused("error_settings", "expected application/json", status=415)
        content = self._body(MOST_JSON)
        try:
            given = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Refused("error_settings", str(error)) from None
        if not isinstance(given, dict):
            raise Refused("error_settings", "expected an object")
        return given

    # What is sent.

    def _send_json(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer, allow_nan=False, separators=(",", ":"))
        self._send(status, "application/json; charset=utf-8", content.encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), **_HEADERS}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
