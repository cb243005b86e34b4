// Validation of a batch before a step runs, so that no batch can make kernels access memory outside
// the plan's buffers.
#include "core/batch.h"

#include <stdlib.h>

#include "core/pool.h"

static int outside(int32_t value, int32_t limit) { return value < 0 || value >= limit; }

// Checks row i. ends [n_sequences] are the positions after the last ones so far of each sequence.
static vd_status check_token(const vd_limits *limits, const vd_batch *batch, int32_t i,
                             int32_t *ends) {
    int32_t position = batch->positions[i];
    int32_t sequence = batch->sequences[i];
    if (outside(batch->tokens[i], limits->vocabulary) || outside(position, limits->positions) ||
        outside(sequence, batch->n_sequences) || position / VD_KV_BLOCK >= batch->max_blocks ||
        position < ends[sequence] ||
        (batch->types != NULL && outside(batch->types[i], limits->types)) ||
        (limits->slots > 0 && outside(batch->slots[sequence], limits->slots))) {
        return VD_OUT_OF_RANGE;
    }
    const int32_t *blocks = batch->block_tables + (int64_t)sequence * batch->max_blocks;
    for (int64_t b = vd_ceil_div(ends[sequence], VD_KV_BLOCK); b <= position / VD_KV_BLOCK; b++) {
        if (outside(blocks[b], limits->blocks)) {
            return VD_OUT_OF_RANGE;
        }
    }
    ends[sequence] = position + 1;
    return VD_OK;
}

static vd_status check_rows(const vd_limits *limits, const vd_batch *batch, int32_t *ends) {
    for (int32_t i = 0; i < batch->n_tokens; i++) {
        vd_status status = check_token(limits, batch, i, ends);
        if (status != VD_OK) {
            return status;
        }
    }
    for (int32_t i = 0; i < batch->n_logits; i++) {
        if (outside(batch->logit_rows[i], batch->n_tokens)) {
            return VD_OUT_OF_RANGE;
        }
    }
    return VD_OK;
}

vd_status vd_batch_check(const vd_limits *limits, const vd_batch *batch) {
    if (batch->tokens == NULL || batch->positions == NULL || batch->sequences == NULL ||
        batch->block_tables == NULL || (batch->n_logits > 0 && batch->logit_rows == NULL) ||
        (limits->slots > 0 && batch->slots == NULL)) {
        return VD_INVALID_ARGUMENT;
    }
    if (batch->n_tokens < 0 || batch->n_tokens > limits->tokens || batch->n_logits < 0 ||
        batch->n_logits > limits->logits || batch->n_sequences < 0 || batch->max_blocks < 0) {
        return VD_OUT_OF_RANGE;
    }
    int32_t *ends = calloc((size_t)batch->n_sequences + 1, sizeof *ends);
    if (ends == NULL) {
        return VD_NO_MEMORY;
    }
    vd_status status = check_rows(limits, batch, ends);
    free(ends);
    return status;
}
