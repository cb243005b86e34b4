// Plans: what vd_plan_create refuses, of every operation in one list, however long.
#include <math.h>

#include "backward/backward_ops.h"
#include "support/check.h"
#include "support/system.h"
#include "vidrio.h"

static const vd_limits limits = {
    .tokens = 4, .logits = 3, .positions = 200, .vocabulary = 10, .blocks = 7};

static char memory[64];  // stands for any buffer of operations that never run

static const void *const matrices[2] = {memory, memory}, *const one_missing[2] = {memory, NULL};

static vd_op valid_op(vd_op_kind kind) {
    void *p = memory;
    vd_quantized xq = {p, p, p, p};
    vd_kv_cache cache = {.keys = p, .values = p, .H_kv = 2, .d_h = 8, .pages = 2};
    vd_op op = {.kind = kind};
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
            op.as.expert_matmul = (vd_expert_matmul){.matrices = matrices,
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
        case VD_OP_MIX:
            op.as.mix = (vd_mix){p, p, p, cache, p, 4, 9};
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

static vd_status create(const vd_op *op, int32_t *bad_op) {
    vd_op ops[3] = {valid_op(VD_OP_SCALE), *op, valid_op(VD_OP_SCALE)};
    vd_plan *plan = (vd_plan *)memory;
    vd_status status = vd_plan_create(ops, 3, &limits, VD_ISA_SCALAR, &plan, bad_op);
    CHECK((status == VD_OK) == (plan != NULL));
    vd_plan_free(plan);
    return status;
}

// Changes a valid operation and expects that it is refused.
#define REFUSED(op_kind, change)                            \
    do {                                                    \
        vd_op op = valid_op(op_kind);                       \
        change;                                             \
        describe("operation %d with %s", op_kind, #change); \
        int32_t bad_op = -2;                                \
        CHECK(create(&op, &bad_op) == VD_INVALID_ARGUMENT); \
        CHECK(bad_op == 1);                                 \
    } while (0)

static void check_valid_ops(void) {
    for (vd_op_kind kind = 0; kind < VD_OP_COUNT; kind++) {
        describe("a valid operation %d", kind);
        vd_op op = is_backward(kind) ? valid_backward_op(kind) : valid_op(kind);
        int32_t bad_op = 5;
        CHECK(create(&op, &bad_op) == VD_OK && bad_op == -1);
    }
    REFUSED(VD_OP_SCALE, op.kind = -1);
    REFUSED(VD_OP_SCALE, op.kind = VD_OP_COUNT);
    REFUSED(VD_OP_SCALE, op.rows = -1);
    REFUSED(VD_OP_SCALE, op.rows = 2);
}

static vd_status create_after(vd_op_kind head, const vd_op *op) {
    vd_op ops[2] = {valid_op(head), *op};
    vd_plan *plan = NULL;
    int32_t bad_op;
    vd_status status = vd_plan_create(ops, 2, &limits, VD_ISA_SCALAR, &plan, &bad_op);
    CHECK(status == VD_OK || bad_op == 1);
    vd_plan_free(plan);
    return status;
}

static void check_schedule(void) {
    describe("barriers, chains and local results");
    REFUSED(VD_OP_SCALE, op.barrier = 3);
    REFUSED(VD_OP_SCALE, op.barrier = -1);
    REFUSED(VD_OP_SCALE, op.follows = 2);
    REFUSED(VD_OP_SCALE, op.follows = 1);  // a scaling
    REFUSED(VD_OP_SCALE, op.local = VD_LOCAL_READ);
    REFUSED(VD_OP_NORM, op.local = VD_LOCAL_READ);
    REFUSED(VD_OP_MATMUL, op.local = VD_LOCAL_WRITE);
    REFUSED(VD_OP_MATMUL, (op.local = VD_LOCAL_READ, op.rows = VD_ROWS_LOGITS));
    vd_op add = valid_op(VD_OP_ADD);
    add.follows = 1;
    add.as.add.width = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_OK);
    CHECK(create_after(VD_OP_NORM, &add) == VD_INVALID_ARGUMENT);
    add.rows = VD_ROWS_LOGITS;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_INVALID_ARGUMENT);
    add.rows = VD_ROWS_TOKENS;
    add.as.add.width++;
    CHECK(create_after(VD_OP_MATMUL, &add) == VD_INVALID_ARGUMENT);
    vd_op edit = valid_op(VD_OP_EDIT);
    edit.follows = 1;
    edit.as.edit.width = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &edit) == VD_OK);
    edit.as.edit.whole_rows = 1;
    CHECK(create_after(VD_OP_MATMUL, &edit) == VD_INVALID_ARGUMENT);
    vd_op update = valid_op(VD_OP_LOW_RANK_UP);
    update.follows = 1;
    CHECK(create_after(VD_OP_MATMUL, &update) == VD_INVALID_ARGUMENT);
    update.as.low_rank_up.N = valid_op(VD_OP_MATMUL).as.matmul.N;
    CHECK(create_after(VD_OP_MATMUL, &update) == VD_OK);
    vd_op norm = valid_op(VD_OP_NORM);
    norm.follows = 1;
    CHECK(create_after(VD_OP_MATMUL, &norm) == VD_INVALID_ARGUMENT);
}

