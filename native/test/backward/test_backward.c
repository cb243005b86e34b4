// Gradient operations that vd_plan_create rejects.
#include <math.h>

#include "core/plan_ops.h"

static const void *const one_missing[2] = {&plan_limits, NULL};

int main(void) {
    describe_faults();
    REJECTS(VD_OP_SCATTER, op.as.scatter.x = NULL);
    REJECTS(VD_OP_SCATTER, op.as.scatter.width = 0);
    REJECTS(VD_OP_SCATTER, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_NORM_BACKWARD, op.as.norm_backward.dy = NULL);
    REJECTS(VD_OP_NORM_BACKWARD, op.as.norm_backward.d = 0);
    REJECTS(VD_OP_NORM_BACKWARD, op.as.norm_backward.frozen = 2);
    REJECTS(VD_OP_NORM_BACKWARD, op.as.norm_backward.epsilon = NAN);
    REJECTS(VD_OP_ACTIVATION_BACKWARD, op.as.activation_backward.x = NULL);
    REJECTS(VD_OP_ACTIVATION_BACKWARD, op.as.activation_backward.kind = VD_ACTIVATION_COUNT);
    REJECTS(VD_OP_ACTIVATION_BACKWARD, op.as.activation_backward.slope = 2);
    REJECTS(VD_OP_ACTIVATION_BACKWARD, op.as.activation_backward.width = 0);
    REJECTS(VD_OP_MATMUL_BACKWARD, op.as.matmul_backward.weights = NULL);
    REJECTS(VD_OP_MATMUL_BACKWARD, op.as.matmul_backward.N = 0);
    REJECTS(VD_OP_MATMUL_BACKWARD, op.as.matmul_backward.K = 48);
    REJECTS(VD_OP_MATMUL_BACKWARD,
            (op.as.matmul_backward.unpacked = 1, op.as.matmul_backward.type = VD_F32));
    REJECTS(VD_OP_QUERY_BACKWARD, op.as.attention_backward.dq = NULL);
    REJECTS(VD_OP_QUERY_BACKWARD, op.as.attention_backward.statistics = NULL);
    REJECTS(VD_OP_QUERY_BACKWARD, op.as.attention_backward.attention.H = 3);
    REJECTS(VD_OP_QUERY_BACKWARD, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_KEY_VALUE_BACKWARD, op.as.attention_backward.dv = NULL);
    REJECTS(VD_OP_KEY_VALUE_BACKWARD, op.as.attention_backward.attention.window = -1);
    REJECTS(VD_OP_CONV_BACKWARD, op.as.conv_backward.kernel = NULL);
    REJECTS(VD_OP_CONV_BACKWARD, op.as.conv_backward.dx = NULL);
    REJECTS(VD_OP_CONV_BACKWARD, op.as.conv_backward.d = 0);
    REJECTS(VD_OP_CONV_BACKWARD, op.as.conv_backward.L = -1);
    REJECTS(VD_OP_CONV_BACKWARD, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.recurrence.beta = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.recurrence.H = 3);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.recurrence.tiled = 2);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dz = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.residual = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dq = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dk = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dv = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dstep = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.as.recurrence_backward.dbeta = NULL);
    REJECTS(VD_OP_RECURRENCE_BACKWARD, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_ROUTE_BACKWARD, op.as.route_backward.dweights = NULL);
    REJECTS(VD_OP_ROUTE_BACKWARD, op.as.route_backward.k = 5);
    REJECTS(VD_OP_ROUTE_BACKWARD, op.as.route_backward.over = 3);
    REJECTS(VD_OP_ROUTE_BACKWARD, op.as.route_backward.score = 2);
    REJECTS(VD_OP_EXPERT_MATMUL_BACKWARD, op.as.expert_matmul_backward.matrices = one_missing);
    REJECTS(VD_OP_EXPERT_MATMUL_BACKWARD, op.as.expert_matmul_backward.k = 3);
    REJECTS(VD_OP_EXPERT_MATMUL_BACKWARD, op.as.expert_matmul_backward.K = 48);
    REJECTS(VD_OP_EXPERT_SUM_BACKWARD, op.as.expert_sum_backward.dx = NULL);
    REJECTS(VD_OP_EXPERT_SUM_BACKWARD, op.as.expert_sum_backward.d = 0);
    REJECTS(VD_OP_SLOT_SUM, op.as.slot_sum.y = NULL);
    REJECTS(VD_OP_SLOT_SUM, op.as.slot_sum.k = 0);
    return 0;
}
