"""The compiled form of ``fastnn._core.plan.Workspace``: every offset is checked once, here."""

from libc.math cimport isfinite
from libc.stdlib cimport calloc, free

cimport fastnn._core.constants as constants
from fastnn._core.activation cimport N_ACTIVATIONS, SOFTMAX, c_slope_from_z
from fastnn._core.blas cimport c_need_blas
from fastnn._core.cost cimport LOG_LIKELIHOOD
from fastnn._core.cost_of_z cimport c_goes_by_z
from fastnn._core.norm cimport BATCH, GROUP, NO_NORM
from fastnn._core.gemm cimport c_is_own

# What Python needs of ``constants``.
CACHE_LINE = <int> constants.CACHE_LINE
ALIGNMENT = <int> constants.ALIGNMENT
MAX_LANES = <int> constants.MAX_LANES
MAX_PARTIAL_SUMS = <int> constants.MAX_PARTIAL_SUMS
MAX_WORKERS = <int> constants.MAX_WORKERS
WIDE_LAYER = <int> constants.WIDE_LAYER

# What a plan takes of each layer, by name.
LAYER_FIELDS = frozenset((
    "n_in", "n_out", "activation", "norm", "groups", "tile", "weights", "biases", "gamma", "beta",
    "running_mean", "running_variance", "out", "act", "delta", "z", "xhat", "inverse", "scratch",
    "eps", "momentum", "unbiased", "dropout", "train_scale", "predict_scale",
))

cdef int LANES = constants.MAX_LANES, MOST_SUMS = constants.MAX_PARTIAL_SUMS

cdef enum:
    CACHED = 32768  # numbers of a feature-major block: they fit in the second cache

cdef Py_ssize_t LARGEST = 2147483647  # of a C int, which BLAS counts with
cdef Py_ssize_t MOST_NUMBERS = 1 << 48  # of a vector: a few of them can be added up and multiplied


cdef int _check_region(str name, Py_ssize_t offset, Py_ssize_t size, Py_ssize_t total) except -1:
    if offset < 0 or size < 0 or offset > total - size:
        raise ValueError(f"{name}: {size} numbers at {offset} do not fit in {total}")
    return 0


cdef int _small(str name, Py_ssize_t value, Py_ssize_t least, Py_ssize_t most) except? -1:
    """Return a number for a C int, if it is from ``least`` to ``most``."""
    if not least <= value <= most:
        raise ValueError(f"{name}: expected {least} to {most}, got {value}")
    return <int> value


cdef Layer _layer_of(dict fields) except *:
    """Return the layer that has these fields, its offsets not yet checked."""
    cdef Layer layer
    if fields.keys() != LAYER_FIELDS:
        raise ValueError(f"layers: expected the fields {sorted(LAYER_FIELDS)}, "
                         f"got {sorted(fields)}")
    layer.n_in = _small("n_in", fields["n_in"], 1, LARGEST)
    layer.n_out = _small("n_out", fields["n_out"], 1, LARGEST)
    layer.activation = _small("activation", fields["activation"], 0, <int> N_ACTIVATIONS - 1)
    layer.norm = _small("norm", fields["norm"], 0, <int> GROUP)
    layer.groups = _small("groups", fields["groups"], 1, layer.n_out)
    layer.tile = _small("tile", fields["tile"], 1, LARGEST)
    layer.first_tile = 0
    layer.weights, layer.biases = fields["weights"], fields["biases"]
    layer.gamma, layer.beta = fields["gamma"], fields["beta"]
    layer.running_mean = fields["running_mean"]
    layer.running_variance = fields["running_variance"]
    layer.out, layer.act, layer.delta = fields["out"], fields["act"], fields["delta"]
    layer.z, layer.xhat = fields["z"], fields["xhat"]
    layer.inverse, layer.scratch = fields["inverse"], fields["scratch"]
    layer.eps, layer.momentum, layer.dropout = fields["eps"], fields["momentum"], fields["dropout"]
    layer.train_scale, layer.predict_scale = fields["train_scale"], fields["predict_scale"]
    layer.unbiased = fields["unbiased"]
    if layer.n_out % layer.groups != 0:
        raise ValueError(f"groups: expected a divisor of {layer.n_out}, got {layer.groups}")
    if not 0 <= layer.dropout < 1:
        raise ValueError(f"dropout: expected 0 or more and below 1, got {layer.dropout}")
    return layer


