// The plan runner: every worker walks the list of operations and does its share of each. Workers
// meet where an operation says that it needs the results of all.
#include <stdlib.h>
#include <string.h>

#include "core/batch.h"
#include "core/op_impl.h"
#include "core/replicated.h"
#include "simd/stream.h"

typedef struct family {
    vd_check *check;
    vd_run *run;
    vd_tile *tile;  // null: cannot be in a chain
} family;

static const family families[VD_OP_COUNT] = {
    [VD_OP_EMBED] = {vd_embed_check, vd_embed_run, NULL},
    [VD_OP_NORM] = {vd_norm_check, vd_norm_run, NULL},
    [VD_OP_QUANTIZE] = {vd_quantize_check, vd_quantize_run, vd_quantize_tile},
    [VD_OP_MATMUL] = {vd_matmul_check, vd_matmul_run, vd_matmul_tile},
    [VD_OP_ROPE] = {vd_rope_check, vd_rope_run, NULL},
    [VD_OP_KV_STORE] = {vd_kv_store_check, vd_kv_store_run, NULL},
    [VD_OP_ATTENTION] = {vd_attention_check, vd_attention_run, NULL},
    [VD_OP_ACTIVATION] = {vd_activation_check, vd_activation_run, vd_activation_tile},
    [VD_OP_ADD] = {vd_add_check, vd_add_run, vd_add_tile},
    [VD_OP_TAP] = {vd_tap_check, vd_tap_run, vd_tap_tile},
    [VD_OP_GATHER] = {vd_gather_check, vd_gather_run, NULL},
    [VD_OP_SCALE] = {vd_scale_check, vd_scale_run, vd_scale_tile},
    [VD_OP_ROUTE] = {vd_route_check, vd_route_run, NULL},
    [VD_OP_EXPERT_MATMUL] = {vd_expert_matmul_check, vd_expert_matmul_run, NULL},
    [VD_OP_EXPERT_SUM] = {vd_expert_sum_check, vd_expert_sum_run, NULL},
    [VD_OP_TOP_K] = {vd_top_k_check, vd_top_k_run, NULL},
    [VD_OP_EDIT] = {vd_edit_check, vd_edit_run, vd_edit_tile},
    [VD_OP_SCORES] = {vd_scores_check, vd_scores_run, NULL},
    [VD_OP_SOFTMAX] = {vd_softmax_check, vd_softmax_run, NULL},
    [VD_OP_ATTENTION_VALUES] = {vd_attention_values_check, vd_attention_values_run, NULL},
    [VD_OP_GAIN] = {vd_gain_check, vd_gain_run, NULL},
    [VD_OP_SCATTER] = {vd_scatter_check, vd_scatter_run, NULL},
    [VD_OP_NORM_BACKWARD] = {vd_norm_backward_check, vd_norm_backward_run, NULL},
    [VD_OP_ACTIVATION_BACKWARD] = {vd_activation_backward_check, vd_activation_backward_run, NULL},
    [VD_OP_MATMUL_BACKWARD] = {vd_matmul_backward_check, vd_matmul_backward_run, NULL},
    [VD_OP_QUERY_BACKWARD] = {vd_query_backward_check, vd_query_backward_run, NULL},
    [VD_OP_KEY_VALUE_BACKWARD] = {vd_key_value_backward_check, vd_key_value_backward_run, NULL},
    [VD_OP_ROUTE_BACKWARD] = {vd_route_backward_check, vd_route_backward_run, NULL},
    [VD_OP_EXPERT_MATMUL_BACKWARD] = {vd_expert_matmul_backward_check,
                                      vd_expert_matmul_backward_run, NULL},
    [VD_OP_EXPERT_SUM_BACKWARD] = {vd_expert_sum_backward_check, vd_expert_sum_backward_run, NULL},
    [VD_OP_SLOT_SUM] = {vd_slot_sum_check, vd_slot_sum_run, NULL},
    [VD_OP_ACCUMULATE] = {vd_accumulate_check, vd_accumulate_run, NULL},
    [VD_OP_LOW_RANK_DOWN] = {vd_low_rank_down_check, vd_low_rank_down_run, NULL},
    [VD_OP_LOW_RANK_UP] = {vd_low_rank_up_check, vd_low_rank_up_run, vd_low_rank_up_tile},
    [VD_OP_CONV] = {vd_conv_check, vd_conv_run, NULL},
    [VD_OP_CONV_BACKWARD] = {vd_conv_backward_check, vd_conv_backward_run, NULL},
    [VD_OP_RECURRENCE] = {vd_recurrence_check, vd_recurrence_run, NULL},
    [VD_OP_RECURRENCE_BACKWARD] = {vd_recurrence_backward_check, vd_recurrence_backward_run, NULL},
};

