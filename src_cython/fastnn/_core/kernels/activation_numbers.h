/* The activations by their numbers. The enumeration, the tables of kernels and what checks a number
 * all follow from this list. */
#ifndef FASTNN_ACTIVATION_NUMBERS_H
#define FASTNN_ACTIVATION_NUMBERS_H

/* BY_ENTRY(SIGMOID, sigmoid, ...) has the kernels forward_sigmoid and backward_sigmoid, and its
 * slope is computed from its OUTPUT or, where that does not say it, from its INPUT. OTHER has no
 * such kernels. New ones come last: numbers do not change. */
#define EACH_ACTIVATION(BY_ENTRY, OTHER, way, type, isa) \
    OTHER(IDENTITY) \
    BY_ENTRY(SIGMOID, sigmoid, OUTPUT, way, type, isa) \
    BY_ENTRY(TANH, tanh, OUTPUT, way, type, isa) \
    BY_ENTRY(RELU, relu, OUTPUT, way, type, isa) \
    OTHER(SOFTMAX) \
    BY_ENTRY(LEAKY_RELU, leaky_relu, OUTPUT, way, type, isa) \
    BY_ENTRY(ELU, elu, OUTPUT, way, type, isa) \
    BY_ENTRY(SELU, selu, OUTPUT, way, type, isa) \
    BY_ENTRY(GELU, gelu, INPUT, way, type, isa) \
    BY_ENTRY(SILU, silu, INPUT, way, type, isa) \
    BY_ENTRY(MISH, mish, INPUT, way, type, isa) \
    BY_ENTRY(SOFTPLUS, softplus, OUTPUT, way, type, isa) \
    BY_ENTRY(EXP, exp, OUTPUT, way, type, isa)

#define NUMBER(NAME, f, slope_from, way, type, isa) ACTIVATION_##NAME,
#define NUMBER_OF_OTHER(NAME) ACTIVATION_##NAME,
enum Activation { EACH_ACTIVATION(NUMBER, NUMBER_OF_OTHER, , , ) N_ACTIVATIONS };
#undef NUMBER
#undef NUMBER_OF_OTHER

static inline int fastnn_slope_from_input(int activation)
{
    enum { OUTPUT, INPUT };
#define IS_FROM_INPUT(NAME, f, slope_from, way, type, isa) slope_from == INPUT,
#define OTHER_IS_NOT(NAME) 0,
    static const char from_input[N_ACTIVATIONS] = {
        EACH_ACTIVATION(IS_FROM_INPUT, OTHER_IS_NOT, , , )};
#undef IS_FROM_INPUT
#undef OTHER_IS_NOT
    return from_input[activation];
}

#endif
