// Derivatives in double by central differences: an oracle that contains no formula of a derivative.
#ifndef VD_TEST_DIFFERENCES_H
#define VD_TEST_DIFFERENCES_H

#include <math.h>

// A function of one variable with its parameters.
typedef double function_of_one(const void *parameters, double x);

// Returns the derivative at x by Richardson extrapolation of the steps h and h/2. With h = 2^-10 of
// the magnitude, its errors of order h^4 and 2^-53 / h are far below the roundings of f32.
static inline double derivative_at(function_of_one *f, const void *parameters, double x) {
    double h = 0x1p-10 * fmax(1, fabs(x));
    double wide = (f(parameters, x + h) - f(parameters, x - h)) / (2 * h);
    double narrow = (f(parameters, x + h / 2) - f(parameters, x - h / 2)) / h;
    return (4 * narrow - wide) / 3;
}

// Returns the error of derivative_at for a function with values of this magnitude.
static inline double difference_error(double magnitude) { return 0x1p-33 * magnitude; }

#endif
