// Valid gradient operations for vd_plan_create.
#ifndef VD_TEST_BACKWARD_OPS_H
#define VD_TEST_BACKWARD_OPS_H

#include "vidrio.h"

// Matrices of as many experts as an operation may have, which must not be read.
extern const void *const unread_matrices[VD_EXPERTS_MAX];

// Returns 1 for the kinds that compute gradients.
int is_backward(vd_op_kind kind);

// Returns an operation of the kind with buffers that must not be read.
vd_op valid_backward_op(vd_op_kind kind);

#endif
