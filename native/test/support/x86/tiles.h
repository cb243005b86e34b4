// The AMX tile registers of one thread and their instructions, after Intel's Architecture
// Instruction Set Extensions Programming Reference, chapter 3 (319433).
#ifndef VD_TEST_TILES_H
#define VD_TEST_TILES_H

#include <stdint.h>

enum { TILES = 8, TILE_ROWS_MAX = 16, TILE_ROW_BYTES = 64 };

// The 64 bytes that ldtilecfg reads.
typedef struct tile_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

typedef struct tile_state {
    tile_config config;  // palette 0: not configured
    uint8_t data[TILES][TILE_ROWS_MAX][TILE_ROW_BYTES];
} tile_state;

// The operands that a product of bytes takes as signed.
typedef struct byte_signs {
    int a, b;
} byte_signs;

// Each executes one instruction, and ends the test if the processor would raise an exception.
// tile_dot_bf16 expects MXCSR as vectors.h does.
void tiles_configure(tile_state *state, const void *config);
void tiles_release(tile_state *state);
void tile_zero(tile_state *state, int tile);
void tile_load(tile_state *state, int tile, const uint8_t *base, int64_t stride);
void tile_store(const tile_state *state, int tile, uint8_t *base, int64_t stride);
void tile_dot_bytes(tile_state *state, int c, int a, int b, byte_signs signs);
void tile_dot_bf16(tile_state *state, int c, int a, int b);

#endif
