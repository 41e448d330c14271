"""Asks a playground's server by HTTP, with whatever headers a test wants."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

from fastnn.playground._server import ADDRESS, PlaygroundServer
from fastnn.playground._session import Session
from fastnn.playground._settings import suiting

MANY_SECONDS = 200  # on a machine that others use, too


class Client:
    """A server, asked by its token."""

    def __init__(self, server: PlaygroundServer) -> None:
        self.server = server

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return status and content for a path of the server, the token and all."""
        connection = http.client.HTTPConnection(ADDRESS, self.server.port, timeout=MANY_SECONDS)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            if body is not None and "Content-Length" not in headers:
                headers["Content-Length"] = str(len(body))
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, name: str) -> Any:
        """Return what the page would get."""
        status, content = self.ask("GET", f"/{self.server.token}/{name}")
        assert status == 200, content
        return json.loads(content)

    def post(self, name: str, content: Any) -> tuple[int, dict[str, Any]]:
        """Return status and answer for what the page would send."""
        status, answer = self.ask(
            "POST", f"/{self.server.token}/api/{name}", json.dumps(content).encode(),
            Content_Type="application/json",
        )  # fmt: skip
        return status, json.loads(answer)

    def table(self, name: str, content: bytes, **options: str) -> tuple[int, dict[str, Any]]:
        """Return status and answer for a table that is dropped."""
        query = urlencode({"name": name, **options})
        status, answer = self.ask("POST", f"/{self.server.token}/api/table?{query}", content)
        return status, json.loads(answer)


def given(data: str = "circles", **changes: Any) -> dict[str, Any]:
    """Return settings as the page sends them."""
    described = {**vars(suiting(data)), **changes}
    described["hidden"] = list(described["hidden"])
    return described


def trained(session: Session, pane: str = "a", **changes: Any) -> Any:
    """Train ``pane`` by settings to their last epoch and return what is shown."""
    if changes:
        session.change(pane, given(**changes))
    session.order([pane], "fast")
    session.order([pane], "run")
    return ended(session, pane)


def ended(session: Session, pane: str = "a") -> Any:
    """Wait until a pane trains no more and return what is shown."""
    deadline = time.monotonic() + MANY_SECONDS
    shown = session._worker(pane).wait()
    while shown.status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
        shown = session._worker(pane).shown
    return shown
