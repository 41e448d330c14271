"""The compiled form of ``fastnn._core.plan.Workspace``: every offset is checked once, here."""

from libc.math cimport isfinite
from libc.stdlib cimport calloc, free

from fastnn._core.activation cimport N_ACTIVATIONS, SOFTMAX, c_slope_from_z
from fastnn._core.blas cimport c_need_blas
from fastnn._core.cost cimport LOG_LIKELIHOOD
from fastnn._core.cost_of_z cimport c_goes_by_z
from fastnn._core.norm cimport BATCH, GROUP, NO_NORM
from fastnn._core.gemm cimport c_is_small

COLUMNS = (
    "n_in", "n_out", "activation", "norm", "groups", "weights", "biases", "gamma", "beta",
    "running_mean", "running_variance", "out", "act", "delta", "z", "xhat", "inverse", "scratch",
    "tile",
)
NUMBERS = ("eps", "momentum", "dropout", "train_scale", "predict_scale")

cdef enum:
    LINE = 16  # numbers: members' memory does not share cache lines
    MOST_INPUTS = 1024  # of a network in lanes, whose rows are converted in a small room
    CACHED = 32768  # numbers of such a network at work together: they fit in the second cache

cdef Py_ssize_t LARGEST = 2147483647  # of a C int, which BLAS counts with
cdef Py_ssize_t MOST_NUMBERS = 1 << 48  # of a vector: a few of them can be added up and multiplied


cdef int _check_region(str name, Py_ssize_t offset, Py_ssize_t size, Py_ssize_t total) except -1:
    if offset < 0 or size < 0 or offset > total - size:
        raise ValueError(f"{name}: {size} numbers at {offset} do not fit in {total}")
    return 0


