// Operations that vd_plan_create rejects. test_backward.c has those that compute gradients.
#include <math.h>
#include <string.h>

#include "core/plan_ops.h"
#include "support/rng.h"

static const void *const one_missing[2] = {&plan_limits, NULL};

static void rejects_embed_norm_quantize(void) {
    REJECTS(VD_OP_EMBED, op.as.embed.table = NULL);
    REJECTS(VD_OP_EMBED, op.as.embed.y = NULL);
    REJECTS(VD_OP_EMBED, op.as.embed.V = 9);  // the limits allow token 9
    REJECTS(VD_OP_EMBED, op.as.embed.V = 0);
    REJECTS(VD_OP_EMBED, op.as.embed.d = 0);
    REJECTS(VD_OP_EMBED, op.as.embed.d = -32);
    REJECTS(VD_OP_EMBED, op.as.embed.d = 63);
    REJECTS(VD_OP_EMBED, op.as.embed.type = 4);
    REJECTS(VD_OP_EMBED, op.as.embed.type = -1);
    REJECTS(VD_OP_EMBED, op.as.embed.index = 3);
    REJECTS(VD_OP_EMBED, (op.as.embed.index = VD_EMBED_TYPES, op.as.embed.V = 1));
    REJECTS(VD_OP_EMBED, op.as.embed.index = -1);
    REJECTS(VD_OP_EMBED, op.as.embed.offset = -1);
    REJECTS(VD_OP_EMBED, (op.as.embed.index = VD_EMBED_POSITIONS, op.as.embed.V = 199));
    REJECTS(VD_OP_EMBED,
            (op.as.embed.index = VD_EMBED_POSITIONS, op.as.embed.V = 200, op.as.embed.offset = 1));
    REJECTS(VD_OP_EMBED, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_NORM, op.as.norm.x = NULL);
    REJECTS(VD_OP_NORM, op.as.norm.y = NULL);
    REJECTS(VD_OP_NORM, op.as.norm.d = 0);
    REJECTS(VD_OP_NORM, op.as.norm.d = -1);
    REJECTS(VD_OP_NORM, op.as.norm.heads = 0);
    REJECTS(VD_OP_NORM, op.as.norm.per_head = 2);
    REJECTS(VD_OP_NORM, op.as.norm.kind = 2);
    REJECTS(VD_OP_NORM, op.as.norm.kind = -1);
    REJECTS(VD_OP_NORM, op.as.norm.epsilon = -1e-9f);
    REJECTS(VD_OP_NORM, op.as.norm.epsilon = INFINITY);
    REJECTS(VD_OP_NORM, op.as.norm.epsilon = NAN);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.x = NULL);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.y.q = NULL);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.y.scale = NULL);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.y.sum = NULL);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.y.scaled_sum = NULL);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.K = 0);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.K = -32);
    REJECTS(VD_OP_QUANTIZE, op.as.quantize.K = 33);
}

