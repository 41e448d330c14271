"""BLAS libraries held at one thread, by as many callers as there are."""

from cython cimport critical_section
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uintptr_t

from fastnn._core.atomic cimport Users, _Visit


cdef enum:
    MOST = 16  # libraries; a process with more than two or three is a curiosity

ctypedef int (*Getter)() noexcept
ctypedef int (*Setter)(int) noexcept

cdef struct Library:
    Getter number
    Setter set_number
    bint own     # whether each thread has its own number
    int before   # if not: what to put back


cdef class _OwnNumbers(_Visit):
    """A visit, and what to put back in its thread."""
    cdef int[MOST] before


cdef class QuietBlas(Users):
    """Holds BLAS at one thread while calls are at work, and afterwards puts back what was."""

    cdef Library[MOST] libraries
    cdef int n
    cdef readonly bint knows_libraries

    def learn(self, list functions not None) -> None:
        """Say what to hold, unless that was said before.

        Parameters
        ----------
        functions : list of (int, int, bool)
            Of each library the addresses of C functions ``int number(void)`` and
            ``set_number(int)``, and whether each thread has a number of its own.
        """
        cdef int k
        with critical_section(self):
            if not self.knows_libraries:
                self.n = <int> min(len(functions), <Py_ssize_t> MOST)
                for k in range(self.n):
                    number, set_number, own = functions[k]
                    self.libraries[k].number = <Getter> <uintptr_t> number
                    self.libraries[k].set_number = <Setter> <uintptr_t> set_number
                    self.libraries[k].own, self.libraries[k].before = own, 0
                self.knows_libraries = True

    @property
    def limit(self) -> int:
        """How many threads BLAS may use, but for its being held; 1 if no library says."""
        cdef int k, number, least = 0
        cdef _OwnNumbers visit = self.inside.get(PyThread_get_thread_ident())
        with critical_section(self):
            for k in range(self.n):
                number = self.libraries[k].number()
                if self.libraries[k].own and visit is not None:
                    number = visit.before[k]
                elif not self.libraries[k].own and self.inside:
                    number = self.libraries[k].before
                if number < 0:  # BLIS, where nobody asked for more than one
                    number = 1
                if number > 0 and (least == 0 or number < least):
                    least = number
        return max(1, least)

    cdef _Visit new_visit(self):
        cdef _OwnNumbers visit = _OwnNumbers()
        cdef int k
        for k in range(self.n):
            visit.before[k] = self.libraries[k].number() if self.libraries[k].own else 0
        return visit

    cdef void hold(self, _Visit visit, bint first) noexcept:
        cdef int k
        for k in range(self.n):
            if first and not self.libraries[k].own:
                self.libraries[k].before = self.libraries[k].number()
            if self.libraries[k].own or first:
                _set(&self.libraries[k], self.libraries[k].number(), 1)

    cdef void let_go(self, _Visit visit, bint last) noexcept:
        cdef int k
        for k in range(self.n):
            if self.libraries[k].own:
                _set(&self.libraries[k], (<_OwnNumbers> visit).before[k],
                     (<_OwnNumbers> visit).before[k])
            elif last:
                _set(&self.libraries[k], self.libraries[k].before, self.libraries[k].before)


cdef void _set(const Library* library, int before, int number) noexcept:
    """Set the number, if it was more than one before: of others it is none to be set."""
    if before > 1:
        library.set_number(number)
