// vidrio.h: the whole C API of libvidrio, in one file for whoever binds it, however long.
//
// A model is a *plan*: an array of vd_op, each a typed operation over buffers that the caller owns.
// vd_plan_run walks the plan once, on all workers of a pool, for the tokens of one vd_batch.
// docs/numerics.md is the specification of every operation; the results are the same bits on every
// instruction set, for every number of workers and every composition of a batch.
//
// Conventions
//   Letters      n tokens of a step, d model width, H query heads, H_kv key-value heads, d_h head
//                width, V vocabulary. In a matrix product y[M,N] = x[M,K] * W[N,K]^T.
//   Matrices     row-major, rows adjacent, unless a layout is stated.
//   Buffers      64-byte aligned (weights: any alignment), owned by the caller, alive and untouched
//                while a plan that names them runs. Distinct unless "may be x" is stated.
//   Errors       functions return vd_status. Nothing aborts, prints, or installs signal handlers,
//                and no thread starts except in vd_pool_create (and inside OpenBLAS, which starts
//                its own idle threads when vd_blas_open loads it).
//   Threads      functions on different pools and plans may run at once. One pool runs one plan at
//                a time (callers take turns), one plan runs on one pool at a time (callers see to
//                that).
#ifndef VIDRIO_H
#define VIDRIO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define VD_API __declspec(dllexport)
#else
#define VD_API __attribute__((visibility("default")))
#endif

// ---- Status ------------------------------------------------------------------------------------

typedef enum vd_status {
    VD_OK = 0,
    VD_INVALID_ARGUMENT = 1,  // a null pointer, a size that is not positive, an unknown constant
    VD_OUT_OF_RANGE = 2,      // a token, position, row or block outside the plan's vd_limits
    VD_UNSUPPORTED = 3,       // a valid request that this build or this processor cannot serve
    VD_NO_MEMORY = 4,         // the operating system gave no memory
    VD_NO_THREAD = 5,         // the operating system started no thread
    VD_BLAS_MISSING = 6,      // OpenBLAS is not loaded, or the named file is not OpenBLAS
} vd_status;

// The constant's name, "VD_OK" and so on; "VD_UNKNOWN" for any other value. Never null.
VD_API const char *vd_status_name(vd_status status);

// The version of this header, and of the library. A program and a library of different versions
// must not be used together.
#define VD_VERSION "0.1.0"
VD_API const char *vd_version(void);

// ---- Instruction sets --------------------------------------------------------------------------

// Each set names the instructions that its kernels need. It contains the sets that vd_isa_base
// leads to; of two usable ones the greater number is the faster.
typedef enum vd_isa {
    VD_ISA_AUTO = -1,        // VIDRIO_ISA from the environment, else the best usable one
    VD_ISA_SCALAR = 0,       // plain C: the definition of every operation
    VD_ISA_AVX2 = 1,         // AVX2, FMA, F16C
    VD_ISA_AVX_VNNI = 2,     // AVX2 and AVX-VNNI
    VD_ISA_AVX512_VNNI = 3,  // AVX2 and AVX-512 F, BW, DQ, VL, VNNI
    VD_ISA_AVX512_BF16 = 4,  // the same and AVX-512 BF16, for products that are asked to be fast
    VD_ISA_AMX_INT8 = 5,     // the same and AMX-TILE, AMX-INT8
    VD_ISA_AMX_BF16 = 6,     // the same and AMX-BF16, for products that are asked to be fast
    VD_ISA_NEON = 7,         // Advanced SIMD of Armv8.0
    VD_ISA_DOTPROD = 8,      // NEON and FEAT_DotProd
    VD_ISA_I8MM = 9,         // NEON, FEAT_DotProd and FEAT_I8MM
    VD_ISA_COUNT = 10,
} vd_isa;

// "scalar", "avx2", "avx512_vnni" and so on; null for a value that names none.
VD_API const char *vd_isa_name(vd_isa isa);

// The greatest set that this one contains; VD_ISA_SCALAR for itself and for a value that names
// none.
VD_API vd_isa vd_isa_base(vd_isa isa);

// 1 when the processor and the operating system can run it, else 0.
VD_API int32_t vd_isa_usable(vd_isa isa);

// What VD_ISA_AUTO stands for in this process. VD_INVALID_ARGUMENT: VIDRIO_ISA names no set;
// VD_UNSUPPORTED: it names one that is not usable here (in both cases *isa is VD_ISA_SCALAR).
VD_API vd_status vd_isa_pick(vd_isa *isa);

// ---- Memory ------------------------------------------------------------------------------------

// Zeroed memory, aligned to 64 bytes; from 2 MiB on to 2 MiB, in huge pages where the system has
// them. Free it with vd_free and the same size.
VD_API vd_status vd_alloc(size_t bytes, void **memory);
VD_API void vd_free(void *memory, size_t bytes);

// ---- Workers -----------------------------------------------------------------------------------

typedef struct vd_pool vd_pool;

// One worker per physical core that affinity and cgroup quota leave to this process; at least 1.
VD_API int32_t vd_default_workers(void);

// A pool of `workers` (1 to 1024) workers: the thread that calls vd_plan_run or vd_pack, and
// workers - 1 of its own, which sleep between calls and are named vidrio-work-1 and so on.
VD_API vd_status vd_pool_create(int32_t workers, vd_pool **pool);
VD_API void vd_pool_free(vd_pool *pool);

// From now on the calling thread and the pool's own let other threads of the process go first where
// there are not enough cores for all, so that a service answers while steps run. They yield to
// other processes too. Does nothing on macOS, where threads of a lower priority get slower cores.
VD_API vd_status vd_pool_lower_priority(vd_pool *pool);

// ---- Weights -----------------------------------------------------------------------------------

