"""A headless Chromium that shows a page, by its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--lang=en-US", "--mute-audio",
)  # fmt: skip


class Page:
    """One page."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have Chromium do something, and return what it answers."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]  # type: ignore[no-any-return]

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript gives, awaited."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 120) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < deadline, f"not so after {seconds} s: {script}"
            time.sleep(0.05)

    def size(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def picture(self, file: Path) -> None:
        """Write what is seen to a .png file."""
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))


@contextmanager
def page_of(url: str, folder: Path, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """Show ``url``; ``folder`` is for the browser's own files."""
    import websocket

    assert PROGRAM is not None
    command = [PROGRAM, *SWITCHES, f"--user-data-dir={folder}", "about:blank"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = _address(folder, browser)
        socket = websocket.create_connection(address, timeout=120)
        try:
            page = Page(socket)
            page.size(width, height)
            page.ask("Page.navigate", url=url)
            page.wait_for("location.protocol === 'http:' && document.readyState === 'complete'")
            yield page
        finally:
            socket.close()
    finally:
        browser.terminate()
        browser.wait(timeout=30)


def _address(folder: Path, browser: subprocess.Popen[bytes]) -> str:
    """Return where the first page listens, once Chromium has written on which port that is."""
    import urllib.request

    port = folder / "DevToolsActivePort"
    deadline = time.monotonic() + 120
    while not port.is_file() or not port.read_text().strip():
        assert browser.poll() is None and time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.05)
    with urllib.request.urlopen(f"http://127.0.0.1:{port.read_text().split()[0]}/json") as answer:
        pages = [each for each in json.load(answer) if each["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