struct vd_plan {
    vd_limits limits;
    vd_isa isa;
    vd_split split;
    int32_t n_ops;
    vd_op ops[];
};

static int32_t width_of(const vd_op *op) {
    switch (op->kind) {
        case VD_OP_MATMUL:
            return op->as.matmul.N;
        case VD_OP_QUANTIZE:
            return op->as.quantize.K;
        case VD_OP_ACTIVATION:
            return op->as.activation.width;
        case VD_OP_ADD:
            return op->as.add.width;
        case VD_OP_SCALE:
            return op->as.scale.width;
        case VD_OP_EDIT:
            return op->as.edit.width;
        case VD_OP_LOW_RANK_UP:
            return op->as.low_rank_up.N;
        default:
            return op->as.tap.width;
    }
}

// Whether operation i may follow those before it.
static int chain_valid(const vd_op *ops, int32_t i) {
    int32_t head = i;
    while (head > 0 && ops[head].epilogue) {
        head--;
    }
    int whole_rows = ops[i].kind == VD_OP_EDIT && ops[i].as.edit.whole_rows;
    int local = (ops[i].replicated & VD_REPLICATED_WRITE) != 0;
    return !ops[head].epilogue && ops[head].kind == VD_OP_MATMUL && i - head <= VD_EPILOGUE_MAX &&
           !whole_rows && !local && families[ops[i].kind].tile != NULL &&
           ops[i].rows == ops[head].rows && width_of(&ops[i]) == width_of(&ops[head]);
}

// Rows that an embedding table needs.
static int64_t rows_of_table(const vd_embed *embed, const vd_limits *limits) {
    int64_t last =
        (embed->index == VD_EMBED_POSITIONS ? limits->positions : limits->vocabulary) - 1;
    return last * (1 + (int64_t)embed->skip) + embed->offset + 1;
}

// Whether it has a part of the slots of sequences.
static int has_state(const vd_op *op) {
    return op->kind == VD_OP_RECURRENCE || (op->kind == VD_OP_CONV && op->as.conv.ring > 0);
}

// Whether it is a gradient that takes every two positions together.
static int looks_back(const vd_op *op) {
    return op->kind == VD_OP_QUERY_BACKWARD || op->kind == VD_OP_KEY_VALUE_BACKWARD ||
           op->kind == VD_OP_RECURRENCE_BACKWARD;
}

static vd_status check_op(const vd_op *op, const vd_limits *limits, vd_isa isa) {
    if (op->kind < 0 || op->kind >= VD_OP_COUNT) {
        return VD_INVALID_ARGUMENT;
    }
    if (op->rows != VD_ROWS_TOKENS && op->rows != VD_ROWS_LOGITS) {
        return VD_INVALID_ARGUMENT;
    }
    if (op->barrier < VD_BARRIER_NEVER || op->barrier > VD_BARRIER_UNLESS_REPLICATED ||
        op->epilogue < 0 || op->epilogue > 1 || !vd_local_valid(op)) {
        return VD_INVALID_ARGUMENT;
    }
    if (op->kind == VD_OP_EMBED && op->as.embed.V < rows_of_table(&op->as.embed, limits)) {
        return VD_INVALID_ARGUMENT;
    }
    if (looks_back(op) && limits->positions > VD_BACKWARD_POSITIONS) {
        return VD_UNSUPPORTED;
    }
    if (has_state(op) && limits->slots == 0) {
        return VD_INVALID_ARGUMENT;
    }
    vd_status status = families[op->kind].check(op);
    int lacks_blas =
        status == VD_OK && op->kind == VD_OP_MATMUL && vd_matmul_lacks_blas(&op->as.matmul, isa);
    return lacks_blas ? VD_BLAS_MISSING : status;
}