// Element types of weights; the numbers are those of GGUF files.
typedef enum vd_type {
    VD_F32 = 0,
    VD_F16 = 1,
    VD_Q4_0 = 2,
    VD_Q4_1 = 3,
    VD_Q5_0 = 6,
    VD_Q5_1 = 7,
    VD_Q8_0 = 8,
    VD_Q2_K = 10,
    VD_Q3_K = 11,
    VD_Q4_K = 12,
    VD_Q5_K = 13,
    VD_Q6_K = 14,
    VD_IQ2_XXS = 16,
    VD_IQ2_XS = 17,
    VD_IQ3_XXS = 18,
    VD_IQ1_S = 19,
    VD_IQ4_NL = 20,
    VD_IQ3_S = 21,
    VD_IQ2_S = 22,
    VD_IQ4_XS = 23,
    VD_IQ1_M = 29,
    VD_BF16 = 30,
    VD_TQ1_0 = 34,
    VD_TQ2_0 = 35,
    VD_MXFP4 = 39,
} vd_type;

// Quantized weights are packed before use: 16 rows side by side, so that 16 outputs fill the lanes
// of a vector. For each group of 16 rows (the last one filled up with zeros), first the codes of
// all K/32 runs of columns, then the factors of all blocks. Groups start at multiples of 64 bytes.
// Bits are the file's, but in the IQ types other than IQ4_NL and in TQ1_0: files have the points of
// a grid, or five elements in a byte, memory a code for each element, and a byte for each sub-block
// (docs/adr/019-codebook-types.md).
//
//   Codes    Each run of 32 columns is one plane of bits, or two, lower bits first:
//            4 bits        Q4_0, Q4_1, Q4_K, IQ4_NL, IQ4_XS, IQ3_XXS, IQ3_S, MXFP4
//            4 and 1 bits  Q5_0, Q5_1, Q5_K
//            4 and 2 bits  Q6_K
//            8 bits        Q8_0
//            2 bits        Q2_K, TQ1_0, TQ2_0
//            2 and 1 bits  Q3_K, IQ2_XXS, IQ2_XS, IQ2_S, IQ1_S, IQ1_M
//            A plane of b bits is b units of 16 rows x 4 bytes: columns 4k to 4k+3 are the
//            bytes of unit k mod b, at bit b * (k div b).
//   Factors  Of each block 16 halves d; then 16 halves of the minimum (K types: dmin) in types
//            with minima; then, in K and IQ types of 256, the codes of scales and minima:
//            Q6_K, Q2_K, IQ types: for each sub-block 16 bytes; Q2_K: scale | minimum << 4, the
//            others: what d is multiplied by, with sign.
//            Q3_K, Q4_K, Q5_K: 16 codes of 6 bits per row, first scales, then minima, in
//            three times 16 words: code c has its low 4 bits in word c div 8 at bit
//            4 * (c mod 8), and the upper 2 bits in word 2 at bit 2c.
//            MXFP4 has 16 bytes e, and nothing else.

// Bytes of a packed [N,K] matrix. VD_UNSUPPORTED for types that are not packed (F32, F16,
// BF16).
VD_API vd_status vd_packed_bytes(vd_type type, int64_t N, int64_t K, int64_t *bytes);

// Packs groups of rows [group_begin, group_end) of the GGUF matrix `source` into `packed` (the
// whole matrix's memory, 64-byte aligned) on all workers of the pool, or on the calling thread
// alone where the pool is null. Groups may be packed by several calls at once.
VD_API vd_status vd_pack(vd_pool *pool, vd_type type, int64_t N, int64_t K, const void *source,
                         void *packed, int64_t group_begin, int64_t group_end);

// Encodes rows [row_begin, row_end) of the matrix `source` [N,K] of type `from` as type `to`, both
// in GGUF's layout; `target` is the whole matrix's memory. K fills whole blocks of both types. Rows
// may be encoded by several threads at once. importance [K], none negative, weighs the errors of
// columns: the mean squares of their activations; null where they are not known.
// VD_UNSUPPORTED: no encoder for `to`, which is an IQ type other than IQ4 or ternary.
// VD_OUT_OF_RANGE: an element is infinite or no number, or exceeds what `to` can hold; *bad_row
// (may be null) is its row, else -1.
VD_API vd_status vd_encode(vd_type from, vd_type to, int64_t K, const void *source,
                           const float *importance, void *target, int64_t row_begin,
                           int64_t row_end, int64_t *bad_row);

// ---- Operations --------------------------------------------------------------------------------

typedef enum vd_op_kind {
    VD_OP_EMBED = 0,
    VD_OP_NORM = 1,
    VD_OP_QUANTIZE = 2,
    VD_OP_MATMUL = 3,
    VD_OP_ROPE = 4,
    VD_OP_KV_STORE = 5,
    VD_OP_ATTENTION = 6,
    VD_OP_ACTIVATION = 7,
    VD_OP_ADD = 8,
    VD_OP_TAP = 9,
    VD_OP_GATHER = 10,
    VD_OP_SCALE = 11,
    VD_OP_ROUTE = 12,
    VD_OP_EXPERT_MATMUL = 13,
    VD_OP_EXPERT_SUM = 14,
    VD_OP_TOP_K = 15,
    VD_OP_EDIT = 16,
    VD_OP_SCORES = 17,
    VD_OP_SOFTMAX = 18,
    VD_OP_ATTENTION_VALUES = 19,
    VD_OP_GAIN = 20,
    VD_OP_SCATTER = 21,
    VD_OP_NORM_BACKWARD = 22,
    VD_OP_ACTIVATION_BACKWARD = 23,
    VD_OP_MATMUL_BACKWARD = 24,
    VD_OP_QUERY_BACKWARD = 25,
    VD_OP_KEY_VALUE_BACKWARD = 26,
    VD_OP_ROUTE_BACKWARD = 27,
    VD_OP_EXPERT_MATMUL_BACKWARD = 28,
    VD_OP_EXPERT_SUM_BACKWARD = 29,
    VD_OP_SLOT_SUM = 30,
    VD_OP_ACCUMULATE = 31,
    VD_OP_LOW_RANK_DOWN = 32,
    VD_OP_LOW_RANK_UP = 33,
    VD_OP_CONV = 34,
    VD_OP_CONV_BACKWARD = 35,
    VD_OP_RECURRENCE = 36,
    VD_OP_RECURRENCE_BACKWARD = 37,
    VD_OP_COUNT = 38,
} vd_op_kind;

