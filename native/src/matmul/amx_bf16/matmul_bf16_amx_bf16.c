// Matmul in bf16 for AMX-BF16. Its product of tiles is the sum that docs/numerics.md defines: a
// chain over the even and one over the odd of 32 columns; docs/adr/027-bf16-products.md has the
// measurements.
//
// Tokens are converted once for all outputs, 32 tokens after the other, each as pairs of tiles of
// 16 tokens x 32 columns in the order in which products read them. A panel of 32 outputs x 512
// columns stays in the L1 cache while all tokens are multiplied by it, in two by two tiles of sums.
// The next panel is expanded between the products of this one: the processor executes both at
// once.
//
// For up to 16 tokens, expansion takes longer than products: each block of 32 columns is expanded
// a few blocks before its product, so that tile loads do not wait for the stores.
#include "simd/v16_avx512.h"
// The vector types come first: the loaders of blocks use them.
#include <assert.h>
#include <stdalign.h>

#define PAIR_LOW(i) (2 * (i))
#define PAIR_HIGH(i) (2 * (i) + 1)
#include "matmul/bf16_conversion.h"
#include "matmul/weight_prefetch.h"
#include "simd/amx.h"

enum {
    STEPS = 16,  // blocks of 32 columns in a panel
    COLUMNS = STEPS * VD_BLOCK,
    GROUPS = 2,
    WIDTH = GROUPS * VD_PACK_ROWS,
    TILE_WORDS = 512,
    STRIPE_TOKENS = 32,
    STRIPES = 8,          // of tokens that are converted together
    TOKEN_PANELS = 24,    // of 32 tokens x 512 columns, which fit the L2 cache: 256 x 1536
    FEW_TOKENS = 16,      // maximum of a single tile
    AHEAD = 3,            // blocks that are expanded before a product
    RING = 4,             // blocks in memory, more than AHEAD
    QUADS = VD_BLOCK / 4  // of columns in a block
};

typedef uint16_t tile[TILE_WORDS];

// Memory of a worker.
typedef struct panels {
    alignas(64) tile tokens[TOKEN_PANELS][STEPS][2];
    tile weights[2][GROUPS][STEPS];  // the current and the next panel
    float sums[STRIPES][2][GROUPS][16][16];
} panels;

static_assert(sizeof(panels) <= VD_PANEL_BYTES, "panels fit a worker's memory");

// ---- tokens ------------------------------------------------------------------------------------

// Converts columns [k, k + columns) of a token, or zeros if x is null. Row i of its tiles starts at
// `to`; tiles of adjacent columns are `distance` words apart.
VD_INLINE void convert_token(const float *x, int64_t columns, int64_t distance, uint16_t *to) {
    for (int64_t c = 0; c < columns; c += VD_BLOCK) {
        __m512i words = x == NULL ? i32x16_zero() : load_floats(x + c, columns - c);
        _mm512_store_si512(to, pair_columns(words));
        to += distance;
    }
}

// Converts columns [k, k + columns) of at most 256 tokens.
static void convert_tokens(const vd_matmul *op, vd_range rows, int64_t k, int64_t columns,
                           panels *p) {
    int64_t M = rows.end - rows.begin, stripes = vd_ceil_div(M, STRIPE_TOKENS);
    for (int64_t m = 0; m < stripes * STRIPE_TOKENS; m++) {
        const float *x = m < M ? op->x + (rows.begin + m) * op->K + k : NULL;
        int64_t stripe = m / STRIPE_TOKENS, half = m % STRIPE_TOKENS / 16;
        for (int64_t c = 0; c < columns; c += COLUMNS) {
            tile(*to)[2] = p->tokens[c / COLUMNS * stripes + stripe];
            convert_token(x == NULL ? NULL : x + c, vd_min(columns - c, COLUMNS), 2 * TILE_WORDS,
                          to[0][half] + m % 16 * VD_BLOCK);
        }
    }
}

// ---- weights -----------------------------------------------------------------------------------

// A panel of outputs over columns from k on. Tokens are converted from column k_begin to k_end.
typedef struct panel_at {
    vd_range outputs;
    int64_t k, k_begin, k_end;
} panel_at;

