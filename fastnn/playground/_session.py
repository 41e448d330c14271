"""What the page can ask for: two trainings, one's own table, and what is shown of them."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from fastnn.datasets import TableBytes
from fastnn.playground import _pictures
from fastnn.playground._data import Own, available, data_for, read_own
from fastnn.playground._program import program
from fastnn.playground._refused import Refused
from fastnn.playground._run import Run
from fastnn.playground._settings import Settings, described, settings_from, suiting
from fastnn.playground._worker import COMMANDS, SPEEDS, Worker

PANES = ("a", "b")
_TABLE_OPTIONS = ("target", "task", "header", "index", "encoding", "delimiter")


class Session:
    """Two trainings side by side.

    Parameters
    ----------
    own : Own, optional
        A table that was given on the command line; both trainings begin with it.
    """

    def __init__(self, own: Own | None = None) -> None:
        self._own = own
        self._changing = threading.Lock()
        settings = suiting("circles" if own is None else "table")
        self._workers = {pane: Worker(_new_run(settings, own)) for pane in PANES}

    def close(self) -> None:
        """End both trainings."""
        for worker in self._workers.values():
            worker.close()

    def options(self) -> dict[str, Any]:
        """Return what may be chosen, and which data are here."""
        return {**described(), "available": available(), "speeds": list(SPEEDS)}

    def change(self, pane: Any, given: Any) -> dict[str, Any]:
        """Take other settings: for the epochs to come, or for a new network where it needs one.

        Raises
        ------
        Refused
            In words, before anything changes.
        """
        settings, worker = settings_from(given), self._worker(pane)
        with self._changing:
            run = worker.wait().run
            if settings.is_same_network(run.settings):
                worker.go_on_with(settings)
            else:
                worker.begin(_new_run(settings, self._own))
            worker.wait()
        return {}

    def order(self, panes: Any, command: Any) -> dict[str, Any]:
        """Have trainings run, pause, make a step, or begin anew; or take a speed.

        Raises
        ------
        Refused
            If there is no such training or command.
        """
        if not isinstance(panes, list) or command not in (*COMMANDS, *SPEEDS):
            raise Refused("error_settings", "expected panes and a command")
        for worker in [self._worker(pane) for pane in panes]:
            if command in SPEEDS:
                worker.pace(command)
            else:
                worker.order(command)
        return {}

    def take_table(self, name: str, content: bytes, options: dict[str, Any]) -> dict[str, Any]:
        """Read a table that was dropped on the page; both trainings take it.

        Raises
        ------
        Refused
            In words, before anything changes.
        """
        if unknown := set(options) - set(_TABLE_OPTIONS):
            raise Refused("error_settings", f"unknown: {', '.join(sorted(unknown))}")
        try:
            own = read_own(TableBytes(name, content), options)
        except (OSError, TypeError, ValueError, OverflowError) as error:
            raise Refused(_what_is_wrong(content, options), str(error)) from None
        with self._changing:
            now = [(each, each.wait().run.settings) for each in self._workers.values()]
            begun = [
                (each, _new_run(settings if settings.data == "table" else suiting("table"), own))
                for each, settings in now
            ]
            self._own = own
            for worker, run in begun:
                worker.begin(run)
                worker.wait()
        return {}

    def state(self, pane: str, number: int, epochs: int, version: int) -> dict[str, Any]:
        """Return what has happened since the page last asked.

        Parameters
        ----------
        pane : {"a", "b"}
        number, epochs, version : int
            The run, the epochs of its curves and the version that the page has.
        """
        shown = self._worker(pane).shown
        answer: dict[str, Any] = {"run": shown.number, "version": shown.version}
        if (shown.number, shown.version) == (number, version):
            return answer
        known = min(epochs, shown.epochs) if shown.number == number else 0
        return answer | {
            "status": shown.status,
            "detail": shown.detail,
            "epochs": shown.epochs,
            "parameters": shown.run.network.n_parameters,
            "settings": dataclasses.asdict(shown.run.settings),
            "from": known,
            "curves": {
                name: values[known : shown.epochs] for name, values in shown.run.curves.items()
            },
            **shown.pictures,
        }

    def points(self, pane: Any) -> dict[str, Any]:
        """Return the data of a training, as they are drawn."""
        shown = self._worker(pane).shown
        name = self._own.name if self._own and shown.run.settings.data == "table" else ""
        return {"run": shown.number, "file": name, **_pictures.points(shown.run.data)}

    def program(self, pane: Any) -> dict[str, Any]:
        """Return the program that does what a training did."""
        shown = self._worker(pane).shown
        return {"program": program(shown.run.data, shown.phases)}

    def _worker(self, pane: Any) -> Worker:
        if not isinstance(pane, str) or pane not in PANES:
            raise Refused("error_settings", "expected pane 'a' or 'b'")
        return self._workers[pane]


def _new_run(settings: Settings, own: Own | None) -> Run:
    try:
        return Run(settings, data_for(settings, own))
    except (TypeError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("error_settings", str(error)) from None


def _what_is_wrong(content: bytes, options: dict[str, Any]) -> str:
    """Return whether a table is refused for its encoding, which the page then asks for."""
    if options.get("encoding") is None:
        try:
            content.decode()
        except UnicodeDecodeError:
            return "error_encoding"
    return "error_table"