// How many rows an operation has in a step.
typedef enum vd_rows {
    VD_ROWS_TOKENS = 0,  // one per token of the batch
    VD_ROWS_LOGITS = 1,  // one per row that asks for logits
} vd_rows;

// What chooses the row of an embedding table.
typedef enum vd_embed_index {
    VD_EMBED_TOKENS = 0,     // row tokens[i] * (1 + skip) + offset
    VD_EMBED_POSITIONS = 1,  // row positions[i] * (1 + skip) + offset: learned positions
} vd_embed_index;

// y[i] = the row of table [V,d] that token i of the batch chooses. The table has GGUF's own layout
// (not packed), and a row for every token or position of the plan's limits.
typedef struct vd_embed {
    const void *table;
    float *y;
    int32_t type;  // vd_type
    int32_t V;
    int32_t d;
    int32_t index;   // vd_embed_index
    int32_t offset;  // not negative
    int32_t skip;    // rows between those of a token, or a position, and those of the next
} vd_embed;

typedef enum vd_norm_kind {
    VD_NORM_RMS = 0,    // Zhang & Sennrich 2019, arXiv 1910.07467
    VD_NORM_LAYER = 1,  // Ba et al. 2016, arXiv 1607.06450
} vd_norm_kind;

// Normalizes each head of rows [heads,d] on its own; a plain norm has one head. gain and bias may
// be null, and are [d] for all heads, or [heads,d] where per_head is 1. y may be x. scale
// [rows,heads], the divisors, is written unless null. Where divisor [rows,heads] is not null, they
// are these in place of those of x; it may be scale.
typedef struct vd_norm {
    const float *x;
    const float *divisor;
    const float *gain;
    const float *bias;
    float *y;
    float *scale;
    int32_t kind;  // vd_norm_kind
    int32_t heads;
    int32_t d;
    int32_t per_head;
    float epsilon;
    int32_t reserved;
} vd_norm;

// y = x * gain, or x * gain + bias where bias is not null, of rows [heads,d]: what a norm without
// gain leaves to be done. gain and bias are those of vd_norm. y may be x.
typedef struct vd_gain {
    const float *x;
    const float *gain;
    const float *bias;
    float *y;
    int32_t heads;
    int32_t d;
    int32_t per_head;
    int32_t reserved;
} vd_gain;

// Rows of K activations as int8 in blocks of 32: value = scale * q.
typedef struct vd_quantized {
    int8_t *q;          // [rows, K]
    float *scale;       // [rows, K/32]
    int32_t *sum;       // [rows, K/16] sums of 16 q
    float *scaled_sum;  // [rows, K/32] scale * sum of the block's q
} vd_quantized;

// Quantizes x [rows, K]; K is a multiple of 32.
typedef struct vd_quantize {
    const float *x;
    vd_quantized y;
    int32_t K;
    int32_t reserved;
} vd_quantize;

// y[rows,N] = x[rows,K] * W^T. F32, F16 and BF16 weights are row-major [N,K] and multiply x;
// quantized weights are packed and multiply xq (K a multiple of 32, or of 256 for the K types). The
// other operand is ignored.
// Where unpacked is 1, quantized weights are still as the file has them, and workers pack what they
// multiply, each time: no memory for weights, but more time. VD_UNSUPPORTED where 16 rows exceed
// 256 KiB.
// Where fast is 1, a product of more than 16 rows may leave the promise of equal bits for speed:
// F32 weights go to OpenBLAS under AVX2 and AVX-VNNI, which has to be loaded then; F16 and BF16
// weights multiply as bf16 under AVX-512 BF16, and all but F32 under AMX-BF16. docs/numerics.md
// says how far results may lie from exact ones. The bits still do not depend on the number of
// workers, and do not change from run to run on one machine.
typedef struct vd_matmul {
    const void *weights;
    const float *x;
    vd_quantized xq;
    float *y;
    int32_t type;  // vd_type
    int32_t N;
    int32_t K;
    int32_t fast;
    int32_t unpacked;
    int32_t reserved;
} vd_matmul;

typedef enum vd_rope_pairs {
    VD_ROPE_INTERLEAVED = 0,  // elements 2i and 2i+1
    VD_ROPE_HALVES = 1,       // elements i and i + d_rot/2
} vd_rope_pairs;

// Rotary position embedding (Su et al. 2021, arXiv 2104.09864) of `heads` heads of d_h elements,
// the first d_rot (even) of which turn. cos and sin are [positions, d_rot/2]. y may be x.
typedef struct vd_rope {
    const float *x;
    const float *cos;
    const float *sin;
    float *y;
    int32_t heads;
    int32_t d_h;
    int32_t d_rot;
    int32_t pairs;  // vd_rope_pairs
} vd_rope;

enum {
    VD_KV_BLOCK = 64,          // positions in a block of the paged key-value cache
    VD_KV_LANES = 16,          // positions whose keys lie interleaved
    VD_ATTENTION_CHUNK = 256,  // positions in a chunk of the attention's definition
    VD_HEAD_MAX = 1024         // elements of a head
};

