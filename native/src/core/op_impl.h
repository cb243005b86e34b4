// The implementation of an operation: functions and facts that the plan runner needs of each kind.
// core/ops.inc has one row per operation, from which the prototypes below and the dispatch table
// follow.
#ifndef VD_CORE_OP_IMPL_H
#define VD_CORE_OP_IMPL_H

#include <stdatomic.h>
#include <stddef.h>

#include "core/pool.h"
#include "core/split.h"
#include "vidrio.h"

// The state of a plan run that one worker needs for one operation.
typedef struct vd_step {
    const vd_batch *batch;
    const vd_worker *worker;
    vd_isa isa;
    int64_t rows;  // of this operation
    // Shared tile counters of this operation, 0 at the start of the step: one for each slice of the
    // workers (core/slices.h), next_stride apart.
    atomic_uint *next;
    int64_t next_stride;
    const vd_split *split;
    int32_t epilogue_ops;            // operations after this one that are part of its epilogue
    vd_range columns;                // of a product of few rows: the worker's outputs, whole jobs
    const struct vd_job_part *part;  // of one job; null: all of it (matmul/partition.h)
} vd_step;

// Checks the constants, sizes and pointers of an operation when a plan is created.
typedef vd_status vd_check(const vd_op *op);

// Checks a valid operation against the plan's limits and instruction set.
typedef vd_status vd_fits(const vd_op *op, const vd_limits *limits, vd_isa isa);

// Runs the worker's share of an operation.
typedef void vd_run(const vd_op *op, const vd_step *step);

// Computes rows and columns of the output. Columns of a quantized output are whole blocks.
typedef void vd_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns);

// Returns the shared memory that an operation needs; its pointers are null.
typedef vd_split vd_split_needed(const vd_op *op, const vd_limits *limits);

// Advances by `row` rows the operands that op->replicated marks as replicated.
typedef void vd_replicate(vd_op *op, int64_t row);

typedef struct vd_op_impl {
    vd_check *check;
    vd_run *run;
    int32_t tiles;            // 1: `run` takes tiles from the counters, or has a worker's own share
    vd_fits *fits;            // null: an operation that passes `check` fits any plan
    vd_tile *tile;            // null: cannot be part of an epilogue
    size_t width;             // offset in vd_op of the number of columns, where there is a tile
    size_t whole_rows;        // offset of a flag that forbids tiles of fewer columns, or 0
    size_t positions;         // offset of the number of positions that operands have room for, or 0
    int32_t max_positions;    // positions that the operation supports; 0: any number
    int32_t replicable;       // VD_REPLICATED_* that op->replicated may have
    vd_replicate *replicate;  // null where nothing is replicable
    vd_split_needed *split;   // null: needs no shared memory
} vd_op_impl;

// Declares every function that an operation may have; ops.inc lists those that exist.
#define VD_OP(kind, name, ...)          \
    vd_check vd_##name##_check;         \
    vd_run vd_##name##_run;             \
    vd_fits vd_##name##_fits;           \
    vd_tile vd_##name##_tile;           \
    vd_replicate vd_##name##_replicate; \
    vd_split_needed vd_##name##_split;
#include "core/ops.inc"
#undef VD_OP

// Indexed by vd_op_kind.
extern const vd_op_impl vd_op_impls[VD_OP_COUNT];

// Computes a tile of a matrix product and applies its epilogue.
void vd_run_fused_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns);

// Returns the row of the batch for row i of the operation.
static inline int64_t vd_token_of(const vd_op *op, const vd_batch *batch, int64_t i) {
    return op->rows == VD_ROWS_LOGITS ? batch->logit_rows[i] : i;
}

// Divides a result among workers: by rows if there is one for each worker, else by columns.
static inline void vd_share_tile(const vd_step *step, int64_t width, vd_range *rows,
                                 vd_range *columns) {
    *rows = (vd_range){0, step->rows};
    *columns = (vd_range){0, width};
    if (step->rows >= step->worker->count) {
        *rows = vd_share(step->worker, step->rows);
    } else {
        *columns = vd_share(step->worker, width);
    }
}

// Takes the number of the next tile of this operation from the counter that workers share.
static inline int64_t vd_next_tile(const vd_step *step) {
    return (int64_t)atomic_fetch_add_explicit(step->next, 1, memory_order_relaxed);
}

// Takes the next of n tiles from a slice's counter. Returns 0 if there are none left, or only those
// that the worker leaves to faster ones. Workers of other slices, which try this at the end, then
// leave the counter's cache line where it is.
static inline int vd_take_tile(const vd_step *step, int32_t slice, int64_t n, int64_t *tile) {
    atomic_uint *next = step->next + slice * step->next_stride;
    if ((int64_t)atomic_load_explicit(next, memory_order_relaxed) >= n - step->worker->reserve) {
        return 0;
    }
    *tile = (int64_t)atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    return *tile < n;
}

#endif
