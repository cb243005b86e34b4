#include "core/plan_ops.h"

#include "backward/backward_ops.h"

const vd_limits plan_limits = {.tokens = 4,
                               .logits = 3,
                               .positions = 200,
                               .vocabulary = 10,
                               .blocks = 7,
                               .slots = 2,
                               .types = 2};

static char memory[64];  // any buffer of operations that never run

vd_op valid_op(vd_op_kind kind) {
    void *p = memory;
    vd_quantized xq = {p, p, p, p};
    vd_kv_cache cache = {
        .keys = p, .values = p, .stride = 4096, .H_kv = 2, .group_heads = 2, .d_h = 8, .d_v = 8};
    vd_op op = {.kind = kind};
    if (is_backward(kind)) {
        return valid_backward_op(kind);
    }
    switch (kind) {
        case VD_OP_EMBED:
            op.as.embed = (vd_embed){.table = p, .y = p, .type = VD_Q4_0, .V = 10, .d = 64};
            break;
        case VD_OP_NORM:
            op.as.norm = (vd_norm){.x = p, .y = p, .heads = 2, .d = 3, .epsilon = 1e-5f};
            break;
        case VD_OP_QUANTIZE:
            op.as.quantize = (vd_quantize){.x = p, .y = xq, .K = 32};
            break;
        case VD_OP_MATMUL:
            op.as.matmul = (vd_matmul){p, p, xq, p, VD_Q8_0, 5, 64, 0, 0, 0};
            break;
        case VD_OP_ROPE:
            op.as.rope = (vd_rope){p, p, p, p, 2, 8, 6, VD_ROPE_HALVES};
            break;
        case VD_OP_KV_STORE:
            op.as.kv_store = (vd_kv_store){p, p, cache};
            break;
        case VD_OP_ATTENTION:
            op.as.attention = (vd_attention){.q = p, .cache = cache, .z = p, .H = 4, .scale = 1};
            break;
        case VD_OP_CONV:
            op.as.conv = (vd_conv){p, p, p, p, 4096, 16, 3, 0, 0};
            break;
        case VD_OP_DIAGONAL_RECURRENCE:
            op.as.diagonal_recurrence = (vd_diagonal_recurrence){p, p, p, p, p, 4096, 16, 18};
            break;
        case VD_OP_RECURRENCE:
            op.as.recurrence = (vd_recurrence){.q = p,
                                               .k = p,
                                               .v = p,
                                               .step = p,
                                               .beta = p,
                                               .a = p,
                                               .z = p,
                                               .states = p,
                                               .stride = 4096,
                                               .H_k = 2,
                                               .H = 4,
                                               .d_k = 4,
                                               .d_v = 3};
            break;
        case VD_OP_ACTIVATION:
            op.as.activation = (vd_activation){p, NULL, p, VD_ACTIVATION_RELU, 3};
            break;
        case VD_OP_ADD:
            op.as.add = (vd_add){p, p, p, 3, 1};
            break;
        case VD_OP_SCALE:
            op.as.scale = (vd_scale){p, p, 2, 3};
            break;
        case VD_OP_ROUTE:
            op.as.route = (vd_route){.logits = p, .experts = p, .weights = p, .E = 4, .k = 2};
            break;
        case VD_OP_EXPERT_MATMUL:
            op.as.expert_matmul = (vd_expert_matmul){.matrices = unread_matrices,
                                                     .experts = p,
                                                     .x = p,
                                                     .xq = xq,
                                                     .y = p,
                                                     .type = VD_Q8_0,
                                                     .E = 2,
                                                     .k = 2,
                                                     .N = 5,
                                                     .K = 64};
            break;
        case VD_OP_EXPERT_SUM:
            op.as.expert_sum = (vd_expert_sum){p, p, p, 2, 3};
            break;
        case VD_OP_TAP:
            op.as.tap = (vd_tap){p, p, p, p, 4, 1, VD_F16, 3, 0};
            break;
        case VD_OP_EDIT:
            op.as.edit = (vd_edit){p, p, p, p, 3, 0};
            break;
        case VD_OP_SCORES:
            op.as.scores = (vd_scores){.q = p, .cache = cache, .y = p, .H = 4, .P = 9, .scale = 1};
            break;
        case VD_OP_SOFTMAX:
            op.as.softmax = (vd_softmax){p, p, p, 4, 9, 0, 0};
            break;
        case VD_OP_ATTENTION_VALUES:
            op.as.attention_values = (vd_attention_values){p, p, p, cache, p, 4, 9, 0, 0};
            break;
        case VD_OP_GAIN:
            op.as.gain = (vd_gain){p, p, p, p, 2, 3, 1, 0};
            break;
        case VD_OP_ACCUMULATE:
            op.as.accumulate = (vd_accumulate){p, p, p, p, 2, 3, 7, 0};
            break;
        case VD_OP_LOW_RANK_DOWN:
            op.as.low_rank_down = (vd_low_rank_down){p, p, {p, p, p, 2, 3, 8, 0}, 7, 0};
            break;
        case VD_OP_LOW_RANK_UP:
            op.as.low_rank_up = (vd_low_rank_up){p, p, p, {p, p, p, 2, 3, 8, 0}, 7, 0};
            break;
        case VD_OP_TOP_K:
            op.as.top_k = (vd_top_k){p, p, p, p, 7, 7};
            break;
        default:
            op.as.gather = (vd_gather){p, p, 3, 0};
            op.rows = VD_ROWS_LOGITS;
    }
    return op;
}

vd_status create_plan_with(const vd_op *op, int32_t *bad_op) {
    vd_op ops[3] = {valid_op(VD_OP_SCALE), *op, valid_op(VD_OP_SCALE)};
    vd_plan *plan = (vd_plan *)memory;
    vd_status status = vd_plan_create(ops, 3, &plan_limits, VD_ISA_SCALAR, &plan, bad_op);
    CHECK((status == VD_OK) == (plan != NULL));
    vd_plan_free(plan);
    return status;
}