// Moves to the next panel, of the same outputs if columns are left. Returns false at the end.
VD_INLINE int next_panel(panel_at *at) {
    at->k += COLUMNS;
    if (at->k >= at->k_end) {
        at->k = at->k_begin;
        at->outputs.begin += WIDTH;
    }
    return at->outputs.begin < at->outputs.end;
}

// The expansion of a panel of packed or row-major weights.
typedef struct expansion {
    const vd_matmul *op;
    panel_at panel;
    panel_at prefetched;  // the panel after it, which is fetched from memory
    int64_t blocks;       // of a group
    int64_t done;         // blocks, of one group after the other
    int64_t total;        // blocks of all groups
    tile (*to)[STEPS];
    vd_packed_at at;
    vd_packed_at fetch;
    factors_at factors;
} expansion;

// Returns the groups of a panel that exist.
VD_INLINE int64_t groups_of(vd_range outputs) {
    int64_t groups = vd_ceil_div(outputs.end - outputs.begin, VD_PACK_ROWS);
    return groups < 0 ? 0 : vd_min(groups, GROUPS);
}

VD_INLINE expansion expansion_of(const vd_matmul *op, panel_at panel, tile (*to)[STEPS]) {
    panel_at after = panel;
    next_panel(&after);
    int64_t blocks = vd_ceil_div(vd_min(panel.k_end - panel.k, COLUMNS), VD_BLOCK);
    return (expansion){.op = op,
                       .panel = panel,
                       .prefetched = after,
                       .blocks = blocks,
                       .total = groups_of(panel.outputs) * blocks,
                       .to = to};
}

VD_INLINE vd_packed_at group_at(const int type, const vd_matmul *op, panel_at panel, int64_t g) {
    return vd_packed_at_column(type, op, panel.outputs.begin / VD_PACK_ROWS + g, panel.k);
}

// Starts the next block and returns its tile. Prefetches as many weights of the panel after it: the
// hardware does not, since a panel is expanded slowly.
VD_INLINE group_panel begin_block(const int type, expansion *e) {
    int64_t g = e->done / e->blocks, b = e->done % e->blocks;
    if (vd_is_quantized(type)) {
        int fetches = g < groups_of(e->prefetched.outputs);
        if (b == 0) {
            e->at = group_at(type, e->op, e->panel, g);
            e->fetch = fetches ? group_at(type, e->op, e->prefetched, g) : e->at;
        }
        if (fetches) {
            vd_prefetch(e->fetch.columns, VD_UNIT_BYTES * vd_code_bits(type));
            if (e->fetch.j == 0) {
                vd_prefetch(e->fetch.factors, VD_PACK_ROWS * vd_block_layout_of(type).factor_bytes);
            }
            vd_next_columns(type, &e->fetch);
        }
    }
    e->done++;
    return (group_panel)e->to[g][b];
}

// Expands four columns, the q-th of a block of packed weights.
VD_INLINE void expand_quad(const int type, expansion *e, int q, group_panel to) {
    const int quads = vd_block_layout_of(type).sub_block / 4;
    if (q % quads == 0) {
        e->factors = load_factors(type, e->at.factors, e->at.j + q / quads);
    }
    expand_columns(type, &e->at, q, e->factors, to);
    if (q == QUADS - 1) {
        vd_next_columns(type, &e->at);
    }
}

// Expands blocks until `done` are.
VD_INLINE void expand_until(const int type, expansion *e, int64_t done) {
    while (e->done < done) {
        int64_t g = e->done / e->blocks, b = e->done % e->blocks;
        group_panel to = begin_block(type, e);
        if (vd_is_quantized(type)) {
            expand_block(type, &e->at, to);
        } else {
            expand_rows(type, e->op, e->panel.outputs.begin + g * VD_PACK_ROWS,
                        e->panel.outputs.end, e->panel.k + b * VD_BLOCK, VD_BLOCK, to);
        }
    }
}

// ---- products ----------------------------------------------------------------------------------

static const amx_config tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

// Two by two tiles of sums in memory, by distances in bytes.
typedef struct sums_at {
    char *first;
    int64_t row;
    int64_t tokens;  // between tiles of tokens
    int64_t groups;  // between tiles of outputs
} sums_at;