static void check_embed_norm_quantize(void) {
    REFUSED(VD_OP_EMBED, op.as.embed.table = NULL);
    REFUSED(VD_OP_EMBED, op.as.embed.y = NULL);
    REFUSED(VD_OP_EMBED, op.as.embed.V = 9);  // the limits allow token 9
    REFUSED(VD_OP_EMBED, op.as.embed.V = 0);
    REFUSED(VD_OP_EMBED, op.as.embed.d = 0);
    REFUSED(VD_OP_EMBED, op.as.embed.d = -32);
    REFUSED(VD_OP_EMBED, op.as.embed.d = 63);
    REFUSED(VD_OP_EMBED, op.as.embed.type = 4);
    REFUSED(VD_OP_EMBED, op.as.embed.type = -1);
    REFUSED(VD_OP_EMBED, op.as.embed.index = 2);
    REFUSED(VD_OP_EMBED, op.as.embed.index = -1);
    REFUSED(VD_OP_EMBED, op.as.embed.offset = -1);
    REFUSED(VD_OP_EMBED, (op.as.embed.index = VD_EMBED_POSITIONS, op.as.embed.V = 199));
    REFUSED(VD_OP_EMBED,
            (op.as.embed.index = VD_EMBED_POSITIONS, op.as.embed.V = 200, op.as.embed.offset = 1));
    REFUSED(VD_OP_EMBED, op.rows = VD_ROWS_LOGITS);
    REFUSED(VD_OP_NORM, op.as.norm.x = NULL);
    REFUSED(VD_OP_NORM, op.as.norm.y = NULL);
    REFUSED(VD_OP_NORM, op.as.norm.d = 0);
    REFUSED(VD_OP_NORM, op.as.norm.d = -1);
    REFUSED(VD_OP_NORM, op.as.norm.heads = 0);
    REFUSED(VD_OP_NORM, op.as.norm.per_head = 2);
    REFUSED(VD_OP_NORM, op.as.norm.kind = 2);
    REFUSED(VD_OP_NORM, op.as.norm.kind = -1);
    REFUSED(VD_OP_NORM, op.as.norm.epsilon = -1e-9f);
    REFUSED(VD_OP_NORM, op.as.norm.epsilon = INFINITY);
    REFUSED(VD_OP_NORM, op.as.norm.epsilon = NAN);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.x = NULL);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.y.q = NULL);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.y.scale = NULL);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.y.sum = NULL);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.y.scaled_sum = NULL);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.K = 0);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.K = -32);
    REFUSED(VD_OP_QUANTIZE, op.as.quantize.K = 33);
}

static void check_matmul_rope(void) {
    REFUSED(VD_OP_MATMUL, op.as.matmul.weights = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.y = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.N = 0);
    REFUSED(VD_OP_MATMUL, op.as.matmul.N = -1);
    REFUSED(VD_OP_MATMUL, op.as.matmul.K = 0);
    REFUSED(VD_OP_MATMUL, op.as.matmul.K = -64);
    REFUSED(VD_OP_MATMUL, op.as.matmul.K = 48);
    REFUSED(VD_OP_MATMUL, op.as.matmul.type = 12);
    REFUSED(VD_OP_MATMUL, op.as.matmul.type = -3);
    REFUSED(VD_OP_MATMUL, op.as.matmul.xq.q = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.xq.scale = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.xq.sum = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.xq.scaled_sum = NULL);
    REFUSED(VD_OP_MATMUL, op.as.matmul.unpacked = 2);
    REFUSED(VD_OP_MATMUL, (op.as.matmul.unpacked = 1, op.as.matmul.type = VD_F32));
    REFUSED(VD_OP_MATMUL, (op.as.matmul.type = VD_F32, op.as.matmul.x = NULL));
    REFUSED(VD_OP_MATMUL, (op.as.matmul.type = VD_F16, op.as.matmul.x = NULL));
    REFUSED(VD_OP_ROPE, op.as.rope.x = NULL);
    REFUSED(VD_OP_ROPE, op.as.rope.y = NULL);
    REFUSED(VD_OP_ROPE, op.as.rope.cos = NULL);
    REFUSED(VD_OP_ROPE, op.as.rope.sin = NULL);
    REFUSED(VD_OP_ROPE, op.as.rope.heads = 0);
    REFUSED(VD_OP_ROPE, op.as.rope.d_h = 5);
    REFUSED(VD_OP_ROPE, op.as.rope.d_rot = 0);
    REFUSED(VD_OP_ROPE, op.as.rope.d_rot = -2);
    REFUSED(VD_OP_ROPE, op.as.rope.d_rot = 5);
    REFUSED(VD_OP_ROPE, op.as.rope.d_rot = 10);
    REFUSED(VD_OP_ROPE, op.as.rope.pairs = 2);
    REFUSED(VD_OP_ROPE, op.rows = VD_ROWS_LOGITS);
}

