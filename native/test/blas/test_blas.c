// OpenBLAS at the path VD_TEST_OPENBLAS: errors before and during its opening, products close to
// double, and fast products of plans.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/system.h"
#include "support/tolerance.h"
#include "vidrio.h"

enum { M_MAX = 300, N_MAX = 300, K_MAX = 130 };

static float x[M_MAX * K_MAX], W[N_MAX * K_MAX], y[M_MAX * N_MAX], z[M_MAX * N_MAX];

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

static vd_op product_of(vd_type type, int32_t N, int32_t K, int32_t fast) {
    return (vd_op){
        .kind = VD_OP_MATMUL,
        .as.matmul = {.weights = W, .x = x, .y = y, .type = type, .N = N, .K = K, .fast = fast}};
}

// Returns a set whose fast products are those of OpenBLAS, if it is usable.
static vd_isa blas_isa(void) { return vd_isa_usable(VD_ISA_AVX2) ? VD_ISA_AVX2 : VD_ISA_SCALAR; }

// Returns the status of creating a plan of a product.
static vd_status planned(vd_isa isa, vd_type type, int32_t fast) {
    vd_op op = product_of(type, 8, 8, fast);
    vd_limits limits = {1, 1, 1, 1, 1, 0, 1};
    vd_plan *plan;
    vd_status status = vd_plan_create(&op, 1, &limits, isa, &plan, NULL);
    if (status == VD_OK) {
        vd_plan_free(plan);
    }
    return status;
}

// Checks that the bits of a product in a plan depend neither on the number of workers nor on the
// run.
static void bits_do_not_depend_on_workers(rng *r, int32_t M, int32_t N, int32_t K) {
    rng_fill(r, ORDINARY, x, (int64_t)M * K);
    rng_fill(r, ORDINARY, W, (int64_t)N * K);
    vd_op op = product_of(VD_F32, N, K, 1);
    vd_isa isa = blas_isa();
    for (int32_t workers = 1; workers <= 4; workers++) {
        describe("fast product, M %d, N %d, K %d, %d workers", M, N, K, workers);
        run_rows(&op, isa, workers, M);
        if (workers == 1) {
            check_outputs(M, N, K);
            memcpy(z, y, sizeof y);
        }
        same_floats("y", z, y, (int64_t)M * N);
    }
}

int main(void) {
    describe_faults();
    const char *path = getenv("VD_TEST_OPENBLAS");
    CHECK(path != NULL);
    rejects_products_without_openblas();
    vd_status missing = blas_isa() == VD_ISA_AVX2 ? VD_BLAS_MISSING : VD_OK;
    CHECK(planned(blas_isa(), VD_F32, 1) == missing && planned(blas_isa(), VD_F16, 1) == VD_OK);
    CHECK(planned(VD_ISA_SCALAR, VD_F32, 1) == VD_OK);
    describe("opening %s", path);
    CHECK(vd_blas_open(path) == VD_OK);
    CHECK(vd_blas_open(path) == VD_OK);
    CHECK(vd_blas_open("no such file") == VD_OK);
    rejects_invalid_arguments();
    CHECK(planned(blas_isa(), VD_F32, 1) == VD_OK);
    CHECK(planned(VD_ISA_SCALAR, VD_F32, 2) == VD_INVALID_ARGUMENT);
    rng r = {12};
    for (int i = 0; i < 40; i++) {
        multiplies(&r, rng_between(&r, 1, 33), rng_between(&r, 1, 70), rng_between(&r, 1, K_MAX));
    }
    for (int i = 0; i < 12; i++) {
        bits_do_not_depend_on_workers(&r, (int32_t)rng_between(&r, 40, M_MAX),
                                      (int32_t)rng_between(&r, 1, N_MAX),
                                      (int32_t)rng_between(&r, 1, K_MAX));
    }
    return 0;
}
