#include "support/transformer.h"

#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/system.h"
#include "support/weights.h"

enum { D = MODEL_D, H = 4, H_KV = 2, D_H = 16, D_ROT = 12, D_FFN = 96, BLOCK = 64 };

static void *buffer(transformer *t, int64_t bytes) {
    CHECK(t->n_buffers < MODEL_BUFFERS_MAX);
    void *p = allocate_aligned((size_t)bytes);
    CHECK(p != NULL);
    t->buffers[t->n_buffers++] = p;
    return p;
}

static float *floats_buffer(transformer *t, int64_t n) { return buffer(t, n * 4); }

static float *random_floats(transformer *t, rng *r, float from, float to, int64_t n) {
    float *p = floats_buffer(t, n);
    for (int64_t i = 0; i < n; i++) {
        p[i] = rng_uniform(r, from, to);
    }
    return p;
}

static const void *random_matrix(transformer *t, rng *r, vd_type type, int64_t N, int64_t K) {
    void *source = buffer(t, N * weights_row_bytes(type, K));
    random_weights(r, type, WEIGHTS_PLAIN, N, K, source);
    if (!is_quantized(type)) {
        return source;
    }
    int64_t bytes;
    CHECK(vd_packed_bytes(type, N, K, &bytes) == VD_OK);
    void *packed = buffer(t, bytes);
    CHECK(vd_pack(NULL, type, N, K, source, packed, 0, (N + 15) / 16) == VD_OK);
    return packed;
}

static vd_op *add_op(transformer *t, vd_op_kind kind, vd_rows rows) {
    CHECK(t->n_ops < MODEL_OPS_MAX);
    vd_op *op = &t->ops[t->n_ops++];
    *op = (vd_op){.kind = kind, .rows = rows, .barrier = 1};
    return op;
}

// Removes the barrier before an operation that does not depend on the previous one.
static void run_concurrently(vd_op *op) { op->barrier = 0; }

// Makes the operation an epilogue of the previous one.
static void fuse(vd_op *op) {
    op->barrier = 0;
    op->epilogue = 1;
}

// Makes each worker compute a norm and the quantization after it for itself.
static void replicate(vd_op *norm) {
    norm[0].replicated = VD_REPLICATED_WRITE;
    norm[1].replicated = VD_REPLICATED_READ | VD_REPLICATED_WRITE;
    norm[1].barrier = VD_BARRIER_UNLESS_REPLICATED;
}

// Makes the operation read the result that each worker has computed for itself.
static void read_replicated(vd_op *op) {
    op->barrier = op->barrier == VD_BARRIER_ALWAYS ? VD_BARRIER_UNLESS_REPLICATED : op->barrier;
    op->replicated = VD_REPLICATED_READ;
}

static float *add_norm(transformer *t, rng *r, vd_norm_kind kind, vd_rows rows, const float *x) {
    vd_op *op = add_op(t, VD_OP_NORM, rows);
    op->as.norm = (vd_norm){
        .x = x,
        .gain = random_floats(t, r, 0.5f, 1.5f, D),
        .bias = kind == VD_NORM_LAYER ? random_floats(t, r, -0.1f, 0.1f, D) : NULL,
        .y = floats_buffer(t, MODEL_TOKENS * D),
        .scale = floats_buffer(t, MODEL_TOKENS),
        .kind = kind,
        .heads = 1,
        .d = D,
        .epsilon = 1e-5f,
    };
    return op->as.norm.y;
}

static vd_quantized add_quantize(transformer *t, vd_rows rows, const float *x, int32_t K) {
    int64_t blocks = (int64_t)MODEL_TOKENS * K / 32;
    vd_op *op = add_op(t, VD_OP_QUANTIZE, rows);
    op->as.quantize = (vd_quantize){.x = x,
                                    .y = {.q = buffer(t, blocks * 32),
                                          .scale = floats_buffer(t, blocks),
                                          .sum = buffer(t, blocks * 8),
                                          .scaled_sum = floats_buffer(t, blocks)},
                                    .K = K};
    return op->as.quantize.y;
}

static vd_op *add_matmul(transformer *t, rng *r, vd_type type, vd_rows rows, const float *x,
                         const vd_quantized *xq, int32_t N, int32_t K) {
    vd_op *op = add_op(t, VD_OP_MATMUL, rows);
    op->as.matmul = (vd_matmul){.weights = random_matrix(t, r, type, N, K),
                                .x = x,
                                .y = floats_buffer(t, (int64_t)MODEL_TOKENS * N),
                                .type = type,
                                .N = N,
                                .K = K};
    if (xq != NULL) {
        op->as.matmul.xq = *xq;
    }
    return op;
}

static void add_rope(transformer *t, float *x, int32_t heads, const float *cosines,
                     const float *sines, vd_rope_pairs pairs) {
    vd_op *op = add_op(t, VD_OP_ROPE, VD_ROWS_TOKENS);
    op->as.rope = (vd_rope){x, cosines, sines, x, heads, D_H, D_ROT, pairs};
}