static void check_kv_store_attention(void) {
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.k = NULL);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.v = NULL);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.keys = NULL);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.values = NULL);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.H_kv = 0);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.pages = 1);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.d_h = 0);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.d_h = VD_HEAD_MAX + 1);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.type = VD_Q4_0);
    REFUSED(VD_OP_KV_STORE, op.as.kv_store.cache.type = VD_Q8_0);  // d_h is no multiple of 32
    REFUSED(VD_OP_KV_STORE, op.rows = VD_ROWS_LOGITS);
    REFUSED(VD_OP_ATTENTION, op.as.attention.q = NULL);
    REFUSED(VD_OP_ATTENTION, op.as.attention.z = NULL);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cache.keys = NULL);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cache.values = NULL);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cache.H_kv = -1);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cache.d_h = -8);
    REFUSED(VD_OP_ATTENTION, op.as.attention.H = 0);
    REFUSED(VD_OP_ATTENTION, op.as.attention.H = 3);  // not a multiple of H_kv
    REFUSED(VD_OP_ATTENTION, op.as.attention.scale = NAN);
    REFUSED(VD_OP_ATTENTION, op.as.attention.window = -1);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cap = -1);
    REFUSED(VD_OP_ATTENTION, op.as.attention.cap = INFINITY);
    REFUSED(VD_OP_ATTENTION, op.rows = VD_ROWS_LOGITS);
}

static void check_elementwise(void) {
    REFUSED(VD_OP_ACTIVATION, op.as.activation.x = NULL);
    REFUSED(VD_OP_ACTIVATION, op.as.activation.y = NULL);
    REFUSED(VD_OP_ACTIVATION, op.as.activation.kind = VD_ACTIVATION_TANH + 1);
    REFUSED(VD_OP_ACTIVATION, op.as.activation.kind = -1);
    REFUSED(VD_OP_ACTIVATION, op.as.activation.width = 0);
    REFUSED(VD_OP_ADD, op.as.add.a = NULL);
    REFUSED(VD_OP_ADD, op.as.add.b = NULL);
    REFUSED(VD_OP_ADD, op.as.add.y = NULL);
    REFUSED(VD_OP_ADD, op.as.add.width = 0);
    REFUSED(VD_OP_ADD, op.as.add.broadcast = 2);
    REFUSED(VD_OP_SCALE, op.as.scale.x = NULL);
    REFUSED(VD_OP_SCALE, op.as.scale.y = NULL);
    REFUSED(VD_OP_SCALE, op.as.scale.factor = INFINITY);
    REFUSED(VD_OP_SCALE, op.as.scale.width = 0);
    REFUSED(VD_OP_GATHER, op.as.gather.x = NULL);
    REFUSED(VD_OP_GATHER, op.as.gather.y = NULL);
    REFUSED(VD_OP_GATHER, op.as.gather.width = 0);
    REFUSED(VD_OP_GATHER, op.rows = VD_ROWS_TOKENS);
    REFUSED(VD_OP_TOP_K, op.as.top_k.x = NULL);
    REFUSED(VD_OP_TOP_K, op.as.top_k.values = NULL);
    REFUSED(VD_OP_TOP_K, op.as.top_k.ids = NULL);
    REFUSED(VD_OP_TOP_K, op.as.top_k.sums = NULL);
    REFUSED(VD_OP_TOP_K, op.as.top_k.k = 0);
    REFUSED(VD_OP_TOP_K, op.as.top_k.k = 8);
    REFUSED(VD_OP_TOP_K, (op.as.top_k.V = 1000, op.as.top_k.k = VD_TOP_K_MAX + 1));
}

