// All backward operations over 16 lanes.
#include "backward/conv_backward_v16.h"
#include "backward/expert_sum_backward_v16.h"
#include "backward/key_value_backward_v16.h"
#include "backward/matmul_backward_v16.h"
#include "backward/norm_backward_v16.h"
#include "backward/query_backward_v16.h"
#include "backward/recurrence_backward_v16.h"

const vd_backward_kernels VD_NAME(vd_backward) = {
    .norm = VD_NAME(vd_norm_backward),
    .matmul = VD_NAME(vd_matmul_backward),
    .expert_sum = VD_NAME(vd_expert_sum_backward),
    .conv = VD_NAME(vd_conv_backward),
    .recurrence = VD_NAME(vd_recurrence_backward),
    .queries = VD_NAME(vd_query_backward),
    .keys = VD_NAME(vd_key_value_backward),
};