// One layer of the paged key-value cache. Position p of a sequence lies in block
// block_tables[sequence][p / VD_KV_BLOCK]. F32, F16 and BF16 elements lie as
//   keys   [blocks, H_kv, VD_KV_BLOCK/VD_KV_LANES, d_h, VD_KV_LANES]
//   values [blocks, H_kv, VD_KV_BLOCK, d_v]
// Q8_0 has a half as the scale of each 32 elements; d_h and d_v are multiples of 32. The keys of
// VD_KV_LANES positions, and the values of VD_KV_BLOCK, are followed by their scales:
//   keys   [blocks, H_kv, VD_KV_BLOCK/VD_KV_LANES] of {int8 [d_h/4, VD_KV_LANES, 4],
//                                                      half [d_h/32, VD_KV_LANES]}
//   values [blocks, H_kv] of {int8 [VD_KV_BLOCK, d_v], half [VD_KV_BLOCK, d_v/32]}
// From a block's keys, or values, to those of the next there are `stride` bytes, a multiple of 64:
// a block may hold other layers between, so that what is used of a cache lies together.
typedef struct vd_kv_cache {
    void *keys;
    void *values;
    int64_t stride;
    int32_t type;  // vd_type: VD_F32, VD_F16, VD_BF16 or VD_Q8_0
    int32_t H_kv;
    int32_t d_h;  // of keys and queries, at most VD_HEAD_MAX
    int32_t d_v;  // of values, at most VD_HEAD_MAX
} vd_kv_cache;

// Stores k [n, H_kv, d_h] and v [n, H_kv, d_v] at the tokens' positions.
typedef struct vd_kv_store {
    const float *k;
    const float *v;
    vd_kv_cache cache;
} vd_kv_store;

// Causal attention of q [n, H, d_h] over the positions up to the token's own: z [n, H, d_v]. H is a
// multiple of H_kv; query head h reads key-value head h / (H / H_kv). ALiBi: Press et al. 2022,
// arXiv 2108.12409.
typedef struct vd_attention {
    const float *q;
    vd_kv_cache cache;
    float *z;
    const float *sinks;   // [H] scores of no position, which take their share; or null
    const float *slopes;  // [H] by which scores fall with the distance (ALiBi); or null
    int32_t H;
    int32_t window;   // positions attended to, the token's own among them; 0: all
    float scale;      // of the scores, usually 1/sqrt(d_h)
    float cap;        // scores s become cap * tanh(s / cap); 0: they do not
    int32_t aligned;  // 0: windows end with the token; 1: they begin at multiples of their length,
                      // and those that the token is in end with it
    int32_t reserved;
} vd_attention;

// Attention in three operations, so that scores and patterns can be tapped and edited: scores,
// softmax, mix. A step with a token at position P or beyond is refused.

// The scores of attention, y [n, H, P]: -infinity where a token does not attend.
typedef struct vd_scores {
    const float *q;
    vd_kv_cache cache;
    float *y;
    const float *slopes;  // as in vd_attention
    int32_t H;
    int32_t P;  // H * P is at most INT32_MAX
    int32_t window;
    float scale;
    float cap;
    int32_t aligned;
} vd_scores;

// The softmax of scores [n, H, P], over the positions that the token attends to: elsewhere y is 0,
// whatever x holds. y may be x.
typedef struct vd_softmax {
    const float *x;
    float *y;
    const float *sinks;  // as in vd_attention
    int32_t H;
    int32_t P;
    int32_t window;
    int32_t aligned;
} vd_softmax;

// z [n, H, d_v]: the sum of the values up to the token's own position, weighted by pattern
// [n, H, P]. Where these weights are bit for bit those of softmax, z is that of attention: what
// nobody edits keeps its bits.
typedef struct vd_attention_values {
    const float *pattern;
    const float *softmax;    // [n, H, P], pattern before it was edited
    const float *attention;  // [n, H, d_v], the result of vd_attention
    vd_kv_cache cache;
    float *z;
    int32_t H;
    int32_t P;
} vd_attention_values;

// Causal convolution of each column on its own along a sequence: y[i] is the sum of the last L rows
// of x up to that of token i, times the rows of kernel, the last one by the last. x and y are [n,
// d]. Rows lie in a layer of the paged cache as f32 [blocks, VD_KV_BLOCK, d], `stride` bytes, a
// multiple of 64, from a block to the next: the operation stores those of x at their positions, and
// reads what lies before them there. Before position 0 there is nothing. With a ring, rows lie in
// the sequence's slot instead, `stride` bytes from a slot to the next: that of position p at p %
// ring.
typedef struct vd_conv {
    const float *x;
    const float *kernel;  // [L, d]
    float *y;
    float *rows;
    int64_t stride;
    int32_t d;
    int32_t L;
    int32_t ring;  // rows of a slot, at least L; or 0
    int32_t reserved;
} vd_conv;

enum {
    VD_SPAN = 16,  // positions between which a recurrence is brought into its state
};

// Linear attention with a state S [d_k, d_v] of each head (Yang et al. 2024, arXiv 2412.06464; Dao
// & Gu 2024, arXiv 2405.21060), z [n, H, d_v]:
//   S = exp(a * step) S,  u = beta (v - delta S^T k),  S = S + k u^T,  z = S^T q + skip v
// q and k are [n, H_k, d_k], v [n, H, d_v], step and beta [n, H]. A head's part of a sequence's
// slot are f32 {state [d_k, d_v] before the span of VD_SPAN positions that the last token is in,
// keys [d_k, VD_SPAN], updates u [VD_SPAN, d_v] and logarithms of decays [VD_SPAN] of the span, the
// number of the span as an int32 in the place of VD_SPAN floats}. So a sequence can go on from any
// position of its last span, and bits do not depend on how it was cut into steps.
typedef struct vd_recurrence {
    const float *q;
    const float *k;
    const float *v;
    const float *step;
    const float *beta;
    const float *a;     // [H]
    const float *skip;  // [H] or null: 0
    float *z;
    float *states;
    int64_t stride;  // bytes from a slot to the next, a multiple of 64
    int32_t H_k;
    int32_t H;  // a multiple of H_k
    int32_t d_k;
    int32_t d_v;
    int32_t delta;  // 0 or 1
    int32_t tiled;  // 1: head h reads key head h % H_k; 0: h / (H / H_k)
} vd_recurrence;