static int limits_valid(const vd_limits *limits) {
    return limits->tokens > 0 && limits->logits > 0 && limits->positions > 0 &&
           limits->vocabulary > 0 && limits->blocks > 0 && limits->slots >= 0;
}

// Positions that an operation has room for.
static int32_t positions_of(const vd_op *op) {
    return op->kind == VD_OP_SCORES             ? op->as.scores.P
           : op->kind == VD_OP_SOFTMAX          ? op->as.softmax.P
           : op->kind == VD_OP_ATTENTION_VALUES ? op->as.attention_values.P
                                                : INT32_MAX;
}

static size_t split_bytes(const vd_split *split) {
    return (size_t)split->floats * sizeof(float) + (size_t)split->tiles * sizeof(atomic_uint);
}

static vd_split split_needed(const vd_op *op, const vd_limits *limits) {
    switch (op->kind) {
        case VD_OP_ATTENTION:
            return vd_attention_split(op, limits);
        case VD_OP_TOP_K:
            return vd_top_k_split();
        default:
            return (vd_split){0};
    }
}

// All operations of a plan share one vd_split, so no worker may begin an operation with it while
// another is in the one before.
static vd_status prepare_split(vd_plan *plan) {
    vd_split *split = &plan->split;
    *split = (vd_split){0};
    int in_use = 0;
    for (int32_t i = 0; i < plan->n_ops; i++) {
        vd_op *op = &plan->ops[i];
        vd_split needed = split_needed(op, &plan->limits);
        split->floats = needed.floats > split->floats ? needed.floats : split->floats;
        split->tiles = needed.tiles > split->tiles ? needed.tiles : split->tiles;
        if (needed.tiles > 0 && in_use) {
            op->barrier = VD_BARRIER_ALWAYS;
        }
        in_use = needed.tiles > 0 || (in_use && op->barrier != VD_BARRIER_ALWAYS);
    }
    if (split->tiles == 0) {
        return VD_OK;
    }
    void *memory;
    vd_status status = vd_alloc(split_bytes(split), &memory);
    if (status == VD_OK) {
        split->parts = memory;
        split->done = (atomic_uint *)(split->parts + split->floats);
    }
    return status;
}

vd_status vd_plan_create(const vd_op *ops, int32_t n_ops, const vd_limits *limits, vd_isa isa,
                         vd_plan **result, int32_t *bad_op) {
    int32_t ignored;
    bad_op = bad_op == NULL ? &ignored : bad_op;
    *bad_op = -1;
    if (ops == NULL || n_ops <= 0 || limits == NULL || !limits_valid(limits) || result == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    vd_status status = isa == VD_ISA_AUTO ? vd_isa_pick(&isa) : VD_OK;
    if (status != VD_OK) {
        return status;
    }
    if (!vd_isa_usable(isa)) {
        return VD_UNSUPPORTED;
    }
    int32_t positions = limits->positions;
    for (int32_t i = 0; i < n_ops; i++) {
        status = check_op(&ops[i], limits, isa);
        if (status == VD_OK && ops[i].epilogue && !chain_valid(ops, i)) {
            status = VD_INVALID_ARGUMENT;
        }
        if (status != VD_OK) {
            *bad_op = i;
            return status;
        }
        positions = (int32_t)vd_min(positions_of(&ops[i]), positions);
    }
    size_t bytes = (size_t)n_ops * sizeof(vd_op);
    vd_plan *plan = malloc(sizeof(vd_plan) + bytes);
    if (plan == NULL) {
        return VD_NO_MEMORY;
    }
    plan->limits = *limits;
    plan->limits.positions = positions;
    plan->isa = isa;
    plan->n_ops = n_ops;
    memcpy(plan->ops, ops, bytes);
    status = prepare_split(plan);
    if (status != VD_OK) {
        free(plan);
        return status;
    }
    *result = plan;
    return VD_OK;
}

void vd_plan_free(vd_plan *plan) {
    if (plan != NULL) {
        vd_free(plan->split.parts, split_bytes(&plan->split));
        free(plan);
    }
}

typedef struct run {
    const vd_plan *plan;
    const vd_batch *batch;
    atomic_uint *next;
    int32_t begin;
    int32_t end;
} run;

void vd_run_fused_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    for (int32_t i = 0; i <= step->followers; i++) {
        families[op[i].kind].tile(&op[i], step, rows, columns);
    }
}

