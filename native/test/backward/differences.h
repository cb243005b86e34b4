// Derivatives in double by central differences: an oracle that knows no derivative.
#ifndef VD_TEST_DIFFERENCES_H
#define VD_TEST_DIFFERENCES_H

#include <math.h>

// Some function of one number.
typedef double function_of_one(const void *what, double x);

// Its derivative at x by the steps h and h/2 (Richardson): the error of order h^4, with h = 2^-10
// of the magnitude, and 2^-53 / h, lie far below the roundings of f32.
static inline double derivative_at(function_of_one *f, const void *what, double x) {
    double h = 0x1p-10 * fmax(1, fabs(x));
    double wide = (f(what, x + h) - f(what, x - h)) / (2 * h);
    double narrow = (f(what, x + h / 2) - f(what, x - h / 2)) / h;
    return (4 * narrow - wide) / 3;
}

// What derivative_at may be off, for a function whose values are of this magnitude.
static inline double difference_error(double magnitude) { return 0x1p-33 * magnitude; }

#endif