VD_INLINE sums_at sums_in(float (*sums)[GROUPS][16][16]) {
    return (sums_at){(char *)sums, 16 * sizeof(float), sizeof sums[0], sizeof sums[0][0]};
}

VD_INLINE sums_at sums_in_y(const vd_matmul *op, int64_t m, int64_t n) {
    int64_t row = op->N * (int64_t)sizeof(float);
    return (sums_at){(char *)(op->y + m * op->N + n), row, 16 * row, 16 * sizeof(float)};
}

// Adds the products of 16 x 2 tokens and 16 x 2 outputs over 32 columns.
VD_INLINE void multiply_step(const tile *x, const tile *w0, const tile *w1) {
    amx_load_once(4, x[0], VD_UNIT_BYTES);
    amx_load(6, *w0, VD_UNIT_BYTES);
    amx_dot_bf16(0);
    amx_load(7, *w1, VD_UNIT_BYTES);
    amx_dot_bf16(1);
    amx_load_once(5, x[1], VD_UNIT_BYTES);
    amx_dot_bf16(2);
    amx_dot_bf16(3);
}

// Adds the products of 32 tokens with a panel to the sums `from`, which are zeros if null, and
// expands blocks of the next panel until `done` are.
VD_INLINE void multiply_stripe(const int type, const tile (*x)[2], tile (*w)[STEPS], int64_t steps,
                               const sums_at *from, const sums_at *to, expansion *next,
                               int64_t done) {
    const int64_t interleaved = vd_is_quantized(type) ? steps / (QUADS / 2) : 0;
    expand_until(type, next, done - interleaved);
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        if (from == NULL) {
            amx_zero(c);
        } else {
            amx_load(c, from->first + c / 2 * from->tokens + c % 2 * from->groups, from->row);
        }
    }
    int64_t s = 0;
    while (vd_is_quantized(type) && next->done < done) {
        group_panel block = begin_block(type, next);
#pragma GCC unroll 4
        for (int q = 0; q < QUADS; q += 2, s++) {
            multiply_step(x[s], &w[0][s], &w[1][s]);
            expand_quad(type, next, q, block);
            expand_quad(type, next, q + 1, block);
        }
    }
    for (; s < steps; s++) {
        multiply_step(x[s], &w[0][s], &w[1][s]);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        amx_store(c, to->first + c / 2 * to->tokens + c % 2 * to->groups, to->row);
    }
}

// Copies sums that exist to or from y.
static void copy_sums(float (*sums)[GROUPS][16][16], const vd_matmul *op, vd_range rows,
                      vd_range outputs, int to_y) {
    for (int64_t m = rows.begin; m < rows.end; m++) {
        for (int g = 0; g < GROUPS && outputs.begin + g * VD_PACK_ROWS < outputs.end; g++) {
            int64_t n = outputs.begin + g * VD_PACK_ROWS, left = outputs.end - n;
            int64_t i = m - rows.begin;
            float *y = op->y + m * op->N + n, *sum = sums[i / 16][g][i % 16];
            if (to_y) {
                f32x16_store_up_to(y, f32x16_load(sum), left);
            } else {
                f32x16_store(sum, f32x16_load_up_to(y, left));
            }
        }
    }
}