// Operations after i that belong to its chain. A run that begins amid a chain has none.
static int32_t followers(const run *r, int32_t i) {
    int32_t n = 0;
    if (!r->plan->ops[i].epilogue) {
        while (i + n + 1 < r->end && r->plan->ops[i + n + 1].epilogue) {
            n++;
        }
    }
    return n;
}

// Whether one of n operations reads or writes local results.
static int any_local(const vd_op *ops, int32_t n) {
    int32_t local = 0;
    for (int32_t i = 0; i < n; i++) {
        local |= ops[i].replicated;
    }
    return local != 0;
}

// Runs the worker's share of operation i and of those that follow it.
static void run_op(const run *r, const vd_worker *worker, int32_t i, int32_t n_followers,
                   int local) {
    const vd_op *op = &r->plan->ops[i];
    vd_op own[VD_EPILOGUE_MAX + 1];
    vd_worker alone = *worker;
    vd_step step = {
        .batch = r->batch,
        .worker = worker,
        .isa = r->plan->isa,
        .rows = op->rows == VD_ROWS_LOGITS ? r->batch->n_logits : r->batch->n_tokens,
        .next = &r->next[i - r->begin],
        .split = &r->plan->split,
        .followers = n_followers,
    };
    if (step.rows == 0) {
        return;
    }
    if (local && any_local(op, n_followers + 1)) {
        if (op->replicated & VD_REPLICATED_WRITE) {
            alone.index = 0;
            alone.count = 1;
            step.worker = &alone;
        }
        vd_replicated_ops(op, n_followers + 1, worker, own);
        op = own;
    }
    families[op->kind].run(op, &step);
}

static void run_worker(void *argument, const vd_worker *worker) {
    const run *r = argument;
    int local = r->batch->n_tokens <= VD_REPLICATED_TOKENS;
    for (int32_t i = r->begin; i < r->end;) {
        const vd_op *op = &r->plan->ops[i];
        int needs = op->barrier == VD_BARRIER_ALWAYS || op->epilogue ||
                    (op->barrier == VD_BARRIER_UNLESS_REPLICATED && !local);
        if (needs && i > r->begin) {
            vd_barrier(worker);
        }
        int32_t n_followers = followers(r, i);
        run_op(r, worker, i, n_followers, local);
        i += n_followers + 1;
    }
    vd_stream_end();  // of taps, which nothing in a plan reads
}

vd_status vd_plan_run(const vd_plan *plan, vd_pool *pool, const vd_batch *batch, int32_t begin,
                      int32_t end) {
    if (plan == NULL || pool == NULL || batch == NULL || begin < 0 || begin > end ||
        end > plan->n_ops) {
        return VD_INVALID_ARGUMENT;
    }
    vd_status status = vd_batch_check(&plan->limits, batch);
    if (status != VD_OK || begin == end) {
        return status;
    }
    atomic_uint *next = calloc((size_t)(end - begin), sizeof(atomic_uint));
    if (next == NULL) {
        return VD_NO_MEMORY;
    }
    run r = {.plan = plan, .batch = batch, .next = next, .begin = begin, .end = end};
    vd_pool_run(pool, run_worker, &r);
    free(next);
    return VD_OK;
}
