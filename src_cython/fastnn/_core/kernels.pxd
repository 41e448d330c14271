"""The C kernels of this processor's instruction set, in tables: declared here alone.

``nt``, ``tn`` and ``nn`` are products A Bᵀ, Aᵀ B and A B; the kernels themselves are in
``kernels/``, compiled once, and reached through ``c_kernels_double`` and ``c_kernels_float``.
"""

from libc.stdint cimport uint32_t


cdef extern from "runtime/prefetch.h" nogil:
    ctypedef struct Prefetch "FastnnPrefetch":
        const char* const* rows
        Py_ssize_t n_rows
        Py_ssize_t bytes
        Py_ssize_t row
        Py_ssize_t at
        Py_ssize_t lines
    int FASTNN_LINE


cdef extern from "kernels/kernels.h" nogil:
    # nt and nn; tn
    ctypedef void (*ProductDouble)(
        double*, Py_ssize_t, const double*, Py_ssize_t, const double*, Py_ssize_t,
        const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    ctypedef void (*UpdateDouble)(
        double*, Py_ssize_t, const double*, Py_ssize_t, const double*, Py_ssize_t,
        Py_ssize_t, Py_ssize_t, Py_ssize_t, double, double, Prefetch*) noexcept nogil
    ctypedef struct GemmDouble:
        const char* name
        ProductDouble nt
        UpdateDouble tn
        ProductDouble nn
        void (*panels)(double*, const double*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*np)(
            double*, const double*, const double*, const double*, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, const double*) noexcept nogil
    ctypedef struct GemmPackedDouble:
        ProductDouble nt
        UpdateDouble tn
        ProductDouble nn
    # nt and nn; tn
    ctypedef void (*ProductFloat)(
        float*, Py_ssize_t, const float*, Py_ssize_t, const float*, Py_ssize_t,
        const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    ctypedef void (*UpdateFloat)(
        float*, Py_ssize_t, const float*, Py_ssize_t, const float*, Py_ssize_t,
        Py_ssize_t, Py_ssize_t, Py_ssize_t, float, float, Prefetch*) noexcept nogil
    ctypedef struct GemmFloat:
        const char* name
        ProductFloat nt
        UpdateFloat tn
        ProductFloat nn
        void (*panels)(float*, const float*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*np)(
            float*, const float*, const float*, const float*, Py_ssize_t, Py_ssize_t,
            Py_ssize_t, const float*) noexcept nogil
    ctypedef struct GemmPackedFloat:
        ProductFloat nt
        UpdateFloat tn
        ProductFloat nn
    ctypedef struct ActivationDouble:
        void (**forward)(double*, Py_ssize_t) noexcept nogil
        void (**backward)(double*, const double*, Py_ssize_t) noexcept nogil
        void (*softmax)(double*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax_backward)(double*, const double*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*log)(double*, Py_ssize_t) noexcept nogil
    ctypedef struct ActivationFloat:
        void (**forward)(float*, Py_ssize_t) noexcept nogil
        void (**backward)(float*, const float*, Py_ssize_t) noexcept nogil
        void (*softmax)(float*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax_backward)(float*, const float*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*log)(float*, Py_ssize_t) noexcept nogil
    enum:
        CROSS_ENTROPY_SIGMOID
        LOG_LIKELIHOOD_SIGMOID
        POISSON_EXP
        LOG_LIKELIHOOD_SOFTMAX
        CROSS_ENTROPY_SOFTMAX
    ctypedef struct CostDouble:
        double (*of_each)(
            const double*, const double*, const double*, const double*, Py_ssize_t,
            int) noexcept nogil
        double (*of_rows)(
            const double*, const double*, const double*, const double*, Py_ssize_t, Py_ssize_t,
            int) noexcept nogil
        double (*of_columns)(
            const double*, const double*, const double*, const double*, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
    ctypedef struct CostFloat:
        double (*of_each)(
            const float*, const float*, const float*, const float*, Py_ssize_t,
            int) noexcept nogil
        double (*of_rows)(
            const float*, const float*, const float*, const float*, Py_ssize_t, Py_ssize_t,
            int) noexcept nogil
        double (*of_columns)(
            const float*, const float*, const float*, const float*, Py_ssize_t, Py_ssize_t,
            Py_ssize_t) noexcept nogil
    ctypedef struct NormDouble:
        void (*columns_forward)(
            double*, double*, double*, double*, double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*columns_backward)(
            double*, double*, double*, const double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*running_forward)(
            double*, const double*, const double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*parameter_sums)(
            double*, double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*blocks_forward)(
            double*, double*, double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*blocks_delta)(
            double*, const double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*channel_sums)(
            double*, double*, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    ctypedef struct NormFloat:
        void (*columns_forward)(
            float*, float*, float*, float*, float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*columns_backward)(
            float*, float*, float*, const float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*running_forward)(
            float*, const float*, const float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*parameter_sums)(
            float*, float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*blocks_forward)(
            float*, float*, float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, double) noexcept nogil
        void (*blocks_delta)(
            float*, const float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*channel_sums)(
            float*, float*, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    enum:
        RATE, KEEP, TAKE, EPS, KEEP_SQUARE, TAKE_SQUARE, ROOT, N_NUMBERS
        L1, L2, GROW, SHRINK, MOST, LEAST
    ctypedef void StepDouble(
        double*, const double*, double*, double*, Py_ssize_t, const double*) noexcept nogil
    ctypedef void StepFloat(
        float*, const float*, float*, float*, Py_ssize_t, const float*) noexcept nogil
    ctypedef struct OptimizerDouble:
        StepDouble* plain
        StepDouble* momentum
        StepDouble* nesterov
        StepDouble* by_squares
        StepDouble* adam
        StepDouble* rprop
        StepDouble* decay
        StepDouble* shrink
        StepDouble* add_penalty
        double (*sum_of_squares)(const double*, Py_ssize_t) noexcept nogil
        double (*sum_of_sizes)(const double*, Py_ssize_t) noexcept nogil
        void (*column_sums)(
            double*, const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, double,
            double) noexcept nogil
    ctypedef struct OptimizerFloat:
        StepFloat* plain
        StepFloat* momentum
        StepFloat* nesterov
        StepFloat* by_squares
        StepFloat* adam
        StepFloat* rprop
        StepFloat* decay
        StepFloat* shrink
        StepFloat* add_penalty
        double (*sum_of_squares)(const float*, Py_ssize_t) noexcept nogil
        double (*sum_of_sizes)(const float*, Py_ssize_t) noexcept nogil
        void (*column_sums)(
            float*, const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, float,
            float) noexcept nogil
    ctypedef void (*DropoutDouble)(
        double*, const double*, uint32_t, Py_ssize_t, uint32_t, double, uint32_t, uint32_t,
    ) noexcept nogil
    ctypedef void (*DropoutFloat)(
        float*, const float*, uint32_t, Py_ssize_t, uint32_t, float, uint32_t, uint32_t,
    ) noexcept nogil
    ctypedef struct FeatureMajorDouble:
        void (*pick)(
            double*, Py_ssize_t, const double*, Py_ssize_t, const Py_ssize_t*,
            Py_ssize_t) noexcept nogil
        void (*product)(
            double*, const double*, Py_ssize_t, Py_ssize_t, const double*, const double*,
            const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*gradient)(
            double*, double*, double, Py_ssize_t, Py_ssize_t, const double*, const double*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*row_gradient)(
            double*, const double*, double, const double*, Py_ssize_t, const double*,
            const Py_ssize_t*, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        int (*by_rows)(Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax)(double*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax_delta)(
            double*, const double*, const double*, Py_ssize_t, Py_ssize_t) noexcept nogil
        int (*cost_of_labels)(
            double*, const double*, const double*, const double*, Py_ssize_t,
            double) noexcept nogil
    ctypedef struct FeatureMajorFloat:
        void (*pick)(
            float*, Py_ssize_t, const float*, Py_ssize_t, const Py_ssize_t*,
            Py_ssize_t) noexcept nogil
        void (*product)(
            float*, const float*, Py_ssize_t, Py_ssize_t, const float*, const float*,
            const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*gradient)(
            float*, float*, float, Py_ssize_t, Py_ssize_t, const float*, const float*,
            Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*row_gradient)(
            float*, const float*, float, const float*, Py_ssize_t, const float*,
            const Py_ssize_t*, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
        int (*by_rows)(Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax)(float*, Py_ssize_t, Py_ssize_t) noexcept nogil
        void (*softmax_delta)(
            float*, const float*, const float*, Py_ssize_t, Py_ssize_t) noexcept nogil


# All of one instruction set and number type.
cdef struct KernelsDouble:
    const GemmDouble* gemm
    const GemmPackedDouble* gemm_packed
    const ActivationDouble* activation
    const CostDouble* cost
    const NormDouble* norm
    const OptimizerDouble* optimizer
    DropoutDouble dropout
    const FeatureMajorDouble* feature_major


cdef struct KernelsFloat:
    const GemmFloat* gemm
    const GemmPackedFloat* gemm_packed
    const ActivationFloat* activation
    const CostFloat* cost
    const NormFloat* norm
    const OptimizerFloat* optimizer
    DropoutFloat dropout
    const FeatureMajorFloat* feature_major


cdef const KernelsDouble* c_kernels_double() noexcept nogil
cdef const KernelsFloat* c_kernels_float() noexcept nogil