// Multiplies all tokens by a panel. Sums are in memory of the worker between the panels of
// converted columns, otherwise in y.
VD_INLINE void multiply_panel(const int type, const vd_matmul *op, vd_range rows, panel_at at,
                              tile (*w)[STEPS], expansion *next, panels *p) {
    int64_t stripes = vd_ceil_div(rows.end - rows.begin, STRIPE_TOKENS);
    int64_t columns = vd_min(at.k_end - at.k, COLUMNS);
    const tile(*x)[STEPS][2] =
        (const tile(*)[STEPS][2])p->tokens + (at.k - at.k_begin) / COLUMNS * stripes;
    int from_y = at.k == at.k_begin && at.k > 0, to_y = at.k + columns == at.k_end;
    for (int64_t i = 0; i < stripes; i++) {
        int64_t m = rows.begin + i * STRIPE_TOKENS;
        vd_range tokens = {m, vd_min(m + STRIPE_TOKENS, rows.end)};
        int whole = tokens.end - m == STRIPE_TOKENS && at.outputs.end - at.outputs.begin >= WIDTH;
        sums_at memory = sums_in(p->sums[i]), y = sums_in_y(op, m, at.outputs.begin);
        if (from_y && !whole) {
            copy_sums(p->sums[i], op, tokens, at.outputs, 0);
        }
        multiply_stripe(type, x[i], w, vd_ceil_div(columns, VD_BLOCK),
                        at.k == 0         ? NULL
                        : from_y && whole ? &y
                                          : &memory,
                        to_y && whole ? &y : &memory, next, next->total * (i + 1) / stripes);
        if (to_y && !whole) {
            copy_sums(p->sums[i], op, tokens, at.outputs, 1);
        }
    }
}

// Multiplies at most 256 tokens by columns of W.
VD_INLINE void multiply_columns(const int type, const vd_matmul *op, vd_range rows,
                                vd_range outputs, int64_t k, int64_t columns, panels *p) {
    convert_tokens(op, rows, k, columns, p);
    panel_at at = {outputs, k, k, k + columns}, after = at;
    expansion first = expansion_of(op, at, p->weights[0]);
    expand_until(type, &first, first.total);
    for (int current = 0, more = 1; more; current = !current) {
        more = next_panel(&after);
        expansion next = more ? expansion_of(op, after, p->weights[!current]) : (expansion){0};
        multiply_panel(type, op, rows, at, p->weights[current], &next, p);
        at = after;
    }
}

VD_INLINE void multiply_many(const int type, const vd_matmul *op, vd_range rows, vd_range outputs,
                             panels *p) {
    amx_configure(&tiles);
    for (int64_t m = rows.begin; m < rows.end; m += STRIPES * STRIPE_TOKENS) {
        vd_range part = {m, vd_min(m + STRIPES * STRIPE_TOKENS, rows.end)};
        int64_t stripes = vd_ceil_div(part.end - part.begin, STRIPE_TOKENS);
        int64_t all = vd_ceil_div(op->K, COLUMNS);
        int64_t parts = vd_ceil_div(all * stripes, TOKEN_PANELS);
        int64_t columns = vd_ceil_div(all, parts) * COLUMNS;
        for (int64_t k = 0; k < op->K; k += columns) {
            multiply_columns(type, op, part, outputs, k, vd_min(op->K - k, columns), p);
        }
    }
    amx_release();
}

// ---- few tokens --------------------------------------------------------------------------------

// Converts at most 16 tokens. Their rows fill a tile for each 32 columns. Returns null if the
// tokens do not fit the memory.
static const uint16_t *convert_few(const vd_matmul *op, vd_range rows, panels *p) {
    int64_t tile_words = (rows.end - rows.begin) * VD_BLOCK;
    uint16_t *to = p->tokens[0][0][0];
    if (vd_ceil_div(op->K, VD_BLOCK) * tile_words > (int64_t)(sizeof p->tokens / sizeof *to)) {
        return NULL;
    }
    for (int64_t m = rows.begin; m < rows.end; m++) {
        convert_token(op->x + m * op->K, op->K, tile_words, to + (m - rows.begin) * VD_BLOCK);
    }
    return to;
}

VD_INLINE vd_prefetcher prefetcher_of(const int type, const vd_matmul *op, vd_range outputs) {
    int64_t row_bytes = vd_is_quantized(type) ? vd_packed_group_bytes(type, op->K) / VD_PACK_ROWS
                                              : vd_row_bytes(type, op->K);
    return vd_prefetcher_of((const uint8_t *)op->weights + outputs.begin * row_bytes,
                            WIDTH * row_bytes, (outputs.end - outputs.begin) * row_bytes, 1);
}

// Expands block b of a group.
VD_INLINE void expand_next(const int type, const vd_matmul *op, vd_range outputs, int64_t b,
                           vd_packed_at *at, group_panel to) {
    if (vd_is_quantized(type)) {
        expand_block(type, at, to);
    } else {
        expand_rows(type, op, outputs.begin, outputs.end, b * VD_BLOCK, VD_BLOCK, to);
    }
}

