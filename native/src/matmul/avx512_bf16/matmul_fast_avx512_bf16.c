// Fast matmul for AVX-512 BF16: 8 tokens x 32 outputs in registers over a panel. Quantized weights
// are left out: their bytes multiply twice as fast as they are.
#include "matmul/avx512_bf16/products_avx512_bf16.h"
// The products first: what follows is written over them.
#include "matmul/matmul_fast.h"

void vd_matmul_fast_f16_avx512_bf16(const vd_matmul *op, vd_range rows, vd_range outputs,
                                    void *scratch) {
    multiply_panels(VD_F16, op, rows, outputs, scratch);
}

void vd_matmul_fast_bf16_avx512_bf16(const vd_matmul *op, vd_range rows, vd_range outputs,
                                     void *scratch) {
    multiply_panels(VD_BF16, op, rows, outputs, scratch);
}