static void rejects_matmul_rope(void) {
    REJECTS(VD_OP_MATMUL, op.as.matmul.weights = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.y = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.N = 0);
    REJECTS(VD_OP_MATMUL, op.as.matmul.N = -1);
    REJECTS(VD_OP_MATMUL, op.as.matmul.K = 0);
    REJECTS(VD_OP_MATMUL, op.as.matmul.K = -64);
    REJECTS(VD_OP_MATMUL, op.as.matmul.K = 48);
    REJECTS(VD_OP_MATMUL, (op.as.matmul.N = INT32_MAX, op.as.matmul.K = INT32_MAX / 32 * 32));
    REJECTS(VD_OP_MATMUL, op.as.matmul.type = 12);
    REJECTS(VD_OP_MATMUL, op.as.matmul.type = -3);
    REJECTS(VD_OP_MATMUL, op.as.matmul.xq.q = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.xq.scale = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.xq.sum = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.xq.scaled_sum = NULL);
    REJECTS(VD_OP_MATMUL, op.as.matmul.unpacked = 2);
    REJECTS(VD_OP_MATMUL, op.as.matmul.arithmetic = 2);
    REJECTS(VD_OP_MATMUL, op.as.matmul.arithmetic = -1);
    REJECTS(VD_OP_MATMUL, (op.as.matmul.arithmetic = VD_ARITHMETIC_BF16, op.as.matmul.x = NULL));
    REJECTS(VD_OP_MATMUL, (op.as.matmul.unpacked = 1, op.as.matmul.type = VD_F32));
    REJECTS(VD_OP_MATMUL, (op.as.matmul.type = VD_F32, op.as.matmul.x = NULL));
    REJECTS(VD_OP_MATMUL, (op.as.matmul.type = VD_F16, op.as.matmul.x = NULL));
    REJECTS(VD_OP_ROPE, op.as.rope.x = NULL);
    REJECTS(VD_OP_ROPE, op.as.rope.y = NULL);
    REJECTS(VD_OP_ROPE, op.as.rope.cos = NULL);
    REJECTS(VD_OP_ROPE, op.as.rope.sin = NULL);
    REJECTS(VD_OP_ROPE, op.as.rope.heads = 0);
    REJECTS(VD_OP_ROPE, op.as.rope.d_h = 5);
    REJECTS(VD_OP_ROPE, op.as.rope.d_rot = 0);
    REJECTS(VD_OP_ROPE, op.as.rope.d_rot = -2);
    REJECTS(VD_OP_ROPE, op.as.rope.d_rot = 5);
    REJECTS(VD_OP_ROPE, op.as.rope.d_rot = 10);
    REJECTS(VD_OP_ROPE, op.as.rope.pairs = 2);
    REJECTS(VD_OP_ROPE, op.rows = VD_ROWS_LOGITS);
}

static void rejects_kv_store_attention(void) {
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.k = NULL);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.v = NULL);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.keys = NULL);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.values = NULL);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.H_kv = 0);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.stride = 4032);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.stride = 4097);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.group_heads = 0);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.group_heads = 3);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.group_stride = 4097);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.d_v = 0);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.d_v = 9);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.d_h = 0);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.d_h = VD_HEAD_MAX + 1);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.type = VD_Q4_0);
    REJECTS(VD_OP_KV_STORE, op.as.kv_store.cache.type = VD_Q8_0);  // d_h is not a multiple of 32
    REJECTS(VD_OP_KV_STORE, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_ATTENTION, op.as.attention.q = NULL);
    REJECTS(VD_OP_ATTENTION, op.as.attention.z = NULL);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cache.keys = NULL);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cache.values = NULL);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cache.H_kv = -1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cache.d_h = -8);
    REJECTS(VD_OP_ATTENTION, op.as.attention.H = 0);
    REJECTS(VD_OP_ATTENTION, op.as.attention.H = 3);  // not a multiple of H_kv
    REJECTS(VD_OP_ATTENTION, op.as.attention.scale = NAN);
    REJECTS(VD_OP_ATTENTION, op.as.attention.window = -1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.shape = VD_WINDOW_WITHOUT_FIRST + 1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cap = -1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.reach = -1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.reach = VD_REACH_MAX + 1);
    REJECTS(VD_OP_ATTENTION, op.as.attention.cap = INFINITY);
    REJECTS(VD_OP_ATTENTION, op.rows = VD_ROWS_LOGITS);
}