// Multiplies M tokens by the first two groups of outputs.
VD_INLINE void multiply_groups(const int type, const vd_matmul *op, const uint16_t *x, int64_t M,
                               vd_range outputs, vd_prefetcher *prefetcher, panels *p) {
    const int64_t block_bytes =
        WIDTH * (vd_is_quantized(type) ? vd_column_bytes(type) / VD_PACK_ROWS
                                       : vd_row_bytes(type, VD_BLOCK));
    int64_t blocks = vd_ceil_div(op->K, VD_BLOCK);
    int64_t groups = outputs.end - outputs.begin > VD_PACK_ROWS ? 2 : 1;
    vd_packed_at at[GROUPS];
    for (int64_t g = 0; g < groups && vd_is_quantized(type); g++) {
        at[g] = vd_packed_at_column(type, op, outputs.begin / VD_PACK_ROWS + g, 0);
    }
    amx_zero(0);
    amx_zero(1);
    for (int64_t b = 0; b < blocks + AHEAD; b++) {
        if (b < blocks) {
            vd_prefetch_next(prefetcher, block_bytes);
            for (int64_t g = 0; g < groups; g++) {
                vd_range group = {outputs.begin + g * VD_PACK_ROWS, outputs.end};
                expand_next(type, op, group, b, &at[g], (group_panel)p->weights[0][g][b % RING]);
            }
        }
        if (b >= AHEAD) {
            int64_t slot = (b - AHEAD) % RING;
            amx_load(4, x + (b - AHEAD) * M * VD_BLOCK, VD_UNIT_BYTES);
            amx_load(6, p->weights[0][0][slot], VD_UNIT_BYTES);
            amx_dot_bf16(0);
            amx_load(7, p->weights[0][1][slot], VD_UNIT_BYTES);
            amx_dot_bf16(1);
        }
    }
    amx_store(0, p->sums[0][0][0], VD_UNIT_BYTES);
    amx_store(1, p->sums[0][0][1], VD_UNIT_BYTES);
}

VD_INLINE void multiply_few(const int type, const vd_matmul *op, const uint16_t *x, vd_range rows,
                            vd_range outputs, panels *p) {
    int64_t M = rows.end - rows.begin;
    amx_config few = tiles;
    for (int t = 0; t < 6; t++) {
        few.rows[t] = (uint8_t)M;
    }
    amx_configure(&few);
    for (; outputs.begin < outputs.end; outputs.begin += WIDTH) {
        vd_prefetcher prefetcher = prefetcher_of(type, op, outputs);
        multiply_groups(type, op, x, M, outputs, &prefetcher, p);
        copy_sums(p->sums[0], op, rows, outputs, 1);
    }
    amx_release();
}

// ---- kernels -----------------------------------------------------------------------------------

VD_INLINE void product(const int type, const vd_matmul *op, vd_range rows, vd_range units,
                       panels *p) {
    const int64_t unit = vd_is_quantized(type) ? VD_PACK_ROWS : 1;
    vd_range outputs = {units.begin * unit, vd_min(units.end * unit, op->N)};
    if (rows.begin == rows.end) {
        return;  // tiles have rows
    }
    const uint16_t *few = rows.end - rows.begin <= FEW_TOKENS ? convert_few(op, rows, p) : NULL;
    if (few != NULL) {
        multiply_few(type, op, few, rows, outputs, p);
    } else {
        multiply_many(type, op, rows, outputs, p);
    }
}

#define VD_KERNEL(TYPE, name)                                                                 \
    void vd_matmul_bf16_##name##_amx_bf16(const vd_matmul *op, vd_range rows, vd_range units, \
                                          void *memory) {                                     \
        product(VD_##TYPE, op, rows, units, memory);                                          \
    }
#define VD_FLOAT_TYPE(TYPE, name, bytes) VD_KERNEL(TYPE, name)
#define VD_BLOCK_TYPE(TYPE, name, ...) VD_KERNEL(TYPE, name)
#include "types/types.inc"
