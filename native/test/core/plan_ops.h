// Operations that vd_plan_create accepts, and a check that it rejects changed ones.
#ifndef VD_TEST_PLAN_OPS_H
#define VD_TEST_PLAN_OPS_H

#include "support/check.h"
#include "vidrio.h"

extern const vd_limits plan_limits;

// Returns an operation of the kind with buffers that must not be read.
vd_op valid_op(vd_op_kind kind);

// Creates and frees a plan in which the operation is the second of three.
vd_status create_plan_with(const vd_op *op, int32_t *bad_op);

// Changes a valid operation and requires that it is rejected.
#define REJECTS(op_kind, change)                                      \
    do {                                                              \
        vd_op op = valid_op(op_kind);                                 \
        change;                                                       \
        describe("operation %d with %s", op_kind, #change);           \
        int32_t bad_op = -2;                                          \
        CHECK(create_plan_with(&op, &bad_op) == VD_INVALID_ARGUMENT); \
        CHECK(bad_op == 1);                                           \
    } while (0)

#endif
