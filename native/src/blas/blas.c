// OpenBLAS, loaded on request: it is large, and starts threads of its own.
#include <cblas.h>

#include "os/library.h"
#include "os/thread.h"
#include "vidrio.h"

typedef struct blas {
    __typeof__(&cblas_sgemm) sgemm;
    __typeof__(&openblas_set_num_threads) set_num_threads;
} blas;

static blas loaded;
static vd_lock loading = VD_LOCK_FREE;

static vd_status load(const char *path) {
    void *library = vd_library_open(path);
    if (library == NULL) {
        return VD_BLAS_MISSING;
    }
    blas found = {0};
    if (!vd_library_find(library, "cblas_sgemm", &found.sgemm) ||
        !vd_library_find(library, "openblas_set_num_threads", &found.set_num_threads)) {
        vd_library_close(library);
        return VD_BLAS_MISSING;
    }
    found.set_num_threads(1);
    loaded = found;
    return VD_OK;
}

vd_status vd_blas_open(const char *path) {
    if (path == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    vd_lock_acquire(&loading);
    vd_status status = loaded.sgemm != NULL ? VD_OK : load(path);
    vd_lock_release(&loading);
    return status;
}

static __typeof__(&cblas_sgemm) bound_sgemm(void) {
    vd_lock_acquire(&loading);
    __typeof__(&cblas_sgemm) sgemm = loaded.sgemm;
    vd_lock_release(&loading);
    return sgemm;
}

vd_status vd_sgemm(int64_t M, int64_t N, int64_t K, const float *x, const float *W, float *y) {
    if (x == NULL || W == NULL || y == NULL || M <= 0 || N <= 0 || K <= 0 || M > INT32_MAX ||
        N > INT32_MAX || K > INT32_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    __typeof__(&cblas_sgemm) sgemm = bound_sgemm();
    if (sgemm == NULL) {
        return VD_BLAS_MISSING;
    }
    blasint m = (blasint)M, n = (blasint)N, k = (blasint)K;
    sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0f, x, k, W, k, 0.0f, y, n);
    return VD_OK;
}