typedef enum vd_activation_kind {
    VD_ACTIVATION_SILU = 0,
    VD_ACTIVATION_GELU_TANH = 1,  // the approximation of Hendrycks & Gimpel 2016, arXiv 1606.08415
    VD_ACTIVATION_RELU = 2,
    VD_ACTIVATION_GELU = 3,  // by the error function
    VD_ACTIVATION_TANH = 4,
    VD_ACTIVATION_SQUARED_RELU = 5,    // So et al. 2021, arXiv 2109.08668
    VD_ACTIVATION_ELU = 6,             // Clevert et al. 2016, arXiv 1511.07289
    VD_ACTIVATION_HARD_TANH = 7,       // x, but at least -1 and at most 1
    VD_ACTIVATION_CLAMPED_SWISH = 8,   // x * sigmoid(1.702 x) of x up to 7: a gate of gpt-oss
    VD_ACTIVATION_CLAMPED_LINEAR = 9,  // 1 + x of x from -7 to 7: what such a gate multiplies
    VD_ACTIVATION_IDENTITY = 10,       // x: where it is gated, the product of two activations
    VD_ACTIVATION_SIGMOID = 11,        // 1 / (1 + e^-x)
    VD_ACTIVATION_SOFTPLUS = 12,       // ln(1 + e^x)
} vd_activation_kind;

// y = f(x), or f(x) * up where up is not null (gated). All [rows, width]; y may be x or up.
typedef struct vd_activation {
    const float *x;
    const float *up;
    float *y;
    int32_t kind;  // vd_activation_kind
    int32_t width;
} vd_activation;

// y = a + b. a, y are [rows, width]; b is too, or [width] for every row where broadcast is 1. y may
// be a or b.
typedef struct vd_add {
    const float *a;
    const float *b;
    float *y;
    int32_t width;
    int32_t broadcast;
} vd_add;

// y = factor * x, both [rows, width]; y may be x.
typedef struct vd_scale {
    const float *x;
    float *y;
    float factor;
    int32_t width;
} vd_scale;

// Copies rows of x [rows, width] out of the step; nothing in a plan reads what it writes. The token
// at position p of sequence s of the batch goes to row bases[s] + p - positions[0] of data [n_rows,
// width], where positions[0] <= p < positions[1]. A negative base taps nothing of the sequence, nor
// does a row outside data, nor a sequence beyond bases. Both arrays may change between steps.
typedef struct vd_tap {
    const float *x;
    void *data;                // 64-byte aligned
    const int64_t *bases;      // [n_sequences]
    const int32_t *positions;  // [2]
    int64_t n_rows;
    int32_t n_sequences;
    int32_t type;  // of data, vd_type: VD_F32, VD_F16 or VD_BF16
    int32_t width;
    int32_t reserved;
} vd_tap;

// Adds rows of x [rows, width], in ascending order, to running statistics of its columns; nothing
// in a plan reads what it writes. A row of sequence s of the batch counts in statistics slots[s] of
// n_slots, or nowhere where there are none of that number, nor s in slots. Slots may change between
// steps.
typedef struct vd_accumulate {
    const float *x;
    double *sums;          // [n_slots, 2, width]: of x and of x * x
    float *bounds;         // [n_slots, 2, width]: the least x and the greatest
    const int32_t *slots;  // [n_sequences]
    int32_t n_slots;
    int32_t n_sequences;
    int32_t width;
    int32_t reserved;
} vd_accumulate;

typedef enum vd_edit_kind {
    VD_EDIT_SET = 0,       // values
    VD_EDIT_ADD = 1,       // x + factor * values
    VD_EDIT_SCALE = 2,     // factor * x
    VD_EDIT_CLAMP = 3,     // x, but at least `least` and at most `most`
    VD_EDIT_SUBSPACE = 4,  // x + sum over rows r of basis of ((values - x) . r) r
} vd_edit_kind;

enum {
    VD_ALL_SEQUENCES = -1  // an entry for all sequences of the batch
};

// Changes columns begin to end - 1 of the tokens at positions from to to - 1 of a sequence.
// SUBSPACE (distributed interchange: Geiger et al. 2023, arXiv 2303.02536) moves what the
// orthonormal rows of basis span to where it is in values; null values are zeros: it is projected
// out.
typedef struct vd_edit_entry {
    const float *values;  // [columns], or [positions, columns] where per_position is 1
    const float *basis;   // [k, columns]
    int32_t kind;         // vd_edit_kind
    int32_t sequence;     // of the batch, or VD_ALL_SEQUENCES
    int32_t from;
    int32_t to;
    int32_t begin;
    int32_t end;
    int32_t per_position;
    int32_t k;
    float factor;
    float min;
    float max;
    int32_t reserved;
} vd_edit_entry;

// y = x [rows, width] with the entries applied one after the other. Entries may change between
// steps; columns outside the rows, SET and ADD without values, and SUBSPACE unless whole_rows is 1,
// do nothing.
typedef struct vd_edit {
    const float *x;
    float *y;
    const vd_edit_entry *entries;  // [*n_entries]
    const int32_t *n_entries;
    int32_t width;
    int32_t whole_rows;  // 1: cannot be in a chain
} vd_edit;

enum {
    VD_LOW_RANK_MAX = 512,    // rank, at most
    VD_LOW_RANK_COLUMNS = 16  // of B that lie together
};

// What an adapter adds to the product with a matrix [N,K]: scale * B * A (LoRA: Hu et al. 2021,
// arXiv 2106.09685). A is row-major [r,K]. B [N,r] lies as [ceil(N/16), r, 16]: 16 outputs side by
// side, the last ones padded with zeros.
typedef struct vd_low_rank {
    const float *A;
    const float *B;
    float scale;
    int32_t r;  // 0: nothing, and A and B may be null
} vd_low_rank;