static void check_tap_edit(void) {
    REFUSED(VD_OP_EDIT, op.as.edit.x = NULL);
    REFUSED(VD_OP_EDIT, op.as.edit.y = NULL);
    REFUSED(VD_OP_EDIT, op.as.edit.entries = NULL);
    REFUSED(VD_OP_EDIT, op.as.edit.n_entries = NULL);
    REFUSED(VD_OP_EDIT, op.as.edit.width = 0);
    REFUSED(VD_OP_EDIT, op.as.edit.whole_rows = 2);
    REFUSED(VD_OP_TAP, op.as.tap.x = NULL);
    REFUSED(VD_OP_TAP, op.as.tap.data = NULL);
    REFUSED(VD_OP_TAP, op.as.tap.bases = NULL);
    REFUSED(VD_OP_TAP, op.as.tap.positions = NULL);
    REFUSED(VD_OP_TAP, op.as.tap.n_rows = 0);
    REFUSED(VD_OP_TAP, op.as.tap.n_rows = INT64_MAX / 6 + 1);
    REFUSED(VD_OP_TAP, op.as.tap.n_sequences = 0);
    REFUSED(VD_OP_TAP, op.as.tap.type = VD_Q8_0);
    REFUSED(VD_OP_TAP, op.as.tap.width = -1);
}

static void check_low_rank(void) {
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.u = NULL);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.t = NULL);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.K = 0);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.updates = NULL);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.slots = NULL);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.strengths = NULL);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.n_slots = 0);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.n_sequences = -1);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.R = 0);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.R = VD_LOW_RANK_MAX + 1);
    REFUSED(VD_OP_LOW_RANK_DOWN, op.local = VD_LOCAL_WRITE);
    REFUSED(VD_OP_LOW_RANK_UP, op.as.low_rank_up.x = NULL);
    REFUSED(VD_OP_LOW_RANK_UP, op.as.low_rank_up.t = NULL);
    REFUSED(VD_OP_LOW_RANK_UP, op.as.low_rank_up.y = NULL);
    REFUSED(VD_OP_LOW_RANK_UP, op.as.low_rank_up.N = 0);
    REFUSED(VD_OP_LOW_RANK_UP, op.as.low_rank_up.choice.R = -1);
}

static void check_accumulate(void) {
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.x = NULL);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.sums = NULL);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.bounds = NULL);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.slots = NULL);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.n_slots = 0);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.n_sequences = 0);
    REFUSED(VD_OP_ACCUMULATE, op.as.accumulate.width = -1);
}

static void check_open(void) {
    REFUSED(VD_OP_SCORES, op.as.scores.q = NULL);
    REFUSED(VD_OP_SCORES, op.as.scores.y = NULL);
    REFUSED(VD_OP_SCORES, op.as.scores.cache.keys = NULL);
    REFUSED(VD_OP_SCORES, op.as.scores.H = 3);  // not a multiple of H_kv
    REFUSED(VD_OP_SCORES, op.as.scores.P = 0);
    REFUSED(VD_OP_SCORES, op.as.scores.P = INT32_MAX / 4 + 1);
    REFUSED(VD_OP_SCORES, op.as.scores.window = -1);
    REFUSED(VD_OP_SCORES, op.as.scores.cap = -1);
    REFUSED(VD_OP_SCORES, op.as.scores.scale = NAN);
    REFUSED(VD_OP_SCORES, op.rows = VD_ROWS_LOGITS);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.x = NULL);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.y = NULL);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.H = 0);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.P = -1);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.P = INT32_MAX / 4 + 1);
    REFUSED(VD_OP_SOFTMAX, op.as.softmax.window = -1);
    REFUSED(VD_OP_SOFTMAX, op.rows = VD_ROWS_LOGITS);
    REFUSED(VD_OP_MIX, op.as.mix.pattern = NULL);
    REFUSED(VD_OP_MIX, op.as.mix.softmax = NULL);
    REFUSED(VD_OP_MIX, op.as.mix.attention = NULL);
    REFUSED(VD_OP_MIX, op.as.mix.z = NULL);
    REFUSED(VD_OP_MIX, op.as.mix.cache.values = NULL);
    REFUSED(VD_OP_MIX, op.as.mix.H = 0);
    REFUSED(VD_OP_MIX, op.as.mix.P = INT32_MAX / 4 + 1);
    REFUSED(VD_OP_MIX, op.rows = VD_ROWS_LOGITS);
    REFUSED(VD_OP_GAIN, op.as.gain.x = NULL);
    REFUSED(VD_OP_GAIN, op.as.gain.gain = NULL);
    REFUSED(VD_OP_GAIN, op.as.gain.y = NULL);
    REFUSED(VD_OP_GAIN, op.as.gain.heads = 0);
    REFUSED(VD_OP_GAIN, op.as.gain.d = 0);
    REFUSED(VD_OP_GAIN, op.as.gain.per_head = -1);
}

