#include "support/x86/tiles.h"

#include <string.h>

#include "support/check.h"
#include "support/x86/vectors.h"

void tiles_configure(tile_state *state, const void *config) {
    *state = (tile_state){0};
    memcpy(&state->config, config, sizeof state->config);
    const tile_config *c = &state->config;
    int valid = c->palette == 1 && c->start_row == 0;
    for (size_t i = 0; i < sizeof c->reserved; i++) {
        valid &= c->reserved[i] == 0;
    }
    for (int i = 0; i < 16; i++) {
        int used = i < TILES && c->rows[i] > 0 && c->row_bytes[i] > 0;
        int unused = c->rows[i] == 0 && c->row_bytes[i] == 0;
        valid &= unused || (used && c->rows[i] <= TILE_ROWS_MAX &&
                            c->row_bytes[i] <= TILE_ROW_BYTES && c->row_bytes[i] % 4 == 0);
    }
    if (!valid) {
        fail("ldtilecfg: general protection fault");
    }
}

void tiles_release(tile_state *state) { *state = (tile_state){0}; }

static void require(int condition, const char *what) {
    if (!condition) {
        fail("invalid opcode: %s", what);
    }
}

static int rows(const tile_state *state, int tile) {
    require(state->config.palette == 1, "tiles are not configured");
    require(state->config.rows[tile] > 0, "this tile is not configured");
    return state->config.rows[tile];
}

static int row_bytes(const tile_state *state, int tile) { return state->config.row_bytes[tile]; }

void tile_zero(tile_state *state, int tile) {
    require(rows(state, tile) > 0, "tilezero");
    memset(state->data[tile], 0, sizeof state->data[tile]);
}

void tile_load(tile_state *state, int tile, const uint8_t *base, int64_t stride) {
    int n = rows(state, tile);
    memset(state->data[tile], 0, sizeof state->data[tile]);
    for (int r = 0; r < n; r++) {
        memcpy(state->data[tile][r], base + r * stride, (size_t)row_bytes(state, tile));
    }
}

void tile_store(const tile_state *state, int tile, uint8_t *base, int64_t stride) {
    int n = rows(state, tile);
    for (int r = 0; r < n; r++) {
        memcpy(base + r * stride, state->data[tile][r], (size_t)row_bytes(state, tile));
    }
}

// C is rows x columns of 4 bytes, A is rows x K of 4 bytes, B is K x columns of 4 bytes.
static void require_shapes(const tile_state *state, int c, int a, int b) {
    require(c != a && c != b && a != b, "tiles of a product are not distinct");
    require(rows(state, c) == rows(state, a), "rows of C and A");
    require(row_bytes(state, c) == row_bytes(state, b), "columns of C and B");
    require(row_bytes(state, a) == 4 * rows(state, b), "K of A and B");
}

static int32_t byte_of(const uint8_t *p, int is_signed) { return is_signed ? (int8_t)*p : *p; }

void tile_dot_bytes(tile_state *state, int c, int a, int b, byte_signs signs) {
    require_shapes(state, c, a, b);
    int M = rows(state, c), N = row_bytes(state, c) / 4, K = row_bytes(state, a);
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            uint32_t sum;
            memcpy(&sum, &state->data[c][m][4 * n], 4);
            for (int k = 0; k < K; k++) {
                int32_t x = byte_of(&state->data[a][m][k], signs.a);
                int32_t w = byte_of(&state->data[b][k / 4][4 * n + k % 4], signs.b);
                sum += (uint32_t)(x * w);
            }
            memcpy(&state->data[c][m][4 * n], &sum, 4);
        }
    }
}

// Even and odd elements are summed separately by fma, then added, then added to C.
void tile_dot_bf16(tile_state *state, int c, int a, int b) {
    require_shapes(state, c, a, b);
    int M = rows(state, c), N = row_bytes(state, c) / 4, pairs = row_bytes(state, a) / 4;
    for (int m = 0; m < M; m++) {
        for (int n = 0; n < N; n++) {
            float even = 0, odd = 0, sum;
            for (int k = 0; k < pairs; k++) {
                const uint8_t *x = &state->data[a][m][4 * k];
                const uint8_t *w = &state->data[b][k][4 * n];
                even = __builtin_fmaf(bf16_at(x), bf16_at(w), even);
                odd = __builtin_fmaf(bf16_at(x + 2), bf16_at(w + 2), odd);
            }
            memcpy(&sum, &state->data[c][m][4 * n], 4);
            sum += even + odd;
            memcpy(&state->data[c][m][4 * n], &sum, 4);
        }
    }
}