// Which adapter each sequence of the batch has, and what that adds to one matrix. Everything that
// is pointed to may change between steps. A slot outside updates, a rank beyond R, a sequence
// beyond slots: nothing is added.
typedef struct vd_low_rank_choice {
    const vd_low_rank *updates;  // [n_slots]
    const int32_t *slots;        // [n_sequences], -1 for none
    const float *strengths;      // [n_sequences], which multiply scale
    int32_t n_slots;
    int32_t n_sequences;
    int32_t R;  // at most VD_LOW_RANK_MAX
    int32_t reserved;
} vd_low_rank_choice;

// t[i][0 to r-1] = strength * scale * A * u[i] for the adapter of row i's sequence: u [rows,K],
// t [rows,R]. What lies beyond r is not written.
typedef struct vd_low_rank_down {
    const float *u;
    float *t;
    vd_low_rank_choice choice;
    int32_t K;
    int32_t reserved;
} vd_low_rank_down;

// y[i] = x[i] + B * t[i]: x and y [rows,N], t of the operation above. A row to which nothing is
// added keeps its bits. y may be x.
typedef struct vd_low_rank_up {
    const float *x;
    const float *t;
    float *y;
    vd_low_rank_choice choice;
    int32_t N;
    int32_t reserved;
} vd_low_rank_up;

// y[i] = x[logit_rows[i]]: x [n, width], y [n_logits, width].
typedef struct vd_gather {
    const float *x;
    float *y;
    int32_t width;
    int32_t reserved;
} vd_gather;

enum {
    VD_EXPERTS_MAX = 4096,     // of a mixture
    VD_EXPERT_K_MAX = 32768,   // columns of an expert's matrix
    VD_EXPERT_GROUPS_MAX = 64  // of a mixture
};

// What a router's logits become.
typedef enum vd_route_score {
    VD_ROUTE_SOFTMAX = 0,
    VD_ROUTE_SIGMOID = 1,  // of each on its own
} vd_route_score;

// What the weights of a token's experts add up to 1 over.
typedef enum vd_route_over {
    VD_ROUTE_CHOSEN = 0,        // the experts that it goes to
    VD_ROUTE_ALL = 1,           // all experts where scores are a softmax; sigmoids stay as they are
    VD_ROUTE_SPARSE_MIXER = 2,  // per slot: the experts within the threshold of its logit that no
                                // earlier slot has chosen (softmax, no bias, no groups)
} vd_route_over;

// What ranks a group of experts: of what ranks these, logits or sums of score and bias,
typedef enum vd_group_rank {
    VD_GROUP_MAX = 0,      // the greatest
    VD_GROUP_TOP_TWO = 1,  // the sum of the two greatest
} vd_group_rank;

// Mixture of experts (Shazeer et al. 2017, arXiv 1701.06538): each token goes to the k of E experts
// with the greatest logits [rows,E], or where there is a bias the greatest sums of score and bias
// (Wang et al. 2024, arXiv 2408.15664), which weights do not contain. Slot s of a token is its s-th
// expert in descending order of these; of equal ones the lower comes first. experts [rows,k] are
// their numbers, as floats, and weights [rows,k] their scores. Where experts form `groups` of equal
// size (DeepSeek-AI 2024, arXiv 2405.04434), more than one, only those of the groups_used groups
// with the greatest ranks can be chosen; these have k experts or more.
typedef struct vd_route {
    const float *logits;
    const float *bias;  // [E], or null
    float *experts;
    float *weights;
    int32_t E;
    int32_t k;
    int32_t score;   // vd_route_score
    int32_t over;    // vd_route_over
    int32_t groups;  // 0 or 1: none
    int32_t groups_used;
    int32_t group_rank;  // vd_group_rank
    int32_t reserved;
} vd_route;

// y[i][s] = x[i] * W^T + b for the matrix W [N,K] and, where experts have one, the bias b [N] of
// expert experts[i][s]: y is [rows,k,N]. x has a row for each slot, [rows,k,K], or where shared is
// 1 one for all, [rows,K]. Matrices and x are those of vd_matmul, with one type for all experts.
// The product of a slot that names no expert is 0.
typedef struct vd_expert_matmul {
    const void *const *matrices;  // [E]
    const float *bias;            // [E,N], or null
    const float *experts;
    const float *x;
    vd_quantized xq;
    float *y;
    int32_t type;  // vd_type
    int32_t E;
    int32_t k;
    int32_t N;
    int32_t K;  // at most VD_EXPERT_K_MAX
    int32_t shared;
} vd_expert_matmul;

// y[i] = the sum over slots s of weights[i][s] * x[i][s]: x [rows,k,d], weights [rows,k], y
// [rows,d].
typedef struct vd_expert_sum {
    const float *x;
    const float *weights;
    float *y;
    int32_t k;
    int32_t d;
} vd_expert_sum;

enum {
    VD_TOP_K_MAX = 256,   // candidates of a row, at most
    VD_TOP_K_CHUNKS = 64  // chunks of a row, at most, whose sums stand alone
};

// The k greatest of each row of x [rows, V] with their ids, in descending order; equal ones in
// ascending order of id, a NaN as the least. The sum of exp(x) over all of the row is
// exp(sums[0]) * sums[1].
typedef struct vd_top_k {
    const float *x;
    float *values;  // [rows, k]
    int32_t *ids;   // [rows, k]
    float *sums;    // [rows, 2]
    int32_t V;
    int32_t k;  // at most V and VD_TOP_K_MAX
} vd_top_k;

// ---- Operations backward -----------------------------------------------------------------------
//
// The vector-Jacobian products of the operations above, with respect to activations. dy is the
// gradient of some number with respect to what an operation wrote, dx that with respect to what it
// read, both of the same shape as these. Weights are constants, and the quantization of activations
// counts as the identity (the straight-through estimator, Bengio et al. 2013, arXiv 1308.3432).

