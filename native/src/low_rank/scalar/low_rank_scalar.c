// The reference implementation of the up-projection (docs/numerics.md).
#include <math.h>

#include "low_rank/low_rank.h"

void vd_low_rank_scalar(const vd_low_rank_up *op, const vd_low_rank *update, vd_range rows,
                        vd_range columns) {
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const float *t = op->t + i * op->choice.R;
        for (int64_t n = columns.begin; n < columns.end; n++) {
            const float *b = update->B + n / VD_LOW_RANK_COLUMNS * VD_LOW_RANK_COLUMNS * update->r +
                             n % VD_LOW_RANK_COLUMNS;
            float sum = 0;
            for (int64_t j = 0; j < update->r; j++) {
                sum = fmaf(t[j], b[j * VD_LOW_RANK_COLUMNS], sum);
            }
            op->y[i * op->N + n] = op->x[i * op->N + n] + sum;
        }
    }
}
