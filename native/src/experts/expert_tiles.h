// Tiles of operations that process the slots of each expert together.
#ifndef VD_EXPERTS_EXPERT_TILES_H
#define VD_EXPERTS_EXPERT_TILES_H

#include "core/op_impl.h"

// Some slots of an expert, in ascending order, and some of its columns. Slot s of token i has
// number i * k + s.
typedef struct vd_expert_tile {
    int32_t expert;
    const int32_t *slots;
    int64_t n;  // number of slots
    vd_range columns;
} vd_expert_tile;

typedef void vd_run_expert_tile(const vd_op *op, const vd_step *step, const vd_expert_tile *tile);

// How an operation is divided into tiles.
typedef struct vd_expert_tiling {
    const float *experts;  // [rows, k]
    int32_t E;
    int32_t k;
    float *y;                 // [rows, k, columns], zeroed where a slot names no expert
    int64_t columns;          // of an expert
    int64_t unit;             // of columns; slices begin at its multiples
    int64_t tile_slots;       // maximum of a tile
    int64_t tile_columns;     // maximum of a tile; a multiple of `unit`
    const vd_slices *slices;  // of columns, one for the workers of each node; null: one for all
} vd_expert_tiling;

// Returns the expert that a slot names, or E if the number is invalid, as edits may make it.
static inline int32_t vd_expert_of(float number, int32_t E) {
    int32_t e = number >= 0.0f && number < (float)E ? (int32_t)number : E;
    return (float)e == number ? e : E;
}

// Runs the worker's share of the tiles, first of its own node's columns. Tiles of the same columns
// of an expert are consecutive.
void vd_run_expert_tiles(const vd_op *op, const vd_step *step, const vd_expert_tiling *tiling,
                         vd_run_expert_tile *run);

#endif
