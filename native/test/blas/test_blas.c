// OpenBLAS at the path VD_TEST_OPENBLAS: errors before and during its opening, and products close
// to double.
#include <math.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/rng.h"
#include "support/system.h"
#include "support/tolerance.h"
#include "vidrio.h"

enum { M_MAX = 300, N_MAX = 300, K_MAX = 130 };

static float x[M_MAX * K_MAX], W[N_MAX * K_MAX], y[M_MAX * N_MAX];

static void rejects_products_without_openblas(void) {
    describe("without OpenBLAS");
    CHECK(vd_sgemm(1, 1, 1, x, W, y) == VD_BLAS_MISSING);
    CHECK(vd_blas_open(NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_blas_open("no such file") == VD_BLAS_MISSING);
    CHECK(vd_blas_open(system_library) == VD_BLAS_MISSING);
    CHECK(vd_sgemm(1, 1, 1, x, W, y) == VD_BLAS_MISSING);
}

static void rejects_invalid_arguments(void) {
    describe("vd_sgemm, arguments");
    CHECK(vd_sgemm(1, 1, 1, NULL, W, y) == VD_INVALID_ARGUMENT);
    CHECK(vd_sgemm(1, 1, 1, x, NULL, y) == VD_INVALID_ARGUMENT);
    CHECK(vd_sgemm(1, 1, 1, x, W, NULL) == VD_INVALID_ARGUMENT);
    for (int which = 0; which < 3; which++) {
        static const int64_t bad[] = {0, -1, 1LL << 31, INT64_MAX};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            int64_t size[3] = {1, 1, 1};
            size[which] = bad[i];
            CHECK(vd_sgemm(size[0], size[1], size[2], x, W, y) == VD_INVALID_ARGUMENT);
        }
    }
}

// Checks y. In any order of the sums, a term is rounded at most K times.
static void check_outputs(int64_t M, int64_t N, int64_t K) {
    for (int64_t i = 0; i < M * N; i++) {
        double sum = 0, magnitude = 0;
        for (int64_t k = 0; k < K; k++) {
            double term = (double)x[i / N * K + k] * (double)W[i % N * K + k];
            sum += term;
            magnitude += fabs(term);
        }
        near("y", i, sum, roundings(K + 1) * magnitude, y[i]);
    }
}

static void multiplies(rng *r, int64_t M, int64_t N, int64_t K) {
    describe("vd_sgemm, M %lld, N %lld, K %lld", (long long)M, (long long)N, (long long)K);
    rng_fill(r, ORDINARY, x, M * K);
    rng_fill(r, ORDINARY, W, N * K);
    CHECK(vd_sgemm(M, N, K, x, W, y) == VD_OK);
    check_outputs(M, N, K);
}

int main(void) {
    describe_faults();
    const char *path = getenv("VD_TEST_OPENBLAS");
    CHECK(path != NULL);
    rejects_products_without_openblas();
    describe("opening %s", path);
    CHECK(vd_blas_open(path) == VD_OK);
    CHECK(vd_blas_open(path) == VD_OK);
    CHECK(vd_blas_open("no such file") == VD_OK);
    rejects_invalid_arguments();
    rng r = {12};
    for (int i = 0; i < 40; i++) {
        multiplies(&r, rng_between(&r, 1, 33), rng_between(&r, 1, 70), rng_between(&r, 1, K_MAX));
    }
    return 0;
}
