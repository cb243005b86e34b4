// The loops of matmul in bf16 over panels: tokens are converted once for all outputs, and a panel
// of outputs once for these tokens. The includer defines
//   - panels, the memory of a worker; TOKENS, the rows that are converted together; COLUMNS, a
//     multiple of 32, GROUPS and WIDTH of a panel of outputs;
//   - convert_tokens, and fitting_columns, the columns that fit the memory of some tokens;
//   - group_panel, the columns of group_of(p, g), and expand_group and expand_rows, which convert
//     packed and row-major weights into them;
//   - multiply_panel.
#ifndef VD_MATMUL_BF16_LOOPS_H
#define VD_MATMUL_BF16_LOOPS_H

#include "matmul/matmul.h"
#include "types/types.h"

// Multiplies tokens `rows` of op by columns [first, first + columns) of the panel, and adds the
// products to y, or sets y if column k + first is 0.
static void multiply_panel(const vd_matmul *op, const tokens *t, vd_range rows, vd_range outputs,
                           int64_t k, int64_t first, int64_t columns, panels *p);

// Multiplies at most TOKENS rows.
VD_INLINE void multiply_rows(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                             panels *p) {
    int64_t chunk = fitting_columns(rows.end - rows.begin);
    for (int64_t k = 0; k < op->K; k += chunk) {
        tokens t = convert_tokens(op, rows, k, vd_min(op->K - k, chunk), p);
        for (int64_t n = outputs.begin; n < outputs.end; n += WIDTH) {
            for (int64_t c = 0; c < t.columns; c += COLUMNS) {
                int64_t columns = vd_min(t.columns - c, COLUMNS);
                for (int g = 0; g < GROUPS && n + g * VD_PACK_ROWS < outputs.end; g++) {
                    int64_t first = n + g * VD_PACK_ROWS;
                    group_panel to = group_of(p, g);
                    if (vd_is_quantized(type)) {
                        expand_group(type, op, first / VD_PACK_ROWS, k + c, columns, to);
                    } else {
                        expand_rows(type, op, first, outputs.end, k + c, columns, to);
                    }
                }
                multiply_panel(op, &t, rows, (vd_range){n, outputs.end}, k, c, columns, p);
            }
        }
    }
}

VD_INLINE void multiply_all(const int type, const vd_matmul *op, vd_range rows, vd_range units,
                            panels *p) {
    const int64_t unit = vd_is_quantized(type) ? VD_PACK_ROWS : 1;
    vd_range outputs = {units.begin * unit, vd_min(units.end * unit, op->N)};
    for (int64_t m = rows.begin; m < rows.end; m += TOKENS) {
        multiply_rows(type, op, (vd_range){m, vd_min(m + TOKENS, rows.end)}, outputs, p);
    }
}

#endif
