// The parts of a plan, and how a run of it walks the operations.
#ifndef VD_CORE_PLAN_H
#define VD_CORE_PLAN_H

#include "core/handoff.h"
#include "core/split.h"
#include "matmul/partition.h"
#include "vidrio.h"

struct vd_plan {
    vd_limits limits;
    vd_isa isa;
    vd_split split;
    int32_t n_ops;
    vd_op ops[];
};

typedef struct vd_plan_run_state {
    const vd_plan *plan;
    const vd_batch *batch;
    atomic_uint *next;    // the counters of all operations' tiles, once for each slice
    int64_t next_stride;  // from a slice's counters to those of the next one
    vd_handoff *handoffs;
    int32_t begin;
    int32_t end;
} vd_plan_run_state;

// Products of few rows between two barriers.
typedef struct vd_product_group {
    vd_partition partition;
    int32_t ops[VD_PRODUCTS_MAX];
    int32_t epilogue_ops[VD_PRODUCTS_MAX];
    int32_t end;  // the operation after them
} vd_product_group;

// Returns the rows of operation i.
int64_t vd_rows_of(const vd_plan_run_state *run, int32_t i);

// Returns whether operations are replicated.
int vd_is_replicated(const vd_plan_run_state *run);

// Returns whether workers wait before operation i.
int vd_needs_barrier(const vd_plan_run_state *run, int32_t i);

// Returns the number of operations after i in its epilogue. A run that begins within an epilogue
// executes its operations one by one.
int32_t vd_count_epilogue(const vd_plan_run_state *run, int32_t i);

// Finds the products from operation i on that are divided together. Returns 0 if there are none.
int vd_find_products(const vd_plan_run_state *run, int32_t i, const vd_slices *slices,
                     vd_product_group *group);

#endif