cdef class CompiledPlan:
    """A network's layers as C structures.

    Parameters
    ----------
    layers : sequence of mappings
        One a layer, with a number for each of ``LAYER_FIELDS``; -1 for an offset of what is not
        there.
    batch_size : int
        Rows for which the workspace has memory.
    inputs, targets, row_weights : int
        Offsets of the mini-batch's inputs, targets and weights in the workspace.
    gradients : int
        Offset of the tiles' gradients in the workspace: ``n_gradients`` blocks of
        ``gradient_size`` numbers.
    gradient_size, n_gradients : int
        As much as any tile needs, and how many workers may step at the same time; 0 for plain
        SGD, which needs none.
    split_layer : int
        The layer, 0 or 1, whose product is the sum over ranges of its inputs (split-K), which
        workers share out; it and the layers after it are replicated. -1: there is none.
    n_partial_sums : int
        Of the split layer, 2, 4, 8 or 16; each has whole tiles of the layer before, or of the
        network's inputs multiples of 16. In a feature-major network those of the gradient, as many,
        over ranges of the mini-batch's rows. 0: there are none.
    partial_sums, partial_size : int
        Offset in the workspace of twice ``n_partial_sums`` blocks of ``partial_size`` numbers: as
        much as the split layer's outputs; in a feature-major network 16 numbers, then a gradient.
    n_parameters, n_running, work_size : int
        Lengths of the vectors that the offsets point into.
    cost : int
        The cost's number in ``fastnn._core.cost``, or -1 for a cost in Python.
    cost_parameter : float
        The number that some costs have: the Huber cost's delta, the quantile. For cross-entropy
        and log-likelihood how near to 0 and 1 an output counts as in the cost of an epoch; 0: any.
        If the last layer keeps its z, a cost that can be is computed from it, for any output.
    lane_sums : int, default -1
        Offset of 17 numbers for each parameter in the workspace, if the network is so narrow that
        rows are its SIMD lanes (see ``fastnn._core.feature_major``); the blocks then hold rows
        padded to a multiple of 16. -1: it is not.
    arena_size : int, default -1
        The memory of each worker where layers are replicated: a workspace, then the worker's own
        copies. -1: none are.
    own_parameters, own_slots, own_running : int, default -1
        Offsets of these copies in the arena.
    n_slots : int, default 0
        Numbers of the optimizer's state a parameter, of which there are copies.

    Raises
    ------
    ValueError
        If a layer has other fields, layers do not follow on one another, an offset leaves its
        vector, or a number is out of range.
    """

    def __cinit__(
        self, object layers not None, *,
        Py_ssize_t batch_size, Py_ssize_t inputs, Py_ssize_t targets, Py_ssize_t row_weights,
        Py_ssize_t gradients, Py_ssize_t gradient_size, Py_ssize_t n_gradients,
        Py_ssize_t split_layer, Py_ssize_t n_partial_sums, Py_ssize_t partial_sums,
        Py_ssize_t partial_size, Py_ssize_t n_parameters, Py_ssize_t n_running,
        Py_ssize_t work_size, int cost, double cost_parameter, Py_ssize_t lane_sums=-1,
        Py_ssize_t arena_size=-1, Py_ssize_t own_parameters=-1, Py_ssize_t own_slots=-1,
        Py_ssize_t own_running=-1, int n_slots=0,
    ):
        if not (0 <= n_parameters <= MOST_NUMBERS and 0 <= n_running <= MOST_NUMBERS
                and 0 <= work_size <= MOST_NUMBERS):
            raise ValueError(f"n_parameters, n_running, work_size: expected 0 to {MOST_NUMBERS}, "
                             f"got {n_parameters}, {n_running} and {work_size}")
        if not isfinite(cost_parameter):
            raise ValueError(f"cost_parameter: expected a finite number, got {cost_parameter}")
        self.c.batch_size = _small("batch_size", batch_size, 1, LARGEST)
        self.c.cost, self.c.cost_parameter = cost, cost_parameter
        self.c.n_parameters, self.c.n_running = n_parameters, n_running
        self.c.work_size = work_size
        self.c.inputs, self.c.targets, self.c.row_weights = inputs, targets, row_weights
        self.c.gradients, self.c.gradient_size = gradients, gradient_size
        self.c.n_gradients = _small("n_gradients", n_gradients, 0, LARGEST - 1)
        self.c.split_layer = _small("split_layer", split_layer, -1, 1)
        self.c.n_partial_sums = _small("n_partial_sums", n_partial_sums, 0, MOST_SUMS)
        self.c.partial_sums, self.c.partial_size = partial_sums, partial_size
        self.c.lane_sums, self.c.arena_size = lane_sums, arena_size
        self.c.own_parameters, self.c.own_slots = own_parameters, own_slots
        self.c.own_running, self.c.n_slots = own_running, n_slots
        self._set_layers(list(layers))
        _check_region("inputs", inputs, batch_size * c_n_in(&self.c), work_size)
        _check_region("targets", targets, batch_size * c_n_out(&self.c), work_size)
        _check_region("row_weights", row_weights, batch_size, work_size)
        self._check_split()
        self._check_gradients()
        if lane_sums != -1:
            self._check_feature_major()
        if arena_size != -1:
            self._check_arena()
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
    def feature_major(self) -> bool:
        return self.c.lane_sums >= 0

    @property
    def split_layer(self) -> int:
        return self.c.split_layer

    @property
    def n_partial_sums(self) -> int:
        return self.c.n_partial_sums

    @property
    def arena_size(self) -> int:
        return self.c.arena_size

    cdef int _set_layers(self, list layers) except -1:
        cdef Layer* layer
        cdef Layer* last
        cdef Py_ssize_t l
        if not 1 <= len(layers) <= 10_000:
            raise ValueError(f"layers: expected 1 to 10000, got {len(layers)}")
        self.c.n_layers = <int> len(layers)
        self.c.layers = <Layer*> calloc(self.c.n_layers, sizeof(Layer))
        if self.c.layers == NULL:
            raise MemoryError("no memory for the plan's layers")
        for l in range(self.c.n_layers):
            layer = &self.c.layers[l]
            layer[0] = _layer_of(dict(layers[l]))
            self._check_parameters(layer)
            self._check_workspace(layer)
            if l > 0 and layer.n_in != self.c.layers[l - 1].n_out:
                raise ValueError(f"layer {l}: takes {layer.n_in} inputs, but the layer before it "
                                 f"has {self.c.layers[l - 1].n_out} neurons")
            if c_n_tiles(layer) > LARGEST // 16 - self.c.n_tiles:
                raise ValueError(f"tile: too many tiles, with {layer.tile} neurons each in "
                                 f"layer {l}")
            layer.first_tile = self.c.n_tiles
            self.c.n_tiles += c_n_tiles(layer)
            layer.by_blas = not c_is_own(self.c.batch_size, layer.n_out, layer.n_in)
            self.c.needs_blas |= layer.by_blas
            self.c.needs_two_rows |= layer.norm == <int> BATCH
        last = &self.c.layers[self.c.n_layers - 1]
        self.c.cost_by_z = last.z != -1 and c_goes_by_z(self.c.cost, last.activation)
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

    cdef int _check_split(self) except -1:
        """Check the split layer, and that there is memory for its partial sums."""
        cdef Layer* first = &self.c.layers[0]
        cdef Py_ssize_t block
        if self.c.n_partial_sums not in (0, 2, 4, 8, MOST_SUMS):
            raise ValueError(f"n_partial_sums: expected 0, 2, 4, 8 or {MOST_SUMS}, "
                             f"got {self.c.n_partial_sums}")
        if self.c.split_layer == -1:
            if self.c.n_partial_sums != 0 and self.c.lane_sums == -1:
                raise ValueError(f"n_partial_sums: expected 0 without a split layer, as the plan "
                                 f"is not feature-major, got {self.c.n_partial_sums}")
            return 0
        if self.c.split_layer >= self.c.n_layers:
            raise ValueError(f"split_layer: expected -1, or layer 0 or 1 of {self.c.n_layers}, "
                             f"got {self.c.split_layer}")
        if self.c.split_layer == 1 and (
                first.norm == <int> GROUP or first.activation == <int> SOFTMAX):
            raise ValueError("split_layer: expected -1 or 0, as the first layer needs whole rows, "
                             "got 1")
        if not 0 < self.c.n_partial_sums <= c_n_units(&self.c):
            raise ValueError(f"n_partial_sums: expected 2, 4, 8 or {MOST_SUMS}, and at most "
                             f"{c_n_units(&self.c)} for this layer, got {self.c.n_partial_sums}")
        block = self.c.batch_size * <Py_ssize_t> self.c.layers[self.c.split_layer].n_out
        self._check_partial_sums(block)
        self._check_order()
        return 0

    cdef int _check_partial_sums(self, Py_ssize_t least) except -1:
        """Check that there is memory for two sets of them, of ``least`` numbers or more each."""
        if self.c.partial_size < least:
            raise ValueError(f"partial_size: expected {least} numbers or more, "
                             f"got {self.c.partial_size}")
        # More might be too large to count.
        if self.c.partial_size > self.c.work_size // (2 * self.c.n_partial_sums):
            raise ValueError(f"partial_sums: {2 * self.c.n_partial_sums} times "
                             f"{self.c.partial_size} numbers do not fit in {self.c.work_size}")
        return _check_region("partial_sums", self.c.partial_sums,
                             2 * self.c.n_partial_sums * self.c.partial_size, self.c.work_size)

    cdef int _check_order(self) except -1:
        """Check that the parameters of the split layer and after it come last: workers copy them
        as one block."""
        cdef Py_ssize_t begin = self.c.layers[self.c.split_layer].weights, size
        cdef Layer* layer
        cdef int l
        for l in range(self.c.n_layers):
            layer = &self.c.layers[l]
            size = layer.n_out * <Py_ssize_t> layer.n_in
            if l < self.c.split_layer:
                if layer.weights + size > begin or layer.biases + layer.n_out > begin or (
                        layer.norm != <int> NO_NORM
                        and max(layer.gamma, layer.beta) + layer.n_out > begin):
                    raise ValueError(f"split_layer: expected the parameters of layer {l} before "
                                     f"those of layer {self.c.split_layer}")
            elif layer.weights < begin or layer.biases < begin or (
                    layer.norm != <int> NO_NORM and min(layer.gamma, layer.beta) < begin):
                raise ValueError(f"split_layer: expected the parameters of layer {l} not before "
                                 f"those of layer {self.c.split_layer}")
        return 0

    cdef int _check_gradients(self) except -1:
        """Check that the gradient of any tile's weights has memory; biases use it too."""
        cdef Layer* layer
        cdef int l
        if self.c.gradient_size < 0:
            raise ValueError(f"gradient_size: expected 0 or more, got {self.c.gradient_size}")
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

    cdef int _check_feature_major(self) except -1:
        """Check that the network is one that ``feature_major`` can do, and has the memory."""
        cdef Layer* layer
        cdef Py_ssize_t block, at = 0, numbers = c_n_in(&self.c)
        cdef bint last
        cdef int l
        if self.c.batch_size > LARGEST - LANES or c_n_in(&self.c) > <int> constants.ROW_BUFFER:
            raise ValueError(f"lane_sums: too many rows or inputs, got {self.c.batch_size} "
                             f"and {c_n_in(&self.c)}")
        block = c_padded(self.c.batch_size)
        for l in range(self.c.n_layers):
            layer, last = &self.c.layers[l], l == self.c.n_layers - 1
            if not c_can_be_feature_major(layer, last, self.c.cost):
                raise ValueError(f"lane_sums: layer {l} cannot be feature-major")
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
        if self.c.split_layer != -1:
            raise ValueError(f"split_layer: expected -1 in a feature-major plan, "
                             f"got {self.c.split_layer}")
        if self.c.n_partial_sums > 0:
            self._check_partial_sums(LANES + at)
            if self.c.partial_sums % LANES or self.c.partial_size % LANES:
                raise ValueError(f"partial_sums, partial_size: expected multiples of "
                                 f"{LANES} in a feature-major plan, "
                                 f"got {self.c.partial_sums} and {self.c.partial_size}")
        self.c.block_rows = c_padded(<int> max(2 * LANES, CACHED // numbers - LANES))
        return 0

    cdef int _check_arena(self) except -1:
        """Check that a worker's own copies lie behind its workspace."""
        if self.c.n_partial_sums == 0 or not self.c.work_size <= self.c.arena_size <= MOST_NUMBERS:
            raise ValueError(f"arena_size: expected -1, or with partial sums {self.c.work_size} to "
                             f"{MOST_NUMBERS}, got {self.c.arena_size}")
        if not 0 <= self.c.n_slots <= 8:
            raise ValueError(f"n_slots: expected 0 to 8, got {self.c.n_slots}")
        self._check_own("own_parameters", self.c.own_parameters, self.c.n_parameters)
        self._check_own("own_slots", self.c.own_slots, self.c.n_slots * self.c.n_parameters)
        self._check_own("own_running", self.c.own_running, self.c.n_running)
        return 0

    cdef int _check_own(self, str name, Py_ssize_t offset, Py_ssize_t size) except -1:
        if offset < self.c.work_size:
            raise ValueError(f"{name}: expected an offset behind the workspace, "
                             f"{self.c.work_size} or more, got {offset}")
        return _check_region(name, offset, size, self.c.arena_size)

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


cdef bint c_can_be_feature_major(const Layer* layer, bint last, int cost) noexcept nogil:
    """Whether a layer does what it does number by number, or is a softmax at the end."""
    if layer.norm != NO_NORM or layer.dropout > 0 or layer.out != layer.act:
        return False
    if layer.z != -1 and not last:
        return False
    if layer.activation == SOFTMAX:
        return last and cost == LOG_LIKELIHOOD
    return not last or cost >= 0


cdef int c_n_tiles(const Layer* layer) noexcept nogil:
    return (layer.n_out - 1) // layer.tile + 1


cdef int c_part(int n, int share, int n_shares) noexcept nogil:
    return <int> (n * <Py_ssize_t> share // n_shares)


cdef int c_unit(const Plan* plan) noexcept nogil:
    """Inputs of the split layer that stay together."""
    return <int> constants.ALIGNMENT if plan.split_layer == 0 else plan.layers[0].tile


cdef int c_n_units(const Plan* plan) noexcept nogil:
    return (plan.layers[plan.split_layer].n_in - 1) // c_unit(plan) + 1


cdef int c_split_begin(const Plan* plan, int p) noexcept nogil:
    cdef Py_ssize_t begin = c_part(c_n_units(plan), p, plan.n_partial_sums)
    return <int> min(begin * c_unit(plan), <Py_ssize_t> plan.layers[plan.split_layer].n_in)


cdef int c_n_in(const Plan* plan) noexcept nogil:
    return plan.layers[0].n_in


cdef int c_n_out(const Plan* plan) noexcept nogil:
    return plan.layers[plan.n_layers - 1].n_out
