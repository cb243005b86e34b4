// The division of the matrix products between two barriers among workers (docs/adr/029).
//
// The work of a product with its epilogue is a sequence of jobs: the outputs that one worker
// computes at a time. A job has steps, ranges of columns of K, after which another worker may
// continue it. A position counts steps from the start of the product. Each worker computes a range
// of positions. In steps of more than VD_REPLICATED_TOKENS tokens, a part of a job begins only when
// the part before it has ended, so jobs are divided only if there is one for each worker.
//
// The jobs of each product are first divided into slices, one for the workers of each node, where
// the weights are (docs/adr/031). So no part of a job is continued on another node.
#ifndef VD_MATMUL_PARTITION_H
#define VD_MATMUL_PARTITION_H

#include "core/pool.h"
#include "vidrio.h"

enum {
    VD_FEW_ROWS = 16,     // up to this number, products are divided as described here
    VD_PRODUCTS_MAX = 16  // divided together
};

typedef struct vd_product {
    int64_t N;
    int64_t width;         // outputs of a job
    int64_t jobs;          // of the product
    int64_t steps;         // of a job; 1 where no other worker can continue it
    int waits;             // 1: a part begins when the part before it has ended
    int64_t step_columns;  // of K
    int64_t products;      // matrix products of a job: the first one, and those of its epilogue
    int64_t cost;          // of a job: bytes of weights
} vd_product;

// A part of a job that a worker computes.
typedef struct vd_job_part {
    const vd_product *product;
    int64_t from, to;  // steps
    struct vd_handoffs *handoffs;
} vd_job_part;

// Products between two barriers, in order.
typedef struct vd_partition {
    vd_product products[VD_PRODUCTS_MAX];
    int32_t count;
    const vd_slices *slices;
    int together;  // 1: as one range of each slice; 0: each product by itself
    int64_t cost;  // of all products
} vd_partition;

// Returns the jobs of a product with an epilogue in a step of `rows` rows.
vd_product vd_product_of(const vd_op *op, int32_t epilogue_ops, int64_t rows);

// Decides how `count` products are divided. Each is divided by itself if that is nearly balanced,
// since workers may read different weight types at different speeds.
void vd_partition_decide(vd_partition *partition, int32_t count, const vd_slices *slices);

// Sets shares[i] to the positions of product i that a worker computes; whole jobs if products are
// divided by themselves.
void vd_partition_shares(const vd_partition *partition, int32_t worker, vd_range *shares);

// Returns the outputs of whole jobs [begin, end).
vd_range vd_product_outputs(const vd_product *product, int64_t begin, int64_t end);

// Returns the bytes of weights that a worker reads.
double vd_partition_cost(const vd_partition *partition, int32_t worker);

// Returns the bytes of product i that workers read from slices of other nodes, since a slice of the
// memory need not end with a job.
double vd_partition_remote(const vd_partition *partition, int32_t i);

#endif