// y[r] = the sum of x[i] over all i with logit_rows[i] = r, in ascending order from +0: x
// [n_logits, width], y [n, width]. The gradient of gather.
typedef struct vd_scatter {
    const float *x;
    float *y;
    int32_t width;
    int32_t reserved;
} vd_scatter;

// dx of vd_norm, whose x, gain, kind, heads, d, per_head and epsilon these are; its bias plays no
// part. Where frozen is 1 the divisors count as constants. dx may be dy.
typedef struct vd_norm_backward {
    const float *x;
    const float *gain;
    const float *dy;
    float *dx;
    int32_t kind;  // vd_norm_kind
    int32_t heads;
    int32_t d;
    int32_t per_head;
    float epsilon;
    int32_t frozen;
} vd_norm_backward;

// What stands for the derivative of an activation f.
typedef enum vd_slope {
    VD_SLOPE_DERIVATIVE = 0,
    VD_SLOPE_SECANT = 1,  // (f(x) - f(0)) / x (arXiv 2402.05602)
} vd_slope;

// dx = f'(x) * dy, or f'(x) * (up * dy) where up is not null. dx may be dy. The gradient with
// respect to up is f(x) * dy, a gated activation.
typedef struct vd_activation_backward {
    const float *x;
    const float *up;
    const float *dy;
    float *dx;
    int32_t kind;   // vd_activation_kind
    int32_t slope;  // vd_slope
    int32_t width;
    int32_t reserved;
} vd_activation_backward;

// dx[rows,K] = dy[rows,N] * W for the matrix W [N,K] of vd_matmul. Quantized weights are packed, or
// where unpacked is 1 as the file has them.
typedef struct vd_matmul_backward {
    const void *weights;
    const float *dy;
    float *dx;
    int32_t type;  // vd_type
    int32_t N;
    int32_t K;
    int32_t unpacked;
} vd_matmul_backward;

enum {
    VD_BACKWARD_POSITIONS = 32768  // of a plan with gradients of attention or recurrence, at most
};

// The gradient of vd_attention, whose z is ignored, over a cache of F32. dz is [n, H, d_v].
// VD_OP_QUERY_BACKWARD writes dq [n, H, d_h] and what it finds out of each query's softmax to
// statistics [n, H, 3]; VD_OP_KEY_VALUE_BACKWARD reads statistics and writes dk [n, H_kv, d_h] and
// dv [n, H_kv, d_v]. Adjacent rows of one sequence are differentiated together; keys and values of
// positions without a row among them are constants. VD_UNSUPPORTED: more positions than stated
// above, another cache.
typedef struct vd_attention_backward {
    vd_attention attention;
    const float *dz;
    float *statistics;
    float *dq;
    float *dk;
    float *dv;
} vd_attention_backward;

// dx of vd_conv, whose kernel, d and L these are. Adjacent rows of one sequence are differentiated
// together.
typedef struct vd_conv_backward {
    const float *kernel;
    const float *dy;
    float *dx;
    int32_t d;
    int32_t L;
} vd_conv_backward;

// The gradient of vd_recurrence, whose z, states and stride are ignored: dq, dk, dv, dstep and
// dbeta are like q, k, v, step and beta. news [n, H, d_v] receives v - delta S^T k. Adjacent rows
// of one sequence are differentiated together, as those of a text that begins with them.
// VD_UNSUPPORTED: more positions than stated above.
typedef struct vd_recurrence_backward {
    vd_recurrence recurrence;
    const float *dz;
    float *residual;
    float *dq;
    float *dk;
    float *dv;
    float *dstep;
    float *dbeta;
} vd_recurrence_backward;

// dlogits [rows,E] of vd_route, whose logits, experts, weights, E, k, score and over these are, for
// the gradient dweights [rows,k] of its weights. Which experts are chosen counts as a constant; a
// slot that names no expert adds nothing.
typedef struct vd_route_backward {
    const float *logits;
    const float *experts;
    const float *weights;
    const float *dweights;
    float *dlogits;
    int32_t E;
    int32_t k;
    int32_t score;  // vd_route_score
    int32_t over;   // vd_route_over
} vd_route_backward;

// dx[i][s] = dy[i][s] * W for the matrix W [N,K] of expert experts[i][s]: dy is [rows,k,N], dx
// [rows,k,K]. Where the slots of a token shared a row of x, its gradient is the sum of theirs; that
// of a slot that names no expert is 0.
typedef struct vd_expert_matmul_backward {
    const void *const *matrices;  // [E], as those of vd_expert_matmul
    const float *experts;
    const float *dy;
    float *dx;
    int32_t type;  // vd_type
    int32_t E;
    int32_t k;
    int32_t N;
    int32_t K;
    int32_t reserved;
} vd_expert_matmul_backward;

// The gradient of vd_expert_sum, whose x, weights, k and d these are: dx[i][s] = weights[i][s] *
// dy[i], and dweights[i][s] = dy[i] . x[i][s].
typedef struct vd_expert_sum_backward {
    const float *x;
    const float *weights;
    const float *dy;
    float *dx;
    float *dweights;
    int32_t k;
    int32_t d;
} vd_expert_sum_backward;

// y[i] = the sum over slots s of x[i][s]: x [rows,k,d], y [rows,d].
typedef struct vd_slot_sum {
    const float *x;
    float *y;
    int32_t k;
    int32_t d;
} vd_slot_sum;

// When an operation waits until every worker has finished all earlier ones.
typedef enum vd_barrier_kind {
    VD_BARRIER_NEVER = 0,
    VD_BARRIER_ALWAYS = 1,
    VD_BARRIER_UNLESS_REPLICATED = 2,  // in a step of more than VD_REPLICATED_TOKENS tokens
} vd_barrier_kind;

