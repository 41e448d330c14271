"""The playground from its start to Ctrl-C."""

from __future__ import annotations

import os
import threading
import time
import warnings
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastnn.playground._data import read_own
from fastnn.playground._server import PlaygroundServer
from fastnn.playground._session import Session


def serve(
    data: str | os.PathLike[str] | None = None,
    *,
    port: int = 0,
    browser: bool = True,
    say: Callable[[str], object] = print,
    target: int | str | None = None,
    task: str | None = None,
    header: bool | None = None,
    index: bool | int | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> None:
    """Serve a page on this machine on which networks train live, until Ctrl-C.

    The page trains two networks side by side, on made data, on digits or on a table of one's own;
    it shows their decision boundaries, learning curves, activations and gradients while they train,
    and the program that does the same. Nothing is written to any file. Only this machine can reach
    it (127.0.0.1), and only by the address that is said, which holds a random token.

    Parameters
    ----------
    data : path, optional
        A table to begin with.
    port : int, default 0
        0 for any that is free.
    browser : bool, default True
        Whether to open the page.
    say : callable, default print
        Takes each line that is said.
    target, task, header, index, encoding, delimiter
        How the table is read, as for ``fastnn.datasets.read_table``.

    Raises
    ------
    ValueError, TypeError
        If the table cannot be read.
    OSError
        If there is no such file, or the port is taken.
    """
    told = {
        "target": target, "task": task, "header": header, "index": index, "encoding": encoding,
        "delimiter": delimiter,
    }  # fmt: skip
    own = None if data is None else read_own(data, told)
    with serving(Session(own), port) as server:
        say(f"playground: {server.url}")
        say("Ctrl-C ends it")
        if browser:
            # Some browsers are waited for.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        try:
            while True:
                time.sleep(1)  # which Ctrl-C ends on every system
        except KeyboardInterrupt:
            say("closed")


@contextmanager
def serving(session: Session, port: int = 0) -> Iterator[PlaygroundServer]:
    """Serve ``session`` in a thread while the block runs, and end all threads after it."""
    try:
        server = PlaygroundServer(session, port)
    except BaseException:
        session.close()
        raise
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    # The page says itself that a training diverged. Filters are the process's: set once, here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            session.close()
            server.server_close()
