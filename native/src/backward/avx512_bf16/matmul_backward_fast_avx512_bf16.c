// Fast matmul backward for AVX-512 BF16.
#include "matmul/avx512_bf16/products_avx512_bf16.h"
// The products first: what follows is written over them.
#include "backward/matmul_backward_fast.h"

void vd_matmul_backward_fast_avx512_bf16(const vd_matmul_backward *op, vd_range rows,
                                         vd_range columns, void *scratch) {
    multiply_panels(op, rows, columns, scratch);
}