// In a step of at most VD_REPLICATED_TOKENS tokens, each worker computes all of a *local* result
// for itself, which costs less than to share it: worker w writes to the buffer's rows from w *
// VD_REPLICATED_ROWS on, for which the buffer has room.
enum {
    VD_REPLICATED_TOKENS = 2,
    VD_REPLICATED_ROWS = 16,
    VD_REPLICATED_READ = 1,  // bits of vd_op.replicated: products, also of low rank, quantizations,
                             // gains and taps read them
    VD_REPLICATED_WRITE = 2,  // the results of norms, gains and quantizations are local
};

// A matrix product and the operations that *follow* it form a chain: a tile of rows and columns
// goes through all of them before the worker takes the next one, so that none of them waits. They
// have the same width, and are products of other operands, quantizations, activations, sums,
// scalings, updates of low rank, edits and taps, none of them with a local result.
enum {
    VD_EPILOGUE_MAX = 16,  // operations that follow, at most
};

typedef struct vd_op {
    int32_t kind;        // vd_op_kind
    int32_t rows;        // vd_rows
    int32_t barrier;     // vd_barrier_kind
    int32_t epilogue;    // 1: belongs to the epilogue of the matrix product before it
    int32_t replicated;  // VD_REPLICATED_READ and VD_REPLICATED_WRITE, only where there is a row
                         // per token
    int32_t reserved;
    union {
        vd_embed embed;
        vd_norm norm;
        vd_quantize quantize;
        vd_matmul matmul;
        vd_rope rope;
        vd_kv_store kv_store;
        vd_attention attention;
        vd_conv conv;
        vd_recurrence recurrence;
        vd_activation activation;
        vd_add add;
        vd_scale scale;
        vd_tap tap;
        vd_accumulate accumulate;
        vd_edit edit;
        vd_low_rank_down low_rank_down;
        vd_low_rank_up low_rank_up;
        vd_scores scores;
        vd_softmax softmax;
        vd_attention_values attention_values;
        vd_gain gain;
        vd_gather gather;
        vd_route route;
        vd_expert_matmul expert_matmul;
        vd_expert_sum expert_sum;
        vd_top_k top_k;
        vd_scatter scatter;
        vd_norm_backward norm_backward;
        vd_activation_backward activation_backward;
        vd_matmul_backward matmul_backward;
        vd_attention_backward attention_backward;
        vd_conv_backward conv_backward;
        vd_recurrence_backward recurrence_backward;
        vd_route_backward route_backward;
        vd_expert_matmul_backward expert_matmul_backward;
        vd_expert_sum_backward expert_sum_backward;
        vd_slot_sum slot_sum;
    } as;
} vd_op;

// ---- Plans -------------------------------------------------------------------------------------

// The tokens of one step: any mix of prompt chunks and single tokens of several sequences. The rows
// of one sequence come in ascending order of position.
typedef struct vd_batch {
    int32_t n_tokens;
    int32_t n_logits;
    int32_t n_sequences;
    int32_t max_blocks;           // row length of block_tables
    const int32_t *tokens;        // [n_tokens]
    const int32_t *positions;     // [n_tokens]
    const int32_t *sequences;     // [n_tokens] row of block_tables
    const int32_t *block_tables;  // [n_sequences, max_blocks]
    const int32_t *logit_rows;    // [n_logits] rows of the batch
    const int32_t *slots;         // [n_sequences] of states; null where the limits have none
} vd_batch;

// What the buffers of a plan have room for. vd_plan_run checks each batch against it.
typedef struct vd_limits {
    int32_t tokens;     // rows of the token buffers
    int32_t logits;     // rows of the logit buffers
    int32_t positions;  // rows of the rotation tables
    int32_t vocabulary;
    int32_t blocks;  // of the key-value cache
    int32_t slots;   // of states; 0 where no operation has a state
} vd_limits;

typedef struct vd_plan vd_plan;

// Checks and copies `n_ops` operations. On error *bad_op (may be null) is the index of the
// operation at fault, or -1. VD_UNSUPPORTED: isa is not usable here.
// VD_BLAS_MISSING: a fast product needs OpenBLAS.
VD_API vd_status vd_plan_create(const vd_op *ops, int32_t n_ops, const vd_limits *limits,
                                vd_isa isa, vd_plan **plan, int32_t *bad_op);
VD_API void vd_plan_free(vd_plan *plan);

// Runs operations [begin, end) for the batch on all workers of the pool, and returns when all is
// done. VD_OUT_OF_RANGE: the batch does not fit the limits; nothing has run.
VD_API vd_status vd_plan_run(const vd_plan *plan, vd_pool *pool, const vd_batch *batch,
                             int32_t begin, int32_t end);

// ---- Measuring the machine ---------------------------------------------------------------------

typedef enum vd_probe_kind {
    VD_PROBE_F32_FMA = 0,   // f32 operations per second (an fma is two)
    VD_PROBE_INT8_DOT = 1,  // int8 multiply and add operations per second
    VD_PROBE_READ = 2,      // bytes read per second from memory beyond the caches
} vd_probe_kind;

// What all workers of the pool reach together with the instructions of `isa`, timed over about
// `seconds`. The best of several spans, since other programs only ever slow it down.
VD_API vd_status vd_probe(vd_probe_kind kind, vd_pool *pool, vd_isa isa, double seconds,
                          double *per_second);

// ---- OpenBLAS ----------------------------------------------------------------------------------

// Loads OpenBLAS from `path` and binds it, one-threaded, for the life of the process. Calling it
// again with OpenBLAS loaded does nothing.
VD_API vd_status vd_blas_open(const char *path);

// y[M,N] = x[M,K] * W[N,K]^T in f32 by OpenBLAS: outside the promise of equal bits.
VD_API vd_status vd_sgemm(int64_t M, int64_t N, int64_t K, const float *x, const float *W,
                          float *y);

#ifdef __cplusplus
}
#endif

#endif
