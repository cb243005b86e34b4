#include "backward/backward_ops.h"

static char memory[64];

const void *const unread_matrices[VD_EXPERTS_MAX] = {[0 ... VD_EXPERTS_MAX - 1] = memory};

int is_backward(vd_op_kind kind) {
    return (kind >= VD_OP_SCATTER && kind <= VD_OP_SLOT_SUM) || kind == VD_OP_CONV_BACKWARD ||
           kind == VD_OP_RECURRENCE_BACKWARD || kind == VD_OP_DIAGONAL_RECURRENCE_BACKWARD;
}

vd_op valid_backward_op(vd_op_kind kind) {
    void *p = memory;
    vd_op op = {.kind = (int32_t)kind};
    switch (kind) {
        case VD_OP_SCATTER:
            op.as.scatter = (vd_scatter){p, p, 3, 0};
            break;
        case VD_OP_NORM_BACKWARD:
            op.as.norm_backward = (vd_norm_backward){.x = p, .dy = p, .dx = p, .heads = 2, .d = 3};
            break;
        case VD_OP_ACTIVATION_BACKWARD:
            op.as.activation_backward = (vd_activation_backward){.x = p, .dy = p, .dx = p};
            op.as.activation_backward.width = 3;
            break;
        case VD_OP_MATMUL_BACKWARD:
            op.as.matmul_backward = (vd_matmul_backward){p, p, p, VD_Q8_0, 5, 64, 0};
            break;
        case VD_OP_QUERY_BACKWARD:
        case VD_OP_KEY_VALUE_BACKWARD:
            op.as.attention_backward = (vd_attention_backward){.dz = p, .statistics = p};
            op.as.attention_backward.attention = (vd_attention){.q = p, .H = 4, .scale = 1};
            op.as.attention_backward.attention.cache = (vd_kv_cache){.keys = p,
                                                                     .values = p,
                                                                     .stride = 4096,
                                                                     .H_kv = 2,
                                                                     .group_heads = 2,
                                                                     .d_h = 8,
                                                                     .d_v = 8};
            op.as.attention_backward.dq = p;
            op.as.attention_backward.dk = op.as.attention_backward.dv = p;
            break;
        case VD_OP_CONV_BACKWARD:
            op.as.conv_backward = (vd_conv_backward){p, p, p, 16, 3};
            break;
        case VD_OP_DIAGONAL_RECURRENCE_BACKWARD:
            op.as.diagonal_recurrence_backward = (vd_diagonal_recurrence_backward){
                {.x = p, .decay = p, .gate = p, .d = 16}, p, p, p, p};
            break;
        case VD_OP_RECURRENCE_BACKWARD:
            op.as.recurrence_backward = (vd_recurrence_backward){
                {.q = p, .k = p, .v = p, .step = p, .beta = p, .a = p}, p, p, p, p, p, p, p};
            op.as.recurrence_backward.recurrence.H_k = 2;
            op.as.recurrence_backward.recurrence.H = 4;
            op.as.recurrence_backward.recurrence.d_k = 4;
            op.as.recurrence_backward.recurrence.d_v = 3;
            break;
        case VD_OP_ROUTE_BACKWARD:
            op.as.route_backward = (vd_route_backward){p, p, p, p, p, 4, 2, 0, 0};
            break;
        case VD_OP_EXPERT_MATMUL_BACKWARD:
            op.as.expert_matmul_backward =
                (vd_expert_matmul_backward){unread_matrices, p, p, p, VD_Q8_0, 2, 2, 5, 64, 0};
            break;
        case VD_OP_EXPERT_SUM_BACKWARD:
            op.as.expert_sum_backward = (vd_expert_sum_backward){p, p, p, p, p, 2, 3};
            break;
        default:
            op.as.slot_sum = (vd_slot_sum){p, p, 2, 3};
    }
    return op;
}
