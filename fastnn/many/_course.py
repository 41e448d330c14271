"""How jobs are run: by whom, what is recorded on the way, and what need not be done again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from fastnn._common.checks import brief, check_flag
from fastnn._common.extras import require
from fastnn.many._data import Data
from fastnn.many._described import described, fingerprint
from fastnn.many._executors import check_executor, run_over
from fastnn.many._jobs import Done, Job
from fastnn.many._journal import Journal
from fastnn.many._result import Result
from fastnn.many._threads import at_a_time, run_in_threads

__all__ = ["Course"]


class Course:
    """How jobs are run.

    Parameters
    ----------
    n_jobs : int or None
        In threads of this process; None or -1 for one a processor.
    executor : object with ``submit``, or None
        In the place of threads.
    journal : str, path or None
    progress : bool

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """

    def __init__(
        self, n_jobs: Any, executor: Any, journal: str | os.PathLike[str] | None, progress: Any
    ) -> None:
        if executor is not None:
            check_executor(executor)
            if n_jobs is not None:
                raise ValueError(f"n_jobs: expected None with an executor, got {brief(n_jobs)}")
        self._threads = at_a_time(n_jobs)
        self._executor, self._journal = executor, journal
        self._shows = check_flag(progress, "progress")

    def run(self, result: Result, jobs: list[Job], data: Data, told: Mapping[str, Any]) -> None:
        """Run the jobs and write what became of them into ``result``.

        Parameters
        ----------
        result : Result
        jobs : list of Job
        data : Data
        told : mapping
            What tells the search from another, beside the data, for its journal.
        """
        with ExitStack() as until_the_end:
            hear: list[Callable[[Done], object]] = [result._put]
            if self._journal is not None:
                journal = Journal(self._journal, _header(data, told), len(jobs))
                until_the_end.callback(journal.close)
                for done in journal.found:
                    result._put(done)
                there = {done.row for done in journal.found}
                jobs = [job for job in jobs if job.row not in there]
                hear.insert(0, journal.write)
            if self._shows:
                bar = _bar(len(result), len(result) - len(jobs))
                until_the_end.callback(bar.close)
                hear.append(lambda done: bar.update())
            until_the_end.callback(data.shared.close)
            self._run(result, jobs, hear)

    def _run(self, result: Result, jobs: list[Job], hear: list[Callable[[Done], object]]) -> None:
        def heard(done: Done) -> None:
            for each in hear:
                each(done)

        search = result._search
        assert search is not None
        if self._executor is None:
            run_in_threads(search, jobs, self._threads, heard)
        elif jobs:
            run_over(self._executor, search, jobs, heard)


def _header(data: Data, told: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprints that tell a search from another.

    Raises
    ------
    ValueError
        For what cannot be told apart, naming it, and of settings the key.
    """
    settings = [
        {key: described(value, f"settings[{i}]: {key}") for key, value in setting.items()}
        for i, setting in enumerate(told["settings"])
    ]
    others = {name: described(each, name) for name, each in told.items() if name != "settings"}
    return {
        "data": data.fingerprint(),
        "settings": fingerprint(settings),
        **{name: fingerprint(value) for name, value in others.items()},
        "cv": data.fingerprint_of_folds(),
    }


def _bar(total: int, done: int) -> Any:
    tqdm = require("tqdm", extra="progress")
    return tqdm.tqdm(total=total, initial=done, unit="job")
