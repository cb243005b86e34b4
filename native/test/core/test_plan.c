// vd_plan_create: valid operations, combinations of operations, arguments, instruction sets.
#include "core/plan_ops.h"
#include "support/system.h"

static void accepts_valid_ops(void) {
    for (vd_op_kind kind = 0; kind < VD_OP_COUNT; kind++) {
        describe("a valid operation %d", kind);
        vd_op op = valid_op(kind);
        int32_t bad_op = 5;
        CHECK(create_plan_with(&op, &bad_op) == VD_OK && bad_op == -1);
    }
    REJECTS(VD_OP_SCALE, op.kind = -1);
    REJECTS(VD_OP_SCALE, op.kind = VD_OP_COUNT);
    REJECTS(VD_OP_SCALE, op.rows = -1);
    REJECTS(VD_OP_SCALE, op.rows = 2);
}

static vd_status create_pair(const vd_op *ops) {
    vd_plan *plan = NULL;
    int32_t bad_op;
    vd_status status = vd_plan_create(ops, 2, &plan_limits, VD_ISA_SCALAR, &plan, &bad_op);
    CHECK(status == VD_OK || bad_op == 1);
    vd_plan_free(plan);
    return status;
}

static vd_status create_after(vd_op_kind head, const vd_op *op) {
    return create_pair((const vd_op[]){valid_op(head), *op});
}

static void rejects_invalid_schedules(void) {
    describe("barriers, chains and local results");
    REJECTS(VD_OP_SCALE, op.barrier = 3);
    REJECTS(VD_OP_SCALE, op.barrier = -1);
    REJECTS(VD_OP_SCALE, op.epilogue = 2);
    REJECTS(VD_OP_SCALE, op.epilogue = 1);  // a scaling
    REJECTS(VD_OP_SCALE, op.replicated = VD_REPLICATED_READ);
    REJECTS(VD_OP_NORM, op.replicated = VD_REPLICATED_READ);
    REJECTS(VD_OP_MATMUL, op.replicated = VD_REPLICATED_WRITE);
    REJECTS(VD_OP_MATMUL, (op.replicated = VD_REPLICATED_READ, op.rows = VD_ROWS_LOGITS));
    vd_op add = valid_op(VD_OP_ADD);
    add.epilogue = 1;
    add.as.add.width = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_OK);
    CHECK(create_after(VD_OP_NORM, &add) == VD_INVALID_ARGUMENT);
    add.rows = VD_ROWS_LOGITS;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_INVALID_ARGUMENT);
    add.rows = VD_ROWS_TOKENS;
    add.as.add.width++;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_INVALID_ARGUMENT);
    vd_op edit = valid_op(VD_OP_EDIT);
    edit.epilogue = 1;
    edit.as.edit.width = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &edit) == VD_OK);
    edit.as.edit.whole_rows = 1;
    CHECK(create_after(VD_OP_MATMUL, &edit) == VD_INVALID_ARGUMENT);
    vd_op update = valid_op(VD_OP_LOW_RANK_UP);
    update.epilogue = 1;
    CHECK(create_after(VD_OP_MATMUL, &update) == VD_INVALID_ARGUMENT);
    update.as.low_rank_up.N = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &update) == VD_OK);
    vd_op ops[2] = {valid_op(VD_OP_MATMUL), valid_op(VD_OP_QUANTIZE)};
    ops[0].as.matmul.N = ops[1].as.quantize.K;
    ops[1].epilogue = 1;
    for (int32_t local = 0; local <= VD_REPLICATED_WRITE; local += VD_REPLICATED_WRITE) {
        ops[1].replicated = local;
        CHECK(create_pair(ops) == (local ? VD_INVALID_ARGUMENT : VD_OK));
    }
    vd_op norm = valid_op(VD_OP_NORM);
    norm.epilogue = 1;
    CHECK(create_after(VD_OP_MATMUL, &norm) == VD_INVALID_ARGUMENT);
}

static void rejects_invalid_arguments(void) {
    describe("vd_plan_create, arguments");
    vd_op op = valid_op(VD_OP_SCALE);
    vd_plan *plan = NULL;
    int32_t bad_op = 5;
    vd_isa isa = VD_ISA_SCALAR;
    CHECK(vd_plan_create(NULL, 1, &plan_limits, isa, &plan, &bad_op) == VD_INVALID_ARGUMENT);
    CHECK(bad_op == -1);
    CHECK(vd_plan_create(&op, 0, &plan_limits, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, -1, &plan_limits, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, 1, NULL, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, 1, &plan_limits, isa, NULL, NULL) == VD_INVALID_ARGUMENT);
    for (int which = 0; which < 5; which++) {
        for (int32_t value = -1; value <= 0; value++) {
            int32_t values[5] = {1, 1, 1, 1, 1};
            values[which] = value;
            vd_limits bad = {values[0], values[1], values[2], values[3], values[4], 0, 0};
            CHECK(vd_plan_create(&op, 1, &bad, isa, &plan, &bad_op) == VD_INVALID_ARGUMENT);
            CHECK(bad_op == -1 && plan == NULL);
        }
    }
    vd_limits negative = {1, 1, 1, 1, 1, -1, 0};
    CHECK(vd_plan_create(&op, 1, &negative, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    vd_limits without_types = {1, 1, 1, 1, 1, 0, -1};
    CHECK(vd_plan_create(&op, 1, &without_types, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    vd_plan_free(NULL);
}

// Operations with a state require limits with slots.
static void requires_slots_for_states(void) {
    describe("vd_plan_create, slots");
    vd_limits none = plan_limits;
    none.slots = 0;
    vd_op ops[2] = {valid_op(VD_OP_RECURRENCE), valid_op(VD_OP_CONV)};
    ops[1].as.conv.ring = 5;
    for (int i = 0; i < 2; i++) {
        vd_plan *plan;
        CHECK(vd_plan_create(&ops[i], 1, &plan_limits, VD_ISA_SCALAR, &plan, NULL) == VD_OK);
        vd_plan_free(plan);
        CHECK(vd_plan_create(&ops[i], 1, &none, VD_ISA_SCALAR, &plan, NULL) == VD_INVALID_ARGUMENT);
    }
}

static void rejects_unusable_isas(void) {
    describe("vd_plan_create, instruction sets");
    vd_op op = valid_op(VD_OP_SCALE);
    vd_plan *plan = NULL;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        vd_status expected = vd_isa_usable(isa) ? VD_OK : VD_UNSUPPORTED;
        CHECK(vd_plan_create(&op, 1, &plan_limits, isa, &plan, NULL) == expected);
        vd_plan_free(plan);
    }
    CHECK(vd_plan_create(&op, 1, &plan_limits, VD_ISA_COUNT, &plan, NULL) == VD_UNSUPPORTED);
    CHECK(plan == NULL);
    set_environment("VIDRIO_ISA", "nonsense");
    CHECK(vd_plan_create(&op, 1, &plan_limits, VD_ISA_AUTO, &plan, NULL) == VD_INVALID_ARGUMENT);
    set_environment("VIDRIO_ISA", NULL);
    CHECK(vd_plan_create(&op, 1, &plan_limits, VD_ISA_AUTO, &plan, NULL) == VD_OK);
    vd_plan_free(plan);
}

int main(void) {
    describe_faults();
    accepts_valid_ops();
    rejects_invalid_schedules();
    rejects_invalid_arguments();
    requires_slots_for_states();
    rejects_unusable_isas();
    return 0;
}
