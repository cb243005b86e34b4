#include "backward/backward.h"

const vd_backward_kernels vd_backward_scalar = {
    .norm = vd_norm_backward_scalar,
    .matmul = vd_matmul_backward_scalar,
    .expert_sum = vd_expert_sum_backward_scalar,
    .conv = vd_conv_backward_scalar,
    .recurrence = vd_recurrence_backward_scalar,
    .queries = vd_query_backward_scalar,
    .keys = vd_key_value_backward_scalar,
};