// Normalizes each head in place, with its own gain.
static void add_head_norm(transformer *t, rng *r, float *x, int32_t heads) {
    vd_op *op = add_op(t, VD_OP_NORM, VD_ROWS_TOKENS);
    op->as.norm = (vd_norm){.x = x,
                            .gain = random_floats(t, r, 0.5f, 1.5f, (int64_t)heads * D_H),
                            .y = x,
                            .kind = VD_NORM_LAYER,
                            .heads = heads,
                            .d = D_H,
                            .per_head = 1,
                            .epsilon = 1e-5f};
}

static void add_residual(transformer *t, float *x, float *addend) {
    vd_op *scale = add_op(t, VD_OP_SCALE, VD_ROWS_TOKENS);
    scale->as.scale = (vd_scale){.x = addend, .y = addend, .factor = 0.75f, .width = D};
    vd_op *op = add_op(t, VD_OP_ADD, VD_ROWS_TOKENS);
    op->as.add = (vd_add){.a = x, .b = addend, .y = x, .width = D};
}

static vd_op *add_tap(transformer *t, model_tap which, const float *x) {
    int64_t n_rows = MODEL_SEQUENCES * MODEL_POSITIONS;
    int64_t *bases = buffer(t, MODEL_SEQUENCES * (int64_t)sizeof *bases);
    for (int64_t i = 0; i < MODEL_SEQUENCES; i++) {
        bases[i] = i * MODEL_POSITIONS;
    }
    int32_t *positions = buffer(t, 2 * (int64_t)sizeof *positions);
    positions[0] = 0;
    positions[1] = MODEL_POSITIONS;
    float *data = floats_buffer(t, n_rows * D);
    t->taps[which] = data;
    vd_op *op = add_op(t, VD_OP_TAP, VD_ROWS_TOKENS);
    op->as.tap = (vd_tap){.x = x,
                          .data = data,
                          .bases = bases,
                          .positions = positions,
                          .n_rows = n_rows,
                          .n_sequences = MODEL_SEQUENCES,
                          .width = D};
    return op;
}

typedef struct angles {
    float *cosines;
    float *sines;
} angles;

static angles make_angles(transformer *t) {
    int64_t n = (int64_t)MODEL_POSITIONS * D_ROT / 2;
    angles a = {floats_buffer(t, n), floats_buffer(t, n)};
    for (int64_t i = 0; i < n; i++) {
        double angle =
            (double)(i / (D_ROT / 2)) * pow(100, (double)-(i % (D_ROT / 2)) / (D_ROT / 2));
        a.cosines[i] = (float)cos(angle);
        a.sines[i] = (float)sin(angle);
    }
    return a;
}

static void add_attention(transformer *t, rng *r, int layer, float *x, angles a) {
    vd_norm_kind kind = layer == 0 ? VD_NORM_RMS : VD_NORM_LAYER;
    vd_rope_pairs pairs = layer == 0 ? VD_ROPE_INTERLEAVED : VD_ROPE_HALVES;
    const float *h = add_norm(t, r, kind, VD_ROWS_TOKENS, x);
    vd_quantized hq = add_quantize(t, VD_ROWS_TOKENS, h, D);
    vd_op *q = add_matmul(t, r, VD_Q8_0, VD_ROWS_TOKENS, NULL, &hq, H * D_H, D);
    vd_op *k = add_matmul(t, r, VD_Q4_0, VD_ROWS_TOKENS, NULL, &hq, H_KV * D_H, D);
    vd_op *v = add_matmul(t, r, VD_Q4_1, VD_ROWS_TOKENS, NULL, &hq, H_KV * D_H, D);
    run_concurrently(k);
    run_concurrently(v);
    if (layer == 0) {
        vd_op *tap = add_tap(t, TAP_NORM, h);
        run_concurrently(tap);
        read_replicated(tap);
        replicate(q - 2);
        read_replicated(q);
        read_replicated(k);
        read_replicated(v);
    }
    if (layer == 1) {
        add_head_norm(t, r, q->as.matmul.y, H);
    }
    add_rope(t, q->as.matmul.y, H, a.cosines, a.sines, pairs);
    add_rope(t, k->as.matmul.y, H_KV, a.cosines, a.sines, pairs);
    run_concurrently(&t->ops[t->n_ops - 1]);
    int64_t cache = (int64_t)MODEL_BLOCKS * H_KV * BLOCK * D_H;
    int32_t group_heads = layer == 0 ? H_KV : 1;
    int64_t stride = (layer == 0 ? 4 : 2) * group_heads * BLOCK * D_H;
    t->caches[layer] = (vd_kv_cache){.keys = floats_buffer(t, cache),
                                     .values = floats_buffer(t, cache),
                                     .stride = stride,
                                     .group_stride = MODEL_BLOCKS * stride,
                                     .type = layer == 0 ? VD_F32 : VD_F16,
                                     .H_kv = H_KV,
                                     .group_heads = group_heads,
                                     .d_h = D_H,
                                     .d_v = D_H};
    vd_op *store = add_op(t, VD_OP_KV_STORE, VD_ROWS_TOKENS);
    store->as.kv_store = (vd_kv_store){k->as.matmul.y, v->as.matmul.y, t->caches[layer]};
    vd_op *attention = add_op(t, VD_OP_ATTENTION, VD_ROWS_TOKENS);
    float *z = floats_buffer(t, MODEL_TOKENS * H * D_H);
    attention->as.attention = (vd_attention){
        .q = q->as.matmul.y, .cache = t->caches[layer], .z = z, .H = H, .scale = 0.25f};
    vd_quantized zq = add_quantize(t, VD_ROWS_TOKENS, z, H * D_H);
    vd_op *out = add_matmul(t, r, VD_Q8_0, VD_ROWS_TOKENS, NULL, &zq, D, H * D_H);
    add_residual(t, x, out->as.matmul.y);
    if (layer == 0) {
        out[-1].replicated = VD_REPLICATED_WRITE;
        read_replicated(out);
        fuse(out + 1);
        fuse(out + 2);
        fuse(add_tap(t, TAP_MID, x));
    }
}