static void rejects_elementwise(void) {
    REJECTS(VD_OP_ACTIVATION, op.as.activation.x = NULL);
    REJECTS(VD_OP_ACTIVATION, op.as.activation.y = NULL);
    REJECTS(VD_OP_ACTIVATION, op.as.activation.kind = VD_ACTIVATION_COUNT);
    REJECTS(VD_OP_ACTIVATION, op.as.activation.kind = -1);
    REJECTS(VD_OP_ACTIVATION, op.as.activation.width = 0);
    REJECTS(VD_OP_ADD, op.as.add.a = NULL);
    REJECTS(VD_OP_ADD, op.as.add.b = NULL);
    REJECTS(VD_OP_ADD, op.as.add.y = NULL);
    REJECTS(VD_OP_ADD, op.as.add.width = 0);
    REJECTS(VD_OP_ADD, op.as.add.broadcast = 2);
    REJECTS(VD_OP_SCALE, op.as.scale.x = NULL);
    REJECTS(VD_OP_SCALE, op.as.scale.y = NULL);
    REJECTS(VD_OP_SCALE, op.as.scale.factor = INFINITY);
    REJECTS(VD_OP_SCALE, op.as.scale.width = 0);
    REJECTS(VD_OP_GATHER, op.as.gather.x = NULL);
    REJECTS(VD_OP_GATHER, op.as.gather.y = NULL);
    REJECTS(VD_OP_GATHER, op.as.gather.width = 0);
    REJECTS(VD_OP_GATHER, op.rows = VD_ROWS_TOKENS);
    REJECTS(VD_OP_TOP_K, op.as.top_k.x = NULL);
    REJECTS(VD_OP_TOP_K, op.as.top_k.values = NULL);
    REJECTS(VD_OP_TOP_K, op.as.top_k.ids = NULL);
    REJECTS(VD_OP_TOP_K, op.as.top_k.sums = NULL);
    REJECTS(VD_OP_TOP_K, op.as.top_k.k = 0);
    REJECTS(VD_OP_TOP_K, op.as.top_k.k = 8);
    REJECTS(VD_OP_TOP_K, (op.as.top_k.V = 1000, op.as.top_k.k = VD_TOP_K_MAX + 1));
}

static void rejects_tap_edit(void) {
    REJECTS(VD_OP_EDIT, op.as.edit.x = NULL);
    REJECTS(VD_OP_EDIT, op.as.edit.y = NULL);
    REJECTS(VD_OP_EDIT, op.as.edit.entries = NULL);
    REJECTS(VD_OP_EDIT, op.as.edit.n_entries = NULL);
    REJECTS(VD_OP_EDIT, op.as.edit.width = 0);
    REJECTS(VD_OP_EDIT, op.as.edit.whole_rows = 2);
    REJECTS(VD_OP_TAP, op.as.tap.x = NULL);
    REJECTS(VD_OP_TAP, op.as.tap.data = NULL);
    REJECTS(VD_OP_TAP, op.as.tap.bases = NULL);
    REJECTS(VD_OP_TAP, op.as.tap.positions = NULL);
    REJECTS(VD_OP_TAP, op.as.tap.n_rows = 0);
    REJECTS(VD_OP_TAP, op.as.tap.n_rows = INT64_MAX / 6 + 1);
    REJECTS(VD_OP_TAP, op.as.tap.n_sequences = 0);
    REJECTS(VD_OP_TAP, op.as.tap.type = VD_Q8_0);
    REJECTS(VD_OP_TAP, op.as.tap.width = -1);
}

static void rejects_low_rank(void) {
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.u = NULL);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.t = NULL);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.K = 0);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.updates = NULL);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.slots = NULL);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.strengths = NULL);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.n_slots = 0);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.n_sequences = -1);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.R = 0);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.as.low_rank_down.choice.R = VD_LOW_RANK_MAX + 1);
    REJECTS(VD_OP_LOW_RANK_DOWN, op.replicated = VD_REPLICATED_WRITE);
    REJECTS(VD_OP_LOW_RANK_UP, op.as.low_rank_up.x = NULL);
    REJECTS(VD_OP_LOW_RANK_UP, op.as.low_rank_up.t = NULL);
    REJECTS(VD_OP_LOW_RANK_UP, op.as.low_rank_up.y = NULL);
    REJECTS(VD_OP_LOW_RANK_UP, op.as.low_rank_up.N = 0);
    REJECTS(VD_OP_LOW_RANK_UP, op.as.low_rank_up.choice.R = -1);
}

