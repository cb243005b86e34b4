// Batches of several sequences in a paged cache, and operations run on them.
#ifndef VD_TEST_PLANS_H
#define VD_TEST_PLANS_H

#include "support/rng.h"
#include "vidrio.h"

enum { TOKENS_MAX = 600, SEQUENCES_MAX = 6, BLOCKS_MAX = 20 };

typedef struct batch {
    vd_batch view;  // of the arrays below, for vd_plan_run
    int32_t tokens[TOKENS_MAX];
    int32_t positions[TOKENS_MAX];
    int32_t sequences[TOKENS_MAX];
    int32_t logit_rows[TOKENS_MAX];
    int32_t block_tables[SEQUENCES_MAX * BLOCKS_MAX];
    int32_t slots[SEQUENCES_MAX];
    int32_t types[TOKENS_MAX];
} batch;

// Initializes an empty batch. Its sequences are assigned blocks 0 to n_sequences * max_blocks - 1
// and slots 0 to n_sequences - 1 in random order.
void batch_begin(batch *b, rng *r, int32_t n_sequences, int32_t max_blocks);

// Removes the tokens; sequences keep their blocks.
void batch_clear(batch *b);

// Appends a token, with a row of logits if requested.
void batch_add(batch *b, int32_t sequence, int32_t position, int32_t token, int wants_logits);

// Returns the pool with this number of workers, at most 16. It is freed when the program ends. Of
// an odd number of workers, fewer than half are meant for cores of a third of the speed.
vd_pool *pool_of(int32_t workers);

// Returns the pool with this number of workers, at most 16, on 1 to 4 nodes of equal size. The last
// nodes may have fewer workers. The pool is freed when the program ends.
vd_pool *pool_on_nodes(int32_t workers, int32_t nodes);

// Creates a plan of the operations, with limits that just fit the batch, runs it and frees it.
void run_ops(const vd_op *ops, int32_t n_ops, vd_isa isa, int32_t workers, const vd_batch *b);
void run_ops_on(vd_pool *pool, const vd_op *ops, int32_t n_ops, vd_isa isa, const vd_batch *b);

// Runs one operation, which reads neither tokens nor cache, on a number of rows.
void run_rows(const vd_op *op, vd_isa isa, int32_t workers, int32_t rows);

#endif
