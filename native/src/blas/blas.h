// Matrix products of a plan by OpenBLAS.
#ifndef VD_BLAS_BLAS_H
#define VD_BLAS_BLAS_H

#include "core/pool.h"
#include "vidrio.h"

// Returns 1 if OpenBLAS is loaded. It is never unloaded.
int vd_blas_loaded(void);

// Computes some outputs of some rows of a product with F32 weights. OpenBLAS must be loaded.
void vd_blas_matmul(const vd_matmul *op, vd_range rows, vd_range outputs);

#endif
