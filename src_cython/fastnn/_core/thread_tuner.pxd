"""How many threads are worth it: found out while they work.

A meeting costs a quarter of a microsecond while every member has a processor, and milliseconds
while another program has one of them. As the numbers are the same for any number of members, an
epoch is done in stretches, each by all members or by one, whichever was faster the last time, and
now and then by the other to see.
"""


cdef struct Times:
    int most          # members
    bint fixed        # always so many
    bint together     # whether the members last worked together, but for a trial
    bint trial        # whether the stretch at hand is one
    bint warming      # whether it is not to be timed
    double alone      # seconds a unit of work took by one member, and by all; 0: not known
    double shared
    double shortest   # seconds of the shortest stretch of one member; 0: not known
    double patience   # seconds from one trial to the next, if they are to be had for that
    double waited     # seconds since the last trial


cdef class Pace:
    cdef Times c


cdef int c_members(const Times* times) noexcept nogil

cdef double c_stretch(const Times* times) noexcept nogil

cdef void c_note(Times* times, double seconds, double work) noexcept nogil
