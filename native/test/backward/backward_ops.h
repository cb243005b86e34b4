// Operations backward that vd_plan_create takes.
#ifndef VD_TEST_BACKWARD_OPS_H
#define VD_TEST_BACKWARD_OPS_H

#include "vidrio.h"

int is_backward(vd_op_kind kind);

// One of that kind, over buffers that must never be read.
vd_op valid_backward_op(vd_op_kind kind);

#endif
