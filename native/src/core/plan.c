// Creates plans: checks operations, and allocates the memory that workers share.
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/op_impl.h"
#include "core/replicated.h"

// Returns the int32_t at an offset that vd_op_impl has.
static int32_t field(const vd_op *op, size_t offset) {
    int32_t value;
    memcpy(&value, (const char *)op + offset, sizeof value);
    return value;
}

// Returns whether operation i may be part of the epilogue that precedes it.
static int epilogue_valid(const vd_op *ops, int32_t i) {
    int32_t head = i;
    while (head > 0 && ops[head].epilogue) {
        head--;
    }
    const vd_op_impl *impl = &vd_op_impls[ops[i].kind];
    const vd_op_impl *product = &vd_op_impls[ops[head].kind];
    int whole_rows = impl->whole_rows != 0 && field(&ops[i], impl->whole_rows);
    int replicated = (ops[i].replicated & VD_REPLICATED_WRITE) != 0;
    return !ops[head].epilogue && ops[head].kind == VD_OP_MATMUL && i - head <= VD_EPILOGUE_MAX &&
           !whole_rows && !replicated && impl->tile != NULL && ops[i].rows == ops[head].rows &&
           field(&ops[i], impl->width) == field(&ops[head], product->width);
}

static vd_status check_op(const vd_op *op, const vd_limits *limits, vd_isa isa) {
    if (op->kind < 0 || op->kind >= VD_OP_COUNT) {
        return VD_INVALID_ARGUMENT;
    }
    if (op->rows != VD_ROWS_TOKENS && op->rows != VD_ROWS_LOGITS) {
        return VD_INVALID_ARGUMENT;
    }
    if (op->barrier < VD_BARRIER_NEVER || op->barrier > VD_BARRIER_UNLESS_REPLICATED ||
        op->epilogue < 0 || op->epilogue > 1 || !vd_replicated_valid(op)) {
        return VD_INVALID_ARGUMENT;
    }
    const vd_op_impl *impl = &vd_op_impls[op->kind];
    if (impl->max_positions > 0 && limits->positions > impl->max_positions) {
        return VD_UNSUPPORTED;
    }
    vd_status status = impl->check(op);
    return status == VD_OK && impl->fits != NULL ? impl->fits(op, limits, isa) : status;
}

static int limits_valid(const vd_limits *limits) {
    return limits->tokens > 0 && limits->logits > 0 && limits->positions > 0 &&
           limits->vocabulary > 0 && limits->blocks > 0 && limits->slots >= 0 && limits->types >= 0;
}

// Returns the number of positions that an operation's operands have room for.
static int32_t positions_of(const vd_op *op) {
    size_t offset = vd_op_impls[op->kind].positions;
    return offset == 0 ? INT32_MAX : field(op, offset);
}

static size_t split_bytes(const vd_split *split) {
    return (size_t)split->floats * sizeof(float) + (size_t)split->tiles * sizeof(atomic_uint);
}

static vd_split split_needed(const vd_op *op, const vd_limits *limits) {
    vd_split_needed *split = vd_op_impls[op->kind].split;
    return split == NULL ? (vd_split){0} : split(op, limits);
}

// All operations of a plan share one vd_split, so a barrier must separate those that use it.
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
        if (status == VD_OK && ops[i].epilogue && !epilogue_valid(ops, i)) {
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