static void rejects_accumulate(void) {
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.x = NULL);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.sums = NULL);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.bounds = NULL);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.slots = NULL);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.n_slots = 0);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.n_sequences = 0);
    REJECTS(VD_OP_ACCUMULATE, op.as.accumulate.width = -1);
}

static void rejects_unfused_attention(void) {
    REJECTS(VD_OP_SCORES, op.as.scores.q = NULL);
    REJECTS(VD_OP_SCORES, op.as.scores.y = NULL);
    REJECTS(VD_OP_SCORES, op.as.scores.cache.keys = NULL);
    REJECTS(VD_OP_SCORES, op.as.scores.H = 3);  // not a multiple of H_kv
    REJECTS(VD_OP_SCORES, op.as.scores.P = 0);
    REJECTS(VD_OP_SCORES, op.as.scores.P = INT32_MAX / 4 + 1);
    REJECTS(VD_OP_SCORES, op.as.scores.window = -1);
    REJECTS(VD_OP_SCORES, op.as.scores.shape = -1);
    REJECTS(VD_OP_SCORES, op.as.scores.cap = -1);
    REJECTS(VD_OP_SCORES, op.as.scores.reach = -1);
    REJECTS(VD_OP_SCORES, op.as.scores.scale = NAN);
    REJECTS(VD_OP_SCORES, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.x = NULL);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.y = NULL);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.H = 0);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.P = -1);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.P = INT32_MAX / 4 + 1);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.window = -1);
    REJECTS(VD_OP_SOFTMAX, op.as.softmax.shape = VD_WINDOW_WITHOUT_FIRST + 1);
    REJECTS(VD_OP_SOFTMAX, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.pattern = NULL);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.softmax = NULL);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.attention = NULL);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.z = NULL);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.cache.values = NULL);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.H = 0);
    REJECTS(VD_OP_ATTENTION_VALUES, op.as.attention_values.P = INT32_MAX / 4 + 1);
    REJECTS(VD_OP_ATTENTION_VALUES, op.rows = VD_ROWS_LOGITS);
    REJECTS(VD_OP_GAIN, op.as.gain.x = NULL);
    REJECTS(VD_OP_GAIN, op.as.gain.gain = NULL);
    REJECTS(VD_OP_GAIN, op.as.gain.y = NULL);
    REJECTS(VD_OP_GAIN, op.as.gain.heads = 0);
    REJECTS(VD_OP_GAIN, op.as.gain.d = 0);
    REJECTS(VD_OP_GAIN, op.as.gain.per_head = -1);
}

