// Divides the gradient of attention among workers. The query gradient takes as a work item some
// tokens of a segment and the query heads of one key-value head, which share its keys and values;
// the key-value gradient takes 32 positions of a head, to which all later queries of the segment
// attend. Of a query's softmax only its maximum and sum are stored, and its probabilities are
// recomputed (FlashAttention-2, Dao 2023, arXiv 2307.08691), so that memory is linear in the number
// of tokens.
#include <math.h>

#include "attention/kv_cache.h"
#include "backward/attention_backward.h"
#include "core/op_impl.h"

static vd_status check(const vd_op *op, int outputs) {
    const vd_attention_backward *b = &op->as.attention_backward;
    const vd_attention *a = &b->attention;
    int valid = outputs && a->q != NULL && b->dz != NULL && b->statistics != NULL &&
                vd_kv_cache_valid(&a->cache) && a->H > 0 && a->H % a->cache.H_kv == 0 &&
                vd_window_valid(a->window, a->shape) && isfinite(a->scale) && isfinite(a->cap) &&
                a->cap >= 0 && op->rows == VD_ROWS_TOKENS;
    if (!valid) {
        return VD_INVALID_ARGUMENT;
    }
    int supported = a->cache.type == VD_F32 && a->shape != VD_WINDOW_CENTERED && a->biases == NULL;
    return supported ? VD_OK : VD_UNSUPPORTED;
}

vd_status vd_query_backward_check(const vd_op *op) {
    return check(op, op->as.attention_backward.dq != NULL);
}

vd_status vd_key_value_backward_check(const vd_op *op) {
    const vd_attention_backward *b = &op->as.attention_backward;
    return check(op, b->dk != NULL && b->dv != NULL);
}

// Returns the segment that begins at row `begin`.
static vd_segment segment_from(const vd_attention_backward *op, const vd_step *step,
                               int64_t begin) {
    const vd_batch *batch = step->batch;
    return (vd_segment){
        op, vd_blocks_of(batch, begin), batch->positions, {begin, vd_segment_end(batch, begin)}};
}

void vd_query_backward_run(const vd_op *op, const vd_step *step) {
    const vd_attention_backward *b = &op->as.attention_backward;
    int32_t H_kv = b->attention.cache.H_kv;
    int64_t before = 0;  // work items of earlier segments
    int64_t i = vd_next_tile(step);
    for (int64_t row = 0; row < step->rows;) {
        vd_segment segment = segment_from(b, step, row);
        int64_t tokens = vd_query_tokens(&segment);
        int64_t parts = vd_ceil_div(segment.rows.end - row, tokens);
        for (; i < before + parts * H_kv; i = vd_next_tile(step)) {
            // Proceeds from the end, since the last tokens attend to the most keys.
            int64_t end = segment.rows.end - (i - before) / H_kv * tokens;
            vd_range some = {end - tokens > row ? end - tokens : row, end};
            vd_backward[step->isa]->queries(&segment, (int32_t)((i - before) % H_kv), some,
                                            step->worker->scratch);
        }
        before += parts * H_kv;
        row = segment.rows.end;
    }
}

void vd_key_value_backward_run(const vd_op *op, const vd_step *step) {
    const vd_attention_backward *b = &op->as.attention_backward;
    int32_t H_kv = b->attention.cache.H_kv;
    int64_t before = 0;
    int64_t i = vd_next_tile(step);
    for (int64_t row = 0; row < step->rows;) {
        vd_segment segment = segment_from(b, step, row);
        int64_t first = segment.positions[row] / VD_KEYS;
        int64_t tiles = segment.positions[segment.rows.end - 1] / VD_KEYS + 1 - first;
        for (; i < before + tiles * H_kv; i = vd_next_tile(step)) {
            int64_t t = (first + (i - before) / H_kv) * VD_KEYS;
            vd_backward[step->isa]->keys(&segment, (int32_t)((i - before) % H_kv), t,
                                         step->worker->scratch);
        }
        before += tiles * H_kv;
        row = segment.rows.end;
    }
}
