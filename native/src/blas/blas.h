// Matrix products by OpenBLAS within a plan.
#ifndef VD_BLAS_BLAS_H
#define VD_BLAS_BLAS_H

#include "core/pool.h"
#include "vidrio.h"

// 1 when OpenBLAS is loaded; it stays so.
int vd_blas_loaded(void);

// Some outputs of some rows of a product of F32 weights. OpenBLAS is loaded.
void vd_blas_matmul(const vd_matmul *op, vd_range rows, vd_range outputs);

#endif
