// What the plan runner knows of an operation: each family of kernels has one check and one run.
#ifndef VD_CORE_OP_IMPL_H
#define VD_CORE_OP_IMPL_H

#include <stdatomic.h>

#include "core/pool.h"
#include "core/split.h"
#include "vidrio.h"

// One step of a plan as one worker sees one operation of it.
typedef struct vd_step {
    const vd_batch *batch;
    const vd_worker *worker;
    vd_isa isa;
    int64_t rows;       // of this operation
    atomic_uint *next;  // counter of this operation, 0 at the start of the step
    const vd_split *split;
    int32_t followers;  // operations after this one that belong to its chain
} vd_step;

// Checks constants, sizes and pointers once, when a plan is made.
typedef vd_status vd_check(const vd_op *op);

// Runs the worker's share.
typedef void vd_run(const vd_op *op, const vd_step *step);

// Computes rows and columns of the output; where that is quantized, columns are whole blocks.
typedef void vd_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns);

// A tile of a product and of the operations that follow it.
void vd_run_fused_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns);

// The row of the batch whose token row i of the operation belongs to.
static inline int64_t vd_token_of(const vd_op *op, const vd_batch *batch, int64_t i) {
    return op->rows == VD_ROWS_LOGITS ? batch->logit_rows[i] : i;
}

// The worker's share of rows, where there are enough of them, else of columns.
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

// The next undone tile of this operation; workers share the count.
static inline int64_t vd_next_tile(const vd_step *step) {
    return (int64_t)atomic_fetch_add_explicit(step->next, 1, memory_order_relaxed);
}

vd_check vd_embed_check, vd_norm_check, vd_quantize_check, vd_matmul_check, vd_rope_check,
    vd_kv_store_check, vd_attention_check, vd_activation_check, vd_add_check, vd_tap_check,
    vd_gather_check, vd_scale_check, vd_route_check, vd_expert_matmul_check, vd_expert_sum_check,
    vd_top_k_check, vd_edit_check, vd_scores_check, vd_softmax_check, vd_attention_values_check,
    vd_gain_check, vd_scatter_check, vd_norm_backward_check, vd_activation_backward_check,
    vd_matmul_backward_check, vd_query_backward_check, vd_key_value_backward_check,
    vd_route_backward_check, vd_expert_matmul_backward_check, vd_expert_sum_backward_check,
    vd_slot_sum_check, vd_accumulate_check, vd_low_rank_down_check, vd_low_rank_up_check,
    vd_conv_check, vd_conv_backward_check, vd_recurrence_check, vd_recurrence_backward_check;
vd_run vd_embed_run, vd_norm_run, vd_quantize_run, vd_matmul_run, vd_rope_run, vd_kv_store_run,
    vd_attention_run, vd_activation_run, vd_add_run, vd_tap_run, vd_gather_run, vd_scale_run,
    vd_route_run, vd_expert_matmul_run, vd_expert_sum_run, vd_top_k_run, vd_edit_run, vd_scores_run,
    vd_softmax_run, vd_attention_values_run, vd_gain_run, vd_scatter_run, vd_norm_backward_run,
    vd_activation_backward_run, vd_matmul_backward_run, vd_query_backward_run,
    vd_key_value_backward_run, vd_route_backward_run, vd_expert_matmul_backward_run,
    vd_expert_sum_backward_run, vd_slot_sum_run, vd_accumulate_run, vd_low_rank_down_run,
    vd_low_rank_up_run, vd_conv_run, vd_conv_backward_run, vd_recurrence_run,
    vd_recurrence_backward_run;
vd_tile vd_matmul_tile, vd_quantize_tile, vd_activation_tile, vd_add_tile, vd_scale_tile,
    vd_tap_tile, vd_edit_tile, vd_low_rank_up_tile;

// Whether a fast product needs OpenBLAS, which is not loaded.
int vd_matmul_lacks_blas(const vd_matmul *matmul, vd_isa isa);

#endif
