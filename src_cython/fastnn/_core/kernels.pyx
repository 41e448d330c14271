"""The C kernels, compiled once: hands out the tables of the instruction set that is used."""

from fastnn._core.isa cimport c_level


cdef extern from "kernels/kernels.h" nogil:
    const GemmDouble* fastnn_gemm_double
    const GemmFloat* fastnn_gemm_float
    const GemmPackedDouble* fastnn_gemm_packed_double
    const GemmPackedFloat* fastnn_gemm_packed_float
    const ActivationDouble* fastnn_activation_double
    const ActivationFloat* fastnn_activation_float
    const CostDouble* fastnn_cost_double
    const CostFloat* fastnn_cost_float
    const NormDouble* fastnn_norm_double
    const NormFloat* fastnn_norm_float
    const OptimizerDouble* fastnn_optimizer_double
    const OptimizerFloat* fastnn_optimizer_float
    const DropoutDouble* fastnn_dropout_double
    const DropoutFloat* fastnn_dropout_float
    const FeatureMajorDouble* fastnn_feature_major_double
    const FeatureMajorFloat* fastnn_feature_major_float

cdef KernelsDouble of_double = KernelsDouble(
    gemm=&fastnn_gemm_double[c_level()],
    gemm_packed=&fastnn_gemm_packed_double[c_level()],
    activation=&fastnn_activation_double[c_level()],
    cost=&fastnn_cost_double[c_level()],
    norm=&fastnn_norm_double[c_level()],
    optimizer=&fastnn_optimizer_double[c_level()],
    dropout=fastnn_dropout_double[c_level()],
    feature_major=&fastnn_feature_major_double[c_level()],
)
cdef KernelsFloat of_float = KernelsFloat(
    gemm=&fastnn_gemm_float[c_level()],
    gemm_packed=&fastnn_gemm_packed_float[c_level()],
    activation=&fastnn_activation_float[c_level()],
    cost=&fastnn_cost_float[c_level()],
    norm=&fastnn_norm_float[c_level()],
    optimizer=&fastnn_optimizer_float[c_level()],
    dropout=fastnn_dropout_float[c_level()],
    feature_major=&fastnn_feature_major_float[c_level()],
)


cdef const KernelsDouble* c_kernels_double() noexcept nogil:
    return &of_double


cdef const KernelsFloat* c_kernels_float() noexcept nogil:
    return &of_float
