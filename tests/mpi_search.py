"""Run by ``mpiexec -n 3 python -m mpi4py.futures``: a search over MPI beside one in threads."""

from __future__ import annotations

import sys
import time

from many_searches import small_search, told

from fastnn.many._executors import check_executor, run_over


def main() -> None:
    from mpi4py.futures import MPIPoolExecutor

    search, jobs, expected = small_search()
    heard: list = []
    with MPIPoolExecutor() as executor:
        check_executor(executor)
        started = time.perf_counter()
        run_over(executor, search, jobs, heard.append)
        seconds = time.perf_counter() - started
        workers = executor.num_workers
    same = told(heard) == told(expected)
    print(f"{workers} workers, {len(heard)} rows, same: {same}, {seconds:.2f} s")
    sys.exit(not same)


if __name__ == "__main__":
    main()