static void check_experts(void) {
    REFUSED(VD_OP_ROUTE, op.as.route.logits = NULL);
    REFUSED(VD_OP_ROUTE, op.as.route.experts = NULL);
    REFUSED(VD_OP_ROUTE, op.as.route.weights = NULL);
    REFUSED(VD_OP_ROUTE, op.as.route.E = VD_EXPERTS_MAX + 1);
    REFUSED(VD_OP_ROUTE, op.as.route.k = 0);
    REFUSED(VD_OP_ROUTE, op.as.route.k = 5);
    REFUSED(VD_OP_ROUTE, op.as.route.over = 2);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.matrices = NULL);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.matrices = one_missing);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.experts = NULL);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.y = NULL);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.xq.scaled_sum = NULL);
    REFUSED(VD_OP_EXPERT_MATMUL, (op.as.expert_matmul.type = VD_F32, op.as.expert_matmul.x = NULL));
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.type = 12 + 64);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.E = 0);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.k = 3);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.N = 0);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.K = 48);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.K = VD_EXPERT_K_MAX + 32);
    REFUSED(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.shared = 2);
    REFUSED(VD_OP_EXPERT_SUM, op.as.expert_sum.x = NULL);
    REFUSED(VD_OP_EXPERT_SUM, op.as.expert_sum.weights = NULL);
    REFUSED(VD_OP_EXPERT_SUM, op.as.expert_sum.y = NULL);
    REFUSED(VD_OP_EXPERT_SUM, op.as.expert_sum.k = 0);
    REFUSED(VD_OP_EXPERT_SUM, op.as.expert_sum.d = 0);
}

static void check_create_arguments(void) {
    describe("vd_plan_create, arguments");
    vd_op op = valid_op(VD_OP_SCALE);
    vd_plan *plan = NULL;
    int32_t bad_op = 5;
    vd_isa isa = VD_ISA_SCALAR;
    CHECK(vd_plan_create(NULL, 1, &limits, isa, &plan, &bad_op) == VD_INVALID_ARGUMENT);
    CHECK(bad_op == -1);
    CHECK(vd_plan_create(&op, 0, &limits, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, -1, &limits, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, 1, NULL, isa, &plan, NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_plan_create(&op, 1, &limits, isa, NULL, NULL) == VD_INVALID_ARGUMENT);
    for (int which = 0; which < 5; which++) {
        for (int32_t value = -1; value <= 0; value++) {
            int32_t values[5] = {1, 1, 1, 1, 1};
            values[which] = value;
            vd_limits bad = {values[0], values[1], values[2], values[3], values[4]};
            CHECK(vd_plan_create(&op, 1, &bad, isa, &plan, &bad_op) == VD_INVALID_ARGUMENT);
            CHECK(bad_op == -1 && plan == NULL);
        }
    }
    vd_plan_free(NULL);
}

static void check_create_isa(void) {
    describe("vd_plan_create, instruction sets");
    vd_op op = valid_op(VD_OP_SCALE);
    vd_plan *plan = NULL;
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa++) {
        vd_status expected = vd_isa_usable(isa) ? VD_OK : VD_UNSUPPORTED;
        CHECK(vd_plan_create(&op, 1, &limits, isa, &plan, NULL) == expected);
        vd_plan_free(plan);
    }
    CHECK(vd_plan_create(&op, 1, &limits, VD_ISA_COUNT, &plan, NULL) == VD_UNSUPPORTED);
    CHECK(plan == NULL);
    set_environment("VIDRIO_ISA", "nonsense");
    CHECK(vd_plan_create(&op, 1, &limits, VD_ISA_AUTO, &plan, NULL) == VD_INVALID_ARGUMENT);
    set_environment("VIDRIO_ISA", NULL);
    CHECK(vd_plan_create(&op, 1, &limits, VD_ISA_AUTO, &plan, NULL) == VD_OK);
    vd_plan_free(plan);
}

int main(void) {
    describe_faults();
    check_valid_ops();
    check_schedule();
    check_embed_norm_quantize();
    check_matmul_rope();
    check_kv_store_attention();
    check_elementwise();
    check_tap_edit();
    check_accumulate();
    check_low_rank();
    check_open();
    check_experts();
    check_create_arguments();
    check_create_isa();
    return 0;
}
