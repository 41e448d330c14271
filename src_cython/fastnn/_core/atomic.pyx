"""What is done in one step, as signals and other threads see it.

Python runs a signal's handler, and lets another thread have the GIL, between two of its own
instructions. So what is written here in C is done whole before either happens: no handler finds a
lock taken, for there is none, and no exception that it raises comes between a change and the call
that is to undo it. Nothing here runs Python code but the calls that it is given. In Pythons without
a GIL a critical section does what the GIL does elsewhere: it is let go of where the GIL would be.
"""

from cython cimport critical_section
from cpython.pythread cimport PyThread_get_thread_ident


cdef class _Visit:
    """How deep a thread is inside. Its kind is not the garbage collector's, which may run code."""


cdef class Users:
    """Counts the calls at work, and lets a subclass hold something from the first to the last.

    ``call`` is the way to use it. As a context manager it counts too, but Python may raise between
    the end of the block and the end of the visit.
    """

    def __cinit__(self):
        self.inside = {}

    @property
    def at_work(self) -> int:
        """How many calls there are, of all threads and those within others too."""
        cdef _Visit visit
        cdef int total = 0
        with critical_section(self):
            for visit in self.inside.values():
                total += visit.depth
        return total

    @property
    def sharing(self) -> int:
        """How many threads have calls at work, the one that asks counted as one of them."""
        cdef object thread = PyThread_get_thread_ident()
        cdef Py_ssize_t n
        with critical_section(self):
            n = len(self.inside) + (thread not in self.inside)
        return n

    def call(self, object work not None, *arguments) -> object:
        """Return ``work(*arguments)``, counted meanwhile, however it ends."""
        self.enter()
        try:
            return work(*arguments)
        finally:
            self.leave()

    def call_alone(
        self, object thing not None, str refusal not None, object work not None, *arguments,
    ) -> object:
        """Return ``work(*arguments)`` as ``call`` and ``alone`` do, in one step."""
        cdef object place = <size_t> <void*> thing
        cdef _Visit visit = _begin_visit(place, refusal)
        try:
            self.enter()
            try:
                return work(*arguments)
            finally:
                self.leave()
        finally:
            _end_visit(place, visit)

    def __enter__(self) -> Users:
        self.enter()
        return self

    def __exit__(self, *_) -> None:
        self.leave()

    def forget(self) -> None:
        """In a forked child: the other threads are gone, and this one's calls may never end."""
        cdef _Visit visit = self.inside.get(PyThread_get_thread_ident())
        cdef bint last = len(self.inside) > 0
        self.inside.clear()
        c_store(&self.threads, 0)
        if visit is None:
            visit = self.new_visit()
        self.let_go(visit, last)

    cdef _Visit new_visit(self):
        """Return a visit of this thread, with what ``let_go`` is to put back for it."""
        return _Visit()

    cdef void hold(self, _Visit visit, bint first) noexcept:
        """Hold what is to be held in this thread and, for the first one, in all."""

    cdef void let_go(self, _Visit visit, bint last) noexcept:
        """Put back what was held."""

    cdef int enter(self) except -1:
        cdef object thread = PyThread_get_thread_ident()
        cdef _Visit visit = self.inside.get(thread)
        if visit is None:
            with critical_section(self):
                visit = self.new_visit()
                self.inside[thread] = visit
                c_store(&self.threads, <int> len(self.inside))
                self.hold(visit, len(self.inside) == 1)
        visit.depth += 1
        return 0

    cdef int leave(self) except -1:
        cdef object thread = PyThread_get_thread_ident()
        cdef _Visit visit = self.inside.get(thread)
        if visit is None:  # this is a child that was forked since
            return 0
        visit.depth -= 1
        if visit.depth == 0:
            with critical_section(self):
                del self.inside[thread]
                c_store(&self.threads, <int> len(self.inside))
                self.let_go(visit, not self.inside)
        return 0


cdef dict visited = {}  # from the addresses of things to the visit of the one thread that is there


def alone(object thing not None, str refusal not None, object work not None, *arguments) -> object:
    """Return ``work(*arguments)``, if no other thread is in such a call for the same thing.

    The thread that is may call it again: a callback, or the handler of a signal.

    Raises
    ------
    RuntimeError
        With the text ``refusal``, before anything is done.
    """
    cdef object place = <size_t> <void*> thing
    cdef _Visit visit = _begin_visit(place, refusal)
    try:
        return work(*arguments)
    finally:
        _end_visit(place, visit)


cdef _Visit _begin_visit(object place, str refusal):
    """Return this thread's visit of a place, now one deeper; refuse if another thread is there."""
    cdef _Visit visit
    with critical_section(visited):
        visit = visited.get(place)
        if visit is None:
            visit = _Visit()
            visit.thread = PyThread_get_thread_ident()
            visited[place] = visit
    if visit.thread != <unsigned long> PyThread_get_thread_ident():
        raise RuntimeError(refusal)
    visit.depth += 1
    return visit


cdef int _end_visit(object place, _Visit visit) except -1:
    visit.depth -= 1
    if visit.depth == 0 and visited.get(place) is visit:
        del visited[place]
    return 0


def forget_visits() -> None:
    """In a forked child: nobody else is there any more."""
    visited.clear()


def with_attributes(
    object thing not None, dict changes not None, object work not None, *arguments,
) -> object:
    """Return ``work(*arguments)``, during which ``thing`` has other values of some attributes.

    Parameters
    ----------
    thing : object
        Those that it has no value of its own for, but its class, it will have none for again.
    changes : dict
        From names to values.
    work : callable
    """
    cdef dict own = thing.__dict__
    cdef dict before = {name: own[name] for name in changes if name in own}
    own.update(changes)
    try:
        return work(*arguments)
    finally:
        own.update(before)
        for name in changes:
            if name not in before:
                own.pop(name, None)


def write_all(tuple targets not None, tuple sources not None) -> None:
    """Copy each source into its target, or nothing.

    Raises
    ------
    ValueError
        If there are not as many of both, or two have different shapes.
    """
    cdef Py_ssize_t k
    if len(targets) != len(sources):
        raise ValueError(f"sources: expected {len(targets)} arrays, got {len(sources)}")
    for k in range(len(targets)):
        if targets[k].shape != sources[k].shape:
            raise ValueError(f"sources: expected an array of shape {targets[k].shape}, "
                             f"got {sources[k].shape}")
    for k in range(len(targets)):
        targets[k][...] = sources[k]