static void rejects_experts(void) {
    REJECTS(VD_OP_ROUTE, op.as.route.logits = NULL);
    REJECTS(VD_OP_ROUTE, op.as.route.experts = NULL);
    REJECTS(VD_OP_ROUTE, op.as.route.weights = NULL);
    REJECTS(VD_OP_ROUTE, op.as.route.E = VD_EXPERTS_MAX + 1);
    REJECTS(VD_OP_ROUTE, op.as.route.k = 0);
    REJECTS(VD_OP_ROUTE, op.as.route.k = 5);
    REJECTS(VD_OP_ROUTE, op.as.route.over = 3);
    // A sparse mixer supports neither sigmoid scores nor a bias.
    REJECTS(VD_OP_ROUTE,
            (op.as.route.over = VD_ROUTE_SPARSE_MIXER, op.as.route.score = VD_ROUTE_SIGMOID));
    REJECTS(VD_OP_ROUTE,
            (op.as.route.over = VD_ROUTE_SPARSE_MIXER, op.as.route.bias = op.as.route.logits));
    REJECTS(VD_OP_ROUTE, op.as.route.score = 2);
    REJECTS(VD_OP_ROUTE, op.as.route.groups = -1);
    REJECTS(VD_OP_ROUTE, (op.as.route.groups = 3, op.as.route.groups_used = 3));
    REJECTS(VD_OP_ROUTE, op.as.route.groups = 2);  // groups_used is 0
    REJECTS(VD_OP_ROUTE, (op.as.route.groups = 2, op.as.route.groups_used = 3));
    REJECTS(VD_OP_ROUTE, (op.as.route.groups = 4, op.as.route.groups_used = 1));  // k is 2
    REJECTS(VD_OP_ROUTE, (op.as.route.groups = 4, op.as.route.groups_used = 2,
                          op.as.route.group_rank = VD_GROUP_TOP_TWO));
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.matrices = NULL);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.matrices = one_missing);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.experts = NULL);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.y = NULL);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.xq.scaled_sum = NULL);
    REJECTS(VD_OP_EXPERT_MATMUL, (op.as.expert_matmul.type = VD_F32, op.as.expert_matmul.x = NULL));
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.type = 12 + 64);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.E = 0);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.k = 3);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.N = 0);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.K = 48);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.K = VD_EXPERT_K_MAX + 32);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.shared = 2);
    REJECTS(VD_OP_EXPERT_MATMUL, op.as.expert_matmul.arithmetic = 2);
    REJECTS(VD_OP_EXPERT_MATMUL,
            (op.as.expert_matmul.arithmetic = VD_ARITHMETIC_BF16, op.as.expert_matmul.x = NULL));
    REJECTS(VD_OP_EXPERT_SUM, op.as.expert_sum.x = NULL);
    REJECTS(VD_OP_EXPERT_SUM, op.as.expert_sum.weights = NULL);
    REJECTS(VD_OP_EXPERT_SUM, op.as.expert_sum.y = NULL);
    REJECTS(VD_OP_EXPERT_SUM, op.as.expert_sum.k = 0);
    REJECTS(VD_OP_EXPERT_SUM, op.as.expert_sum.d = 0);
}

// Returns whether a word is the address of a buffer of valid_op, which are near plan_limits.
static int is_address(uint64_t word) {
    return word - (uint64_t)(uintptr_t)&plan_limits + (1 << 24) < 1 << 25;
}

// Changes numbers of a copy of a valid operation, or one of its addresses to null.
static void change(vd_op *op, const vd_op *valid, rng *r) {
    static const int32_t numbers[] = {
        0,       1,       -1,        2,         31,      32,      33,  64,
        1 << 16, 1 << 30, INT32_MAX, INT32_MIN, 1 << 24, 1 << 20, 100, INT32_MIN + 1};
    uint64_t word;
    int64_t offset = 8 * rng_below(r, (int64_t)(sizeof *op / 8));
    char *at = (char *)op + offset;
    memcpy(&word, (const char *)valid + offset, sizeof word);
    if (is_address(word)) {
        memset(at, 0, rng_below(r, 8) == 0 ? sizeof word : 0);
    } else {
        memcpy(at + 4 * rng_below(r, 2), &numbers[rng_below(r, 16)], sizeof numbers[0]);
    }
}

// Valid or not, creation ends without a fault, and names the operation that it rejects.
static void survives_random_changes(void) {
    enum { PLANS = 30000 };
    rng r = {71};
    for (int i = 0; i < PLANS; i++) {
        vd_op valid = valid_op((vd_op_kind)rng_below(&r, VD_OP_COUNT));
        vd_op op = valid;
        for (int64_t changes = rng_between(&r, 1, 4); changes > 0; changes--) {
            change(&op, &valid, &r);
        }
        describe("random plan %d, operation %d", i, op.kind);
        int32_t bad_op = -2;
        vd_status status = create_plan_with(&op, &bad_op);
        CHECK(status == VD_OK || status == VD_INVALID_ARGUMENT || status == VD_NO_MEMORY ||
              status == VD_UNSUPPORTED);
        CHECK(status != VD_INVALID_ARGUMENT || bad_op == 1);
    }
}

int main(void) {
    describe_faults();
    survives_random_changes();
    rejects_embed_norm_quantize();
    rejects_matmul_rope();
    rejects_kv_store_attention();
    rejects_elementwise();
    rejects_tap_edit();
    rejects_low_rank();
    rejects_accumulate();
    rejects_unfused_attention();
    rejects_experts();
    return 0;
}