cdef class CompiledPlan:
    """A network's layers as C structures.

    Parameters
    ----------
    table : int64 array (n_layers, len(COLUMNS))
        One row a layer.
    numbers : float64 array (n_layers, len(NUMBERS))
        One row a layer.
    batch_size : int
        Rows for which the workspace has room.
    inputs, targets, row_weights : int
        Offsets of the mini-batch's inputs, targets and weights in the workspace.
    gradients : int
        Offset of the room for tiles' gradients in the workspace: ``n_gradients`` pieces of
        ``gradient_size`` numbers.
    gradient_size, n_gradients : int
        As much as any tile needs, and how many members may step at the same time; 0 for plain
        SGD, which needs none.
    cut : int
        The layer, 0 or 1, whose product is the sum over pieces of its inputs, so that members can
        work apart, each on pieces; -1: there is none.
    n_pieces : int
        Of its inputs, 2 or 4. They consist of tiles of the layer before, or of 16 inputs. In lanes
        into how many parts, 2 or 4, a mini-batch's rows are divided; 0: there are no pieces.
    exchange : int
        Offset in the workspace of twice as many blocks like the outputs of that layer; in lanes
        of twice as many gradients, each filled up to a multiple of 16 numbers with 16 before it.
    n_parameters, n_running, work_size : int
        Lengths of the vectors that the offsets point into.
    cost : int
        The cost's number in ``fastnn._core.cost``, or -1 for a cost in Python.
    cost_parameter : float
        The number that some costs have: the Huber cost's delta, the quantile. For cross-entropy
        and log-likelihood how near to 0 and 1 an output counts as in the cost of an epoch; 0: any.
        Where the table says where z of the last layer is kept, a cost that can be is computed from
        it, for any output.
    lane_sums : int, default -1
        Offset of 17 numbers for each parameter in the workspace, if the network is so narrow that
        rows are the lanes of its vectors (see ``feature_major``); the blocks then have room for
        rows up to a multiple of 16. -1: it is not.

    Raises
    ------
    ValueError
        If layers do not follow on one another, an offset leaves its vector, or a number is out of
        range.
    """

    def __cinit__(
        self, const long long[:, ::1] table not None, const double[:, ::1] numbers not None, *,
        Py_ssize_t batch_size, Py_ssize_t inputs, Py_ssize_t targets, Py_ssize_t row_weights,
        Py_ssize_t gradients, Py_ssize_t gradient_size, Py_ssize_t n_gradients, Py_ssize_t cut,
        Py_ssize_t n_pieces, Py_ssize_t exchange, Py_ssize_t n_parameters, Py_ssize_t n_running,
        Py_ssize_t work_size, int cost, double cost_parameter, Py_ssize_t lane_sums=-1,
    ):
        cdef Py_ssize_t l
        if table.shape[0] < 1 or table.shape[0] > 10_000 or table.shape[1] != len(COLUMNS):
            raise ValueError(f"table: expected (n_layers, {len(COLUMNS)}), "
                             f"got ({table.shape[0]}, {table.shape[1]})")
        if numbers.shape[0] != table.shape[0] or numbers.shape[1] != len(NUMBERS):
            raise ValueError(f"numbers: expected ({table.shape[0]}, {len(NUMBERS)}), "
                             f"got ({numbers.shape[0]}, {numbers.shape[1]})")
        if not (0 <= n_parameters <= MOST_NUMBERS and 0 <= n_running <= MOST_NUMBERS
                and 0 <= work_size <= MOST_NUMBERS):
            raise ValueError(f"n_parameters, n_running, work_size: expected 0 to {MOST_NUMBERS}, "
                             f"got {n_parameters}, {n_running} and {work_size}")
        if not 1 <= batch_size <= LARGEST:
            raise ValueError(f"batch_size: expected 1 to {LARGEST}, got {batch_size}")
        if not isfinite(cost_parameter):
            raise ValueError(f"cost_parameter: expected a finite number, got {cost_parameter}")
        self.c.n_layers = <int> table.shape[0]
        self.c.batch_size = <int> batch_size
        self.c.cost, self.c.cost_parameter = cost, cost_parameter
        self.c.n_parameters, self.c.n_running = n_parameters, n_running
        self.c.work_size = work_size
        self.c.inputs, self.c.targets, self.c.row_weights = inputs, targets, row_weights
        self.c.gradients, self.c.gradient_size, self.c.exchange = gradients, gradient_size, exchange
        self.c.cut = <int> max(-2, min(cut, LARGEST))
        self.c.n_pieces = <int> max(-1, min(n_pieces, LARGEST))
        self.c.n_gradients = <int> max(-1, min(n_gradients, LARGEST))
        self.c.layers = <Layer*> calloc(self.c.n_layers, sizeof(Layer))
        if self.c.layers == NULL:
            raise MemoryError("no memory for the plan's layers")
        for l in range(self.c.n_layers):
            self._set_layer(&self.c.layers[l], table[l], numbers[l])
            if l > 0 and self.c.layers[l].n_in != self.c.layers[l - 1].n_out:
                raise ValueError(f"layer {l}: takes {self.c.layers[l].n_in} inputs, but the layer "
                                 f"before it has {self.c.layers[l - 1].n_out} neurons")
            self.c.layers[l].first_tile = self.c.n_tiles
            if c_n_tiles(&self.c.layers[l]) > LARGEST // 16 - self.c.n_tiles:
                raise ValueError(f"tile: too many tiles, with {self.c.layers[l].tile} neurons each "
                                 f"in layer {l}")
            self.c.n_tiles += c_n_tiles(&self.c.layers[l])
            self.c.needs_blas |= not c_is_small(
                batch_size, self.c.layers[l].n_out, self.c.layers[l].n_in)
            self.c.needs_two_rows |= self.c.layers[l].norm == <int> BATCH
        self.c.cost_by_z = self.c.layers[self.c.n_layers - 1].z != -1 and c_goes_by_z(
            cost, self.c.layers[self.c.n_layers - 1].activation)
        _check_region("inputs", inputs, batch_size * c_n_in(&self.c), work_size)
        _check_region("targets", targets, batch_size * c_n_out(&self.c), work_size)
        _check_region("row_weights", row_weights, batch_size, work_size)
        self.c.lane_sums = lane_sums
        self._check_pieces()
        self._check_gradients()
        if lane_sums != -1:
            self._check_lanes()
        if self.c.needs_blas:
            c_need_blas()  # whoever multiplies for a plan holds one

    @property
    def needs_blas(self) -> bool:
        return self.c.needs_blas

    @property
    def n_layers(self) -> int:
        return self.c.n_layers

    @property
    def batch_size(self) -> int:
        return self.c.batch_size

    @property
    def cost(self) -> int:
        return self.c.cost

    @property
    def cost_parameter(self) -> float:
        return self.c.cost_parameter

    @property
    def cost_by_z(self) -> bool:
        return self.c.cost_by_z

    @property
    def needs_two_rows(self) -> bool:
        return self.c.needs_two_rows

    @property
    def n_parameters(self) -> int:
        return self.c.n_parameters

    @property
    def n_running(self) -> int:
        return self.c.n_running

    @property
    def work_size(self) -> int:
        return self.c.work_size

    @property
    def n_gradients(self) -> int:
        return self.c.n_gradients

    @property
    def in_lanes(self) -> bool:
        return self.c.lane_sums >= 0

    def room(self, int n_slots) -> int:
        """Return how many numbers of memory each member that works apart needs."""
        return c_room(&self.c, n_slots)

    cdef int _set_layer(
        self, Layer* layer, const long long[::1] row, const double[::1] numbers,
    ) except -1:
        if not (1 <= row[0] <= LARGEST and 1 <= row[1] <= LARGEST):
            raise ValueError(f"layer sizes: expected 1 to {LARGEST}, got {row[0]} and {row[1]}")
        if not 0 <= row[2] < <int> N_ACTIVATIONS:
            raise ValueError(f"activation: expected 0 to {<int> N_ACTIVATIONS - 1}, got {row[2]}")
        if not 0 <= row[3] <= <int> GROUP:
            raise ValueError(f"norm: expected 0 to {<int> GROUP}, got {row[3]}")
        if not 1 <= row[4] <= row[1] or row[1] % row[4] != 0:
            raise ValueError(f"groups: expected a divisor of {row[1]}, got {row[4]}")
        layer.n_in, layer.n_out, layer.activation = <int> row[0], <int> row[1], <int> row[2]
        layer.norm, layer.groups = <int> row[3], <int> row[4]
        layer.weights, layer.biases, layer.gamma, layer.beta = row[5], row[6], row[7], row[8]
        layer.running_mean, layer.running_variance = row[9], row[10]
        layer.out, layer.act, layer.delta, layer.z = row[11], row[12], row[13], row[14]
        layer.xhat, layer.inverse, layer.scratch = row[15], row[16], row[17]
        if not 1 <= row[18] <= LARGEST:
            raise ValueError(f"tile: expected 1 to {LARGEST}, got {row[18]}")
        layer.tile = <int> row[18]
        layer.eps, layer.momentum, layer.dropout = numbers[0], numbers[1], numbers[2]
        layer.train_scale, layer.predict_scale = numbers[3], numbers[4]
        if not 0 <= layer.dropout < 1:
            raise ValueError(f"dropout: expected 0 or more and below 1, got {layer.dropout}")
        self._check_parameters(layer)
        self._check_workspace(layer)
        return 0

    cdef int _check_parameters(self, Layer* layer) except -1:
        """Check the offsets in the parameters and in the running statistics."""
        _check_region("weights", layer.weights, layer.n_out * <Py_ssize_t> layer.n_in,
                      self.c.n_parameters)
        _check_region("biases", layer.biases, layer.n_out, self.c.n_parameters)
        if layer.norm != <int> NO_NORM:
            _check_region("gamma", layer.gamma, layer.n_out, self.c.n_parameters)
            _check_region("beta", layer.beta, layer.n_out, self.c.n_parameters)
        if layer.norm == <int> BATCH:
            _check_region("running_mean", layer.running_mean, layer.n_out, self.c.n_running)
            _check_region("running_variance", layer.running_variance, layer.n_out, self.c.n_running)
        return 0

    cdef int _check_workspace(self, Layer* layer) except -1:
        cdef Py_ssize_t block = self.c.batch_size * <Py_ssize_t> layer.n_out
        cdef Py_ssize_t scales = layer.n_out
        _check_region("out", layer.out, block, self.c.work_size)
        _check_region("act", layer.act, block, self.c.work_size)
        _check_region("delta", layer.delta, block, self.c.work_size)
        if layer.z != -1 or c_slope_from_z(layer.activation):
            _check_region("z", layer.z, block, self.c.work_size)
        if layer.norm == <int> GROUP:
            scales = self.c.batch_size * <Py_ssize_t> layer.groups
        if layer.norm != <int> NO_NORM:
            _check_region("xhat", layer.xhat, block, self.c.work_size)
            _check_region("inverse", layer.inverse, scales, self.c.work_size)
            _check_region("scratch", layer.scratch, 4 * <Py_ssize_t> layer.n_out, self.c.work_size)
        return 0

    cdef int _check_pieces(self) except -1:
        """Check that members who work apart have pieces to share out, and where to put them."""
        cdef Layer* first = &self.c.layers[0]
        cdef Py_ssize_t block
        if self.c.n_pieces not in (0, 2, MOST_PIECES):
            raise ValueError(f"n_pieces: expected 0, 2 or {MOST_PIECES}, got {self.c.n_pieces}")
        if self.c.cut == -1:
            if self.c.n_pieces != 0 and self.c.lane_sums == -1:
                raise ValueError(f"n_pieces: expected 0 where nothing is cut and nothing in lanes, "
                                 f"got {self.c.n_pieces}")
            return 0
        if not 0 <= self.c.cut < min(self.c.n_layers, 2):
            raise ValueError(f"cut: expected -1, or layer 0 or 1 of {self.c.n_layers}, "
                             f"got {self.c.cut}")
        if self.c.cut == 1 and (first.norm == <int> GROUP or first.activation == <int> SOFTMAX):
            raise ValueError("cut: expected -1 or 0, as the first layer needs whole rows, got 1")
        if not 0 < self.c.n_pieces <= c_n_units(&self.c):
            raise ValueError(f"n_pieces: expected 2 or {MOST_PIECES}, and at most "
                             f"{c_n_units(&self.c)} for this cut, got {self.c.n_pieces}")
        block = self.c.batch_size * <Py_ssize_t> self.c.layers[self.c.cut].n_out
        if block > self.c.work_size // (2 * self.c.n_pieces):  # more might be too large to count
            raise ValueError(f"exchange: {2 * self.c.n_pieces} times {block} numbers do not fit in "
                             f"{self.c.work_size}")
        _check_region("exchange", self.c.exchange, 2 * self.c.n_pieces * block, self.c.work_size)
        self._check_order()
        return 0

    cdef int _check_order(self) except -1:
        """Check that the parameters of the layer that is cut and after it come last: they go over
        to members as one block."""
        cdef Py_ssize_t begin = self.c.layers[self.c.cut].weights, size
        cdef Layer* layer
        cdef int l
        for l in range(self.c.n_layers):
            layer = &self.c.layers[l]
            size = layer.n_out * <Py_ssize_t> layer.n_in
            if l < self.c.cut:
                if layer.weights + size > begin or layer.biases + layer.n_out > begin or (
                        layer.norm != <int> NO_NORM
                        and max(layer.gamma, layer.beta) + layer.n_out > begin):
                    raise ValueError(f"cut: expected the parameters of layer {l} before those of "
                                     f"layer {self.c.cut}")
            elif layer.weights < begin or layer.biases < begin or (
                    layer.norm != <int> NO_NORM and min(layer.gamma, layer.beta) < begin):
                raise ValueError(f"cut: expected the parameters of layer {l} not before those of "
                                 f"layer {self.c.cut}")
        return 0

    cdef int _check_gradients(self) except -1:
        """Check that there is room for the gradient of any tile's weights; biases use it too."""
        cdef Layer* layer
        cdef int l
        if not 0 <= self.c.n_gradients < LARGEST or self.c.gradient_size < 0:
            raise ValueError(f"n_gradients, gradient_size: expected 0 or more, and not too many, "
                             f"got {self.c.n_gradients} and {self.c.gradient_size}")
        if self.c.n_gradients > 0:
            for l in range(self.c.n_layers):
                layer = &self.c.layers[l]
                if self.c.gradient_size < min(layer.tile, layer.n_out) * <Py_ssize_t> layer.n_in:
                    raise ValueError(f"gradient_size: {self.c.gradient_size} numbers are not "
                                     f"enough for a tile of layer {l}")
            if self.c.gradient_size > LARGEST * LARGEST // self.c.n_gradients:
                raise ValueError(f"gradient_size: {self.c.gradient_size} numbers are too many")
            _check_region("gradients", self.c.gradients,
                          self.c.n_gradients * self.c.gradient_size, self.c.work_size)
        return 0

    cdef int _check_lanes(self) except -1:
        """Check that a network in lanes is one that ``feature_major`` can do, and has the room."""
        cdef Layer* layer
        cdef Py_ssize_t block, at = 0, numbers = c_n_in(&self.c)
        cdef bint last
        cdef int l
        if self.c.batch_size > LARGEST - LANES or c_n_in(&self.c) > MOST_INPUTS:
            raise ValueError(f"lane_sums: too many rows or inputs, got {self.c.batch_size} "
                             f"and {c_n_in(&self.c)}")
        block = c_filled(self.c.batch_size)
        for l in range(self.c.n_layers):
            layer, last = &self.c.layers[l], l == self.c.n_layers - 1
            if not c_has_lanes(layer, last, self.c.cost):
                raise ValueError(f"lane_sums: layer {l} is not one whose rows can be lanes")
            if layer.weights != at or layer.biases != at + layer.n_out * <Py_ssize_t> layer.n_in:
                raise ValueError(f"lane_sums: the parameters of layer {l} do not follow on those "
                                 f"before")
            at = layer.biases + layer.n_out
            numbers += (2 if layer.z == -1 else 3) * <Py_ssize_t> layer.n_out
            _check_region("out", layer.out, block * layer.n_out, self.c.work_size)
            _check_region("delta", layer.delta, block * layer.n_out, self.c.work_size)
            if layer.z != -1:
                _check_region("z", layer.z, block * layer.n_out, self.c.work_size)
        if at != self.c.n_parameters or at > LARGEST:
            raise ValueError(f"lane_sums: expected {at} parameters, and at most {LARGEST}, "
                             f"got {self.c.n_parameters}")
        _check_region("inputs", self.c.inputs, block * c_n_in(&self.c), self.c.work_size)
        _check_region("targets", self.c.targets, block * c_n_out(&self.c), self.c.work_size)
        _check_region("lane_sums", self.c.lane_sums, (LANES + 1) * at, self.c.work_size)
        if self.c.cut != -1:
            raise ValueError(f"cut: expected -1 in lanes, got {self.c.cut}")
        if self.c.n_pieces > 0:
            if self.c.exchange % LANES:
                raise ValueError(f"exchange: expected a multiple of {LANES} in lanes, "
                                 f"got {self.c.exchange}")
            _check_region("exchange", self.c.exchange,
                          2 * self.c.n_pieces * c_shown_size(&self.c), self.c.work_size)
        self.c.lane_block = c_filled(<int> max(2 * LANES, CACHED // numbers - LANES))
        return 0

    def __dealloc__(self):
        free(self.c.layers)

    cdef int check_rows(
        self, Py_ssize_t n, Py_ssize_t n_columns, Py_ssize_t other_rows, Py_ssize_t other_columns,
        str other,
    ) except -1:
        """Check the shapes of X and of the ``other`` array, which has the outputs' columns."""
        if n < 1 or other_rows != n:
            raise ValueError(f"X, {other}: expected one row or more and as many of each, "
                             f"got {n} and {other_rows}")
        if n_columns != c_n_in(&self.c) or other_columns != c_n_out(&self.c):
            raise ValueError(f"X, {other}: expected {c_n_in(&self.c)} and {c_n_out(&self.c)} "
                             f"columns, got {n_columns} and {other_columns}")
        return 0

    cdef int check_vectors(
        self, Py_ssize_t parameters, Py_ssize_t running, Py_ssize_t work,
    ) except -1:
        if parameters != self.c.n_parameters:
            raise ValueError(f"parameters: expected {self.c.n_parameters} numbers, "
                             f"got {parameters}")
        if running != self.c.n_running:
            raise ValueError(f"running: expected {self.c.n_running} numbers, got {running}")
        if work != self.c.work_size:
            raise ValueError(f"work: expected {self.c.work_size} numbers, got {work}")
        return 0


cdef int c_filled(int m) noexcept nogil:
    return (m + LANES - 1) // LANES * LANES


cdef bint c_has_lanes(const Layer* layer, bint last, int cost) noexcept nogil:
    """Whether a layer's rows can be lanes: what it does is done number by number, or is softmax."""
    if layer.norm != NO_NORM or layer.dropout > 0 or layer.out != layer.act:
        return False
    if layer.z != -1 and not last:
        return False
    if layer.activation == SOFTMAX:
        return last and cost == LOG_LIKELIHOOD
    return not last or cost >= 0


cdef Py_ssize_t c_shown_size(const Plan* plan) noexcept nogil:
    return LANES + (plan.n_parameters + LANES - 1) // LANES * LANES


cdef int c_n_tiles(const Layer* layer) noexcept nogil:
    return (layer.n_out - 1) // layer.tile + 1


cdef int c_part(int n, int member, int n_members) noexcept nogil:
    return <int> (n * <Py_ssize_t> member // n_members)


cdef int c_unit(const Plan* plan) noexcept nogil:
    """Inputs of the layer that is cut which stay together."""
    return <int> LINE if plan.cut == 0 else plan.layers[0].tile


cdef int c_n_units(const Plan* plan) noexcept nogil:
    return (plan.layers[plan.cut].n_in - 1) // c_unit(plan) + 1


cdef int c_piece(const Plan* plan, int p) noexcept nogil:
    cdef Py_ssize_t begin = c_part(c_n_units(plan), p, plan.n_pieces)
    return <int> min(begin * c_unit(plan), <Py_ssize_t> plan.layers[plan.cut].n_in)


cdef Py_ssize_t c_room(const Plan* plan, int n_slots) noexcept nogil:
    cdef Py_ssize_t size = plan.work_size + (1 + n_slots) * plan.n_parameters + plan.n_running
    return (size + LINE - 1) // LINE * LINE


cdef int c_n_in(const Plan* plan) noexcept nogil:
    return plan.layers[0].n_in


cdef int c_n_out(const Plan* plan) noexcept nogil:
    return plan.layers[plan.n_layers - 1].n_out