static void add_ffn(transformer *t, rng *r, int layer, float *x) {
    const float *h = add_norm(t, r, VD_NORM_RMS, VD_ROWS_TOKENS, x);
    vd_quantized hq = add_quantize(t, VD_ROWS_TOKENS, h, D);
    vd_op *gate = add_matmul(t, r, VD_Q4_0, VD_ROWS_TOKENS, NULL, &hq, D_FFN, D);
    vd_op *up = add_matmul(t, r, VD_F16, VD_ROWS_TOKENS, h, NULL, D_FFN, D);
    run_concurrently(up);
    vd_op *op = add_op(t, VD_OP_ACTIVATION, VD_ROWS_TOKENS);
    float *post = gate->as.matmul.y;
    op->as.activation =
        (vd_activation){.x = post,
                        .up = up->as.matmul.y,
                        .y = post,
                        .kind = layer == 0 ? VD_ACTIVATION_SILU : VD_ACTIVATION_GELU_TANH,
                        .width = D_FFN};
    vd_op *down = add_matmul(t, r, VD_F32, VD_ROWS_TOKENS, post, NULL, D, D_FFN);
    add_residual(t, x, down->as.matmul.y);
    if (layer == 0) {
        replicate(gate - 2);
        read_replicated(gate);
        read_replicated(up);
        fuse(up);
        fuse(up + 1);
        fuse(down + 1);
        fuse(down + 2);
    }
}

static void add_logits(transformer *t, rng *r, const float *x) {
    vd_op *gather = add_op(t, VD_OP_GATHER, VD_ROWS_LOGITS);
    float *chosen = floats_buffer(t, MODEL_TOKENS * D);
    gather->as.gather = (vd_gather){.x = x, .y = chosen, .width = D};
    const float *h = add_norm(t, r, VD_NORM_RMS, VD_ROWS_LOGITS, chosen);
    vd_quantized hq = add_quantize(t, VD_ROWS_LOGITS, h, D);
    vd_op *op = add_matmul(t, r, VD_Q8_0, VD_ROWS_LOGITS, NULL, &hq, MODEL_V, D);
    t->logits = op->as.matmul.y;
}

void transformer_create(transformer *t, rng *r) {
    *t = (transformer){
        .limits = {MODEL_TOKENS, MODEL_TOKENS, MODEL_POSITIONS, MODEL_V, MODEL_BLOCKS, 0, 1}};
    angles a = make_angles(t);
    void *table = buffer(t, MODEL_V * weights_row_bytes(VD_Q8_0, D));
    random_weights(r, VD_Q8_0, WEIGHTS_PLAIN, MODEL_V, D, table);
    float *x = floats_buffer(t, MODEL_TOKENS * D);
    vd_op *embed = add_op(t, VD_OP_EMBED, VD_ROWS_TOKENS);
    embed->as.embed = (vd_embed){.table = table, .y = x, .type = VD_Q8_0, .V = MODEL_V, .d = D};
    for (int layer = 0; layer < MODEL_LAYERS; layer++) {
        add_attention(t, r, layer, x, a);
        add_ffn(t, r, layer, x);
    }
    add_tap(t, TAP_LAST, x);
    add_logits(t, r, x);
}

void transformer_free(transformer *t) {
    for (int32_t i = 0; i < t->n_buffers; i++) {
        free_aligned(t->buffers[i]);
    }
}

void transformer_clear_caches(transformer *t) {
    for (int layer = 0; layer < MODEL_LAYERS; layer++) {
        size_t bytes = (size_t)MODEL_BLOCKS * H_KV * BLOCK * D_H * sizeof(float);
        memset(t->caches[layer].keys, 0xff, bytes);  // NaNs
        memset(t->caches[layer].values, 0xff, bytes);
    }
}
