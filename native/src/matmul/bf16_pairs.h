// Matmul in bf16 by instructions that multiply pairs of bf16: both operands are converted to bf16,
// a panel of tokens once for all outputs of a tile of the product, and a panel of outputs once for
// these tokens.
//
// A row of the panel of outputs has a pair of columns for each of 16 outputs, and tokens have the
// same pairs. The includer defines PAIR_LOW and PAIR_HIGH, the columns of pairs 0 and 1 among four
// adjacent columns; COLUMNS, a multiple of 32, and GROUPS of a panel of outputs; TILE_TOKENS
// (tokens are padded with zeros to a multiple of it); and multiply_panel.
#ifndef VD_MATMUL_BF16_PAIRS_H
#define VD_MATMUL_BF16_PAIRS_H

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "matmul/bf16_conversion.h"
#include "matmul/matmul.h"

enum {
    WIDTH = GROUPS * VD_PACK_ROWS,
    TOKENS = 512,  // of a panel
    PAD = 32,      // words between tokens, which then map to different cache sets
    TOKEN_WORDS = TOKENS * (512 + PAD),
};

// Memory of a worker.
typedef struct panels {
    alignas(64) uint16_t tokens[TOKEN_WORDS];
    uint16_t weights[GROUPS][COLUMNS / 2][2 * VD_PACK_ROWS];
    float sums[TILE_TOKENS][GROUPS][VD_PACK_ROWS];
} panels;

static_assert(sizeof(panels) <= VD_PANEL_BYTES, "panels fit a worker's memory");

VD_INLINE group_panel group_of(panels *p, int g) { return p->weights[g]; }

typedef uint16_t token_value;
#include "matmul/bf16_operands.h"

static tokens convert_tokens(const vd_matmul *op, vd_range rows, int64_t k, int64_t columns,
                             panels *p) {
    int64_t M = rows.end - rows.begin, whole = vd_ceil_div(columns, VD_BLOCK) * VD_BLOCK;
    tokens t = {p->tokens, whole + PAD, whole};
    for (int64_t m = 0; m < M; m++) {
        const float *x = op->x + (rows.begin + m) * op->K + k;
        uint16_t *to = p->tokens + m * t.stride;
        for (int64_t c = 0; c < columns; c += VD_BLOCK) {
            _mm512_storeu_si512(to + c, pair_columns(load_floats(x + c, columns - c)));
        }
    }
    int64_t padded = vd_ceil_div(M, TILE_TOKENS) * TILE_TOKENS;
    memset(p->tokens + M * t.stride, 0, (size_t)((padded - M) * t.stride) * sizeof *p->tokens);
    return t;
}

// Returns how many columns of some tokens fit their memory: all of them, or panels.
VD_INLINE int64_t fitting_columns(int64_t rows) {
    int64_t padded = vd_ceil_div(rows, TILE_TOKENS) * TILE_TOKENS;
    return (TOKEN_WORDS / padded - PAD) / COLUMNS * COLUMNS;
}

// The conversions come first: the loops use them.
#include "matmul/bf16_loops.h"

#endif
