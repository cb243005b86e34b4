// A small transformer as a plan, with random weights of several types and many kinds of operations,
// for tests of whole plans.
#ifndef VD_TEST_TRANSFORMER_H
#define VD_TEST_TRANSFORMER_H

#include "support/rng.h"
#include "vidrio.h"

enum {
    MODEL_LAYERS = 2,
    MODEL_V = 50,
    MODEL_POSITIONS = 192,
    MODEL_SEQUENCES = 5,
    MODEL_BLOCKS = 15,
    MODEL_TOKENS = 320,  // in a batch
    MODEL_OPS_MAX = 64,
    MODEL_BUFFERS_MAX = 128,
};

// The taps: in the first layer a norm, which each worker computes for itself, and the residual
// stream after attention, fused as an epilogue; after the last layer the residual stream.
typedef enum model_tap { TAP_NORM, TAP_MID, TAP_LAST, MODEL_TAPS } model_tap;

typedef struct transformer {
    vd_op ops[MODEL_OPS_MAX];
    int32_t n_ops;
    vd_limits limits;
    const float *logits;            // [n_logits, MODEL_V]
    const float *taps[MODEL_TAPS];  // each [MODEL_SEQUENCES, MODEL_POSITIONS, MODEL_D]
    vd_kv_cache caches[MODEL_LAYERS];
    void *buffers[MODEL_BUFFERS_MAX];
    int32_t n_buffers;
} transformer;

enum { MODEL_D = 64 };

// Creates the plan's operations and their buffers, which transformer_free frees.
void transformer_create(transformer *t, rng *r);
void transformer_free(transformer *t);

// Fills the caches with NaNs, so that reading elements that are not stored again shows in the
// logits.
void transformer_clear_caches(transformer *t);

#endif
