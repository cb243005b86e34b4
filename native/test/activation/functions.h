// The activation functions in double, with the error bounds of their f32 kernels: all that the
// tests of activation and activation_backward need of a function.
#ifndef VD_TEST_ACTIVATION_FUNCTIONS_H
#define VD_TEST_ACTIVATION_FUNCTIONS_H

#include <math.h>

#include "activation/activation.h"
#include "support/tolerance.h"

typedef struct error {
    double relative, absolute;
} error;

typedef struct function {
    const char *name;
    double (*exact)(double x);
    error (*error)(double x);  // of the kernel
    double ulps;               // bound for all floats in units in the last place; 0: not swept
    double kink;               // |x| at which f or f' is not differentiable, if radius is not 0
    double radius;             // of the range around it where differences do not apply
} function;

static error no_error(double x) {
    (void)x;
    return (error){0, 0};
}

// Returns the error of v / (1 + exp(w)), where w has the error w_error. If exp(w) is infinite in
// f32, the exact result is less than |v| * 2^-127.
static error gate_error(double v, double w, double w_error) {
    int infinite = w > 88.7;
    return (error){infinite ? 0 : expm1(w_error) + EXP_ERROR + roundings(2),
                   (infinite ? fabs(v) * 0x1p-127 : 0) + underflows(1)};
}

static error normal_error(double relative) { return (error){relative, underflows(2 * GELU_ULPS)}; }

static double silu(double x) { return x / (1 + exp(-x)); }
static error silu_error(double x) { return gate_error(x, -x, 0); }

static double gelu_tanh_exponent(double x) {
    double cubic = (double)VD_GELU_CUBIC;
    return (double)VD_GELU_MINUS_2_SQRT_2_OVER_PI * x * (1 + cubic * x * x);
}
static double gelu_tanh(double x) { return x / (1 + exp(gelu_tanh_exponent(x))); }
static error gelu_tanh_error(double x) {
    double w = gelu_tanh_exponent(x);
    return gate_error(x, w, fmin(fabs(w), 89) * roundings(4) + underflows(4));
}

static double relu(double x) { return fmax(x, 0); }

static double gelu(double x) { return x / 2 * erfc(-x * M_SQRT1_2); }
static error gelu_error(double x) {
    (void)x;
    return normal_error(GELU_ERROR);
}

static error tanh_error(double x) {
    (void)x;
    return normal_error(TANH_ERROR);
}

static double squared_relu(double x) { return fmax(x, 0) * fmax(x, 0); }
static error squared_relu_error(double x) {
    (void)x;
    return normal_error(roundings(1));
}

static double elu(double x) { return x > 0 ? x : expm1(x); }

static double hard_tanh(double x) { return fmax(-1, fmin(x, 1)); }

static double clamped_swish(double x) {
    return fmin(x, 7) / (1 + exp(-(double)VD_SWISH_SLOPE * fmin(x, 7)));
}
static error clamped_swish_error(double x) {
    double clamped = fmin(x, 7), w = -(double)VD_SWISH_SLOPE * clamped;
    return gate_error(clamped, w, fmin(fabs(w), 89) * roundings(1));
}

static double clamped_linear(double x) { return 1 + fmax(fmin(x, 7), -7); }
static error clamped_linear_error(double x) {
    (void)x;
    return (error){0, 8 * roundings(1)};
}

static double identity(double x) { return x; }

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static error sigmoid_error(double x) { return gate_error(1, -x, 0); }

static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static error softplus_error(double x) {
    (void)x;
    return normal_error(SOFTPLUS_ERROR);
}

static double decay_complement(double x) { return x < 0 ? sqrt(-expm1(2 * x)) : 0; }
// The root halves the error of expm1, which tanh shares, and rounds once.
static error decay_complement_error(double x) {
    (void)x;
    return (error){TANH_ERROR / 2 + roundings(1), 0};
}

static const function functions[VD_ACTIVATION_COUNT] = {
    [VD_ACTIVATION_SILU] = {"silu", silu, silu_error, 0, 0, 0},
    [VD_ACTIVATION_GELU_TANH] = {"gelu_tanh", gelu_tanh, gelu_tanh_error, 0, 0, 0},
    [VD_ACTIVATION_RELU] = {"relu", relu, no_error, 0, 0, 0.01},
    [VD_ACTIVATION_GELU] = {"gelu", gelu, gelu_error, GELU_ULPS, 0, 0},
    [VD_ACTIVATION_TANH] = {"tanh", tanh, tanh_error, 0, 0, 0},
    [VD_ACTIVATION_SQUARED_RELU] = {"squared_relu", squared_relu, squared_relu_error, 0, 0, 0.01},
    [VD_ACTIVATION_ELU] = {"elu", elu, tanh_error, 0, 0, 0.01},
    [VD_ACTIVATION_HARD_TANH] = {"hard_tanh", hard_tanh, no_error, 0, 1, 0.01},
    [VD_ACTIVATION_CLAMPED_SWISH] = {"clamped_swish", clamped_swish, clamped_swish_error, 0, 7,
                                     0.01},
    [VD_ACTIVATION_CLAMPED_LINEAR] = {"clamped_linear", clamped_linear, clamped_linear_error, 0, 7,
                                      0.01},
    [VD_ACTIVATION_IDENTITY] = {"identity", identity, no_error, 0, 0, 0},
    [VD_ACTIVATION_SIGMOID] = {"sigmoid", sigmoid, sigmoid_error, 0, 0, 0},
    [VD_ACTIVATION_SOFTPLUS] = {"softplus", softplus, softplus_error, SOFTPLUS_ULPS, 0, 0},
    [VD_ACTIVATION_DECAY_COMPLEMENT] = {"decay_complement", decay_complement,
                                        decay_complement_error, 0, 0, 0.25},
};

#endif
