// Fast matmul backward for AMX-BF16.
#include "matmul/amx_bf16/products_amx_bf16.h"
// The products first: what follows is written over them.
#include "backward/matmul_backward_fast.h"

void vd_matmul_backward_fast_amx_bf16(const vd_matmul_backward *op, vd_range rows, vd_range columns,
                                      void *scratch) {
    amx_configure(&tiles);
    multiply_panels(op, rows, columns, scratch);
    amx_release();
}
