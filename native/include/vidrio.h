// The C API of libvidrio, kept in one file so that jextract can bind it.
//
// A model is a *plan*: an array of vd_op, each a typed operation over buffers that the caller owns.
// vd_plan_run executes the plan once, on all workers of a pool, for the tokens of one vd_batch.
// docs/numerics.md specifies every operation. Results have the same bits on every instruction set,
// for every number of workers and every composition of a batch.
//
// Conventions
//   Letters      n tokens of a step, d model width, H query heads, H_kv key-value heads, d_h head
//                width, V vocabulary. In a matrix product y[M,N] = x[M,K] * W[N,K]^T.
//   Matrices     row-major, rows adjacent, unless a layout is stated.
//   Buffers      64-byte aligned (weights: any alignment), owned by the caller, valid and not
//                modified while a plan that names them runs. Distinct unless "may be x" is stated.
//   Errors       functions return vd_status. No function aborts, prints or installs a signal
//                handler. Only vd_pool_create starts threads (and OpenBLAS: its own idle threads
//                start when vd_blas_open loads it).
//   Threads      functions on different pools and plans may run concurrently. A pool serializes
//                concurrent calls. A plan must not run on two pools at once.
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
    VD_UNSUPPORTED = 3,       // a valid request that this build or this processor does not support
    VD_NO_MEMORY = 4,         // the operating system refused memory
    VD_NO_THREAD = 5,         // the operating system refused a thread
    VD_BLAS_MISSING = 6,      // OpenBLAS is not loaded, or the named file is not OpenBLAS
    VD_TRUNCATED = 7,         // a mapped file became shorter while it was read
} vd_status;

// Returns the constant's name, such as "VD_OK", or "VD_UNKNOWN" for any other value. Never null.
VD_API const char *vd_status_name(vd_status status);

// Returns the version of the library. VD_VERSION is that of this header; the two must be equal.
#define VD_VERSION "0.1.0"
VD_API const char *vd_version(void);

// ---- Instruction sets --------------------------------------------------------------------------

// Instruction sets, named after the instructions that their kernels need. Each contains the sets
// that vd_isa_base leads to. Of two usable sets the one with the larger number is faster.
typedef enum vd_isa {
    VD_ISA_AUTO = -1,        // VIDRIO_ISA from the environment, else the fastest usable one
    VD_ISA_SCALAR = 0,       // plain C: the reference implementation of every operation
    VD_ISA_AVX2 = 1,         // AVX2, FMA, F16C
    VD_ISA_AVX_VNNI = 2,     // AVX2 and AVX-VNNI
    VD_ISA_AVX512_VNNI = 3,  // AVX2 and AVX-512 F, BW, DQ, VL, VNNI
    VD_ISA_AVX512_BF16 = 4,  // VD_ISA_AVX512_VNNI and AVX-512 BF16, for products in bf16
    VD_ISA_AMX_INT8 = 5,     // VD_ISA_AVX512_BF16 and AMX-TILE, AMX-INT8
    VD_ISA_AMX_BF16 = 6,     // VD_ISA_AMX_INT8 and AMX-BF16, for products in bf16
    VD_ISA_NEON = 7,         // Advanced SIMD of Armv8.0
    VD_ISA_DOTPROD = 8,      // NEON and FEAT_DotProd
    VD_ISA_I8MM = 9,         // NEON, FEAT_DotProd and FEAT_I8MM
    VD_ISA_COUNT = 10,
} vd_isa;

// Returns "scalar", "avx2", "avx512_vnni" and so on, or null for an unknown value.
VD_API const char *vd_isa_name(vd_isa isa);

// Returns the largest set that `isa` contains: VD_ISA_SCALAR for itself and for an unknown value.
VD_API vd_isa vd_isa_base(vd_isa isa);

// Returns 1 if the processor and the operating system support the set, else 0.
VD_API int32_t vd_isa_usable(vd_isa isa);

// Resolves VD_ISA_AUTO in this process. Returns VD_INVALID_ARGUMENT if VIDRIO_ISA is not a set, and
// VD_UNSUPPORTED if it is not usable here; in both cases *isa is VD_ISA_SCALAR.
VD_API vd_status vd_isa_pick(vd_isa *isa);

// ---- Memory ------------------------------------------------------------------------------------

// Allocates zeroed memory, aligned to 64 bytes, or from 2 MiB on to 2 MiB, in huge pages if the
// system has them. Free it with vd_free and the same size.
VD_API vd_status vd_alloc(size_t bytes, void **memory);
VD_API void vd_free(void *memory, size_t bytes);

// Returns the bytes that can be allocated and used before Linux ends a process for lack of memory,
// by the system and by the cgroup; INT64_MAX if unknown, as on other systems.
VD_API int64_t vd_available_memory(void);

// ---- Topology ----------------------------------------------------------------------------------

enum {
    VD_PROCESSORS_MAX = 4096  // of a topology; further ones are left out
};

// A processor of the operating system: a hardware thread. Packages, caches and cores are numbered
// from 0 in topology order, nodes as by the operating system.
typedef struct vd_processor {
    int32_t id;       // the operating system's number
    int32_t package;  // the socket
    int32_t node;     // the NUMA node
    int32_t cache;    // the last-level cache
    int32_t core;     // the physical core; SMT siblings are processors of one core
    int32_t speed;    // 1 to 1024, relative to the fastest processor of the machine
    int32_t allowed;  // 1 if affinity and cpuset allow this process to run on it, else 0
    int32_t worker;   // the worker for which this processor is meant, or -1: the first processor
                      //   of each allowed core, fast ones first
} vd_processor;

// The processors of a machine in topology order: by package, node, kind (cores with less than four
// fifths of the highest speed are last), cache, core and id. A core is allowed if this process may
// use at least one of its processors.
typedef struct vd_topology {
    double quota;      // processors that the cgroup or job grants, such as 2.5; 0: no quota
    int32_t packages;  // numbers of packages,
    int32_t nodes;     //   of nodes that have processors,
    int32_t caches;    //   of last-level caches,
    int32_t cores;
    int32_t processors;
    int32_t allowed_cores;
    int32_t fast_cores;  // the fastest n allowed cores, with the largest product of n and the speed
                         //   of the slowest one: workers of steps of at most 16 tokens, in which
                         //   shares of weights are equal
    int32_t workers;     // the default number of workers of longer steps: allowed_cores, or
                         //   fast_cores where the system does not bind threads to processors; but
                         //   at most the quota
    int32_t
        whole_nodes;  // 1 if there is no quota and this process may use all or none of each node's
                      //   processors, else 0
    vd_processor processor[VD_PROCESSORS_MAX];
} vd_topology;

// Reads the machine's topology and this process's part of it.
VD_API vd_status vd_topology_read(vd_topology *topology);

// ---- Workers -----------------------------------------------------------------------------------

typedef struct vd_pool vd_pool;

// Returns the default number of workers of vd_topology_read; at least 1.
VD_API int32_t vd_default_workers(void);

// Creates a pool of `workers` (1 to 1024) workers: the thread that calls vd_plan_run or vd_pack,
// and workers - 1 threads named vidrio-work-1 and so on, which sleep between calls. If a call reads
// a mapped file after its end, since another program truncated it, this and all later calls with
// the pool return VD_TRUNCATED (on Linux; on macOS, SIGBUS).
VD_API vd_status vd_pool_create(int32_t workers, vd_pool **pool);
VD_API void vd_pool_free(vd_pool *pool);

// Binds each thread of the pool to the processor that the topology assigns to its worker, so that
// it stays near its caches and its memory, if the process may use whole nodes (see vd_topology),
// the pool has a worker for each of its fast or allowed cores, and these have more than one
// last-level cache. Otherwise, if the pool's cores are of several kinds, binds each thread to the
// processors of the pool that are of its worker's kind and on its node. The calling thread is not
// the pool's and stays unbound. Returns VD_UNSUPPORTED and binds none in other cases and on systems
// other than Linux.
VD_API vd_status vd_pool_pin(vd_pool *pool);

// Creates a pool of fewer workers, spread evenly over the processors that those of `whole` are
// meant for, without slow ones if the others suffice, so that as many are on each node in
// proportion. It is pinned as `whole` is.
VD_API vd_status vd_pool_create_part(const vd_pool *whole, int32_t workers, vd_pool **part);

// Returns the number of NUMA nodes that the pool's workers are meant for; 1 if there are more than
// 64.
VD_API int32_t vd_pool_nodes(const vd_pool *pool);

// How memory is divided among NUMA nodes.
typedef enum vd_placement {
    VD_PLACE_SLICES = 0,       // in order, each node's part in proportion to its workers: the
                               //   weights that they read in steps of at most 16 tokens
    VD_PLACE_INTERLEAVED = 1,  // page by page: memory that the workers of all nodes read
} vd_placement;

// Determines on which nodes of the pool's workers the pages of memory from vd_alloc will be. Only
// affects pages that nothing has been written to. A page that belongs to two parts is in the
// earlier one. If a node is full, the system takes another one. Does nothing if all workers are on
// one node. Returns VD_UNSUPPORTED if the system does not place memory, or not for this process, as
// in some containers; VD_NO_MEMORY if it cannot divide the memory further.
VD_API vd_status vd_place(const vd_pool *pool, vd_placement placement, void *memory, size_t bytes);

// Places memory like vd_place, page by page on the nodes of one of `groups` groups of nodes: that
// of the heads of a vd_kv_cache. The number of groups divides the pool's number of nodes.
VD_API vd_status vd_place_group(const vd_pool *pool, int32_t group, int32_t groups, void *memory,
                                size_t bytes);

// Lowers the priority of the calling thread and of the pool's threads, so that a service stays
// responsive if there are fewer cores than runnable threads. They yield to other processes too.
// Does nothing on macOS, where threads of low priority run on slower cores.
VD_API vd_status vd_pool_lower_priority(vd_pool *pool);

// ---- Weights -----------------------------------------------------------------------------------

// Element types of weights, numbered as in GGUF files.
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
    VD_Q2_0 = 42,
} vd_type;

// The packed layout of quantized weights: 16 rows are interleaved, so that 16 outputs fill the
// lanes of a vector. A matrix [N,K] is ceil(N/16) groups of 16 rows, the last one padded with
// zeros. Groups start at multiples of 64 bytes:
//
//   group      | codes of columns 0-31 | of columns 32-63 | ... | factors of block 0 | ... | pad |
//
//   codes      | plane of the low bits: b units | plane of the high bits, if any: b' units |
//
//   unit       | row 0: 4 bytes | row 1: 4 bytes | ... | row 15: 4 bytes |              64 bytes
//
//   A plane of b bits has b units. Byte j (0 to 3) of each row of unit u holds, from the lowest
//   bits up, columns 4u + j, 4(u + b) + j, 4(u + 2b) + j, ... In a plane of 4 bits:
//
//     unit 0, byte 0:  column 0 | column 16 << 4        unit 1, byte 0:  column 4 | column 20 << 4
//     unit 0, byte 1:  column 1 | column 17 << 4        unit 1, byte 1:  column 5 | column 21 << 4
//
//   planes     low   high
//              4           Q4_0, Q4_1, Q4_K, IQ4_NL, IQ4_XS, IQ3_XXS, IQ3_S, MXFP4
//              4     1     Q5_0, Q5_1, Q5_K
//              4     2     Q6_K
//              8           Q8_0
//              2           Q2_K, Q2_0, TQ1_0, TQ2_0
//              2     1     Q3_K, IQ2_XXS, IQ2_XS, IQ2_S, IQ1_S, IQ1_M
//
//   factors    of one block of 32, 64 or 256 columns, for the 16 rows:
//
//     most types          | d: 16 halves |
//     Q4_1, Q5_1          | d: 16 halves | minimum: 16 halves |
//     Q6_K, IQ of 256     | d: 16 halves | for each sub-block 16 bytes: signed factors of d |
//     Q2_K                | d | dmin | for each sub-block 16 bytes: scale | minimum << 4 |
//     Q3_K                | d | 3 x 16 words |
//     Q4_K, Q5_K          | d | dmin | 3 x 16 words |
//     MXFP4               | e: 16 bytes |
//
//   words      hold 16 codes of 6 bits per row, first the scales, then the minima: of code c the
//   low
//              4 bits in word c div 8 at bit 4 (c mod 8), the upper 2 bits in word 2 at bit 2c.
//
// Codes are those of the file, except in the IQ types other than IQ4_NL and in TQ1_0: their files
// hold grid points, or five elements per byte; packed, they have a code for each element and a byte
// for each sub-block (docs/adr/019-codebook-types.md).

// Computes the bytes of a packed [N,K] matrix. Returns VD_UNSUPPORTED for types that are not packed
// (F32, F16, BF16).
VD_API vd_status vd_packed_bytes(vd_type type, int64_t N, int64_t K, int64_t *bytes);

// Packs groups of rows [group_begin, group_end) of the GGUF matrix `source` into `packed` (the
// memory of the whole matrix, 64-byte aligned), on all workers of the pool or, if it is null, on
// the calling thread. Different groups may be packed concurrently.
VD_API vd_status vd_pack(vd_pool *pool, vd_type type, int64_t N, int64_t K, const void *source,
                         void *packed, int64_t group_begin, int64_t group_end);

// Encodes rows [row_begin, row_end) of the matrix `source` [N,K] of type `from` as type `to`, both
// in GGUF's layout; `target` is the memory of the whole matrix. K fills whole blocks of both types.
// Different rows may be encoded concurrently. importance [K], not negative, weights the squared
// errors of columns, typically by the mean squares of their activations; null weights them equally.
// Returns VD_UNSUPPORTED if `to` has no encoder (Q2_0, ternary types, and IQ types other than IQ4),
// and VD_OUT_OF_RANGE if an element is not finite or exceeds the range of `to`; *bad_row (may be
// null) is then its row, else -1.
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
    VD_OP_DIAGONAL_RECURRENCE = 38,
    VD_OP_DIAGONAL_RECURRENCE_BACKWARD = 39,
    VD_OP_COUNT = 40,
} vd_op_kind;

// The rows of an operation in a step.
typedef enum vd_rows {
    VD_ROWS_TOKENS = 0,  // one per token of the batch
    VD_ROWS_LOGITS = 1,  // one per requested row of logits
} vd_rows;

// The index of an embedding table.
typedef enum vd_embed_index {
    VD_EMBED_TOKENS = 0,     // row tokens[i] * (1 + skip) + offset
    VD_EMBED_POSITIONS = 1,  // row positions[i] * (1 + skip) + offset: learned positions
    VD_EMBED_TYPES = 2,      // row types[i] * (1 + skip) + offset: token types
} vd_embed_index;

// Copies to y[i] [d] the row of table [V,d] that token i of the batch selects. The table is in
// GGUF's layout (not packed) and has a row for every token, position or type within the plan's
// limits.
typedef struct vd_embed {
    const void *table;
    float *y;
    int32_t type;  // vd_type
    int32_t V;
    int32_t d;
    int32_t index;   // vd_embed_index
    int32_t offset;  // not negative
    int32_t skip;    // rows between those of consecutive tokens, positions or types
} vd_embed;

typedef enum vd_norm_kind {
    VD_NORM_RMS = 0,    // Zhang & Sennrich 2019, arXiv 1910.07467
    VD_NORM_LAYER = 1,  // Ba et al. 2016, arXiv 1607.06450
} vd_norm_kind;

// Normalizes each head of rows [heads,d] separately; an ordinary norm has one head. gain and bias
// may be null; they are [d] for all heads, or [heads,d] if per_head is 1. y may be x. The divisors
// are written to scale [rows,heads] unless it is null. If divisor [rows,heads] is not null, it
// replaces the divisors of x; it may be scale.
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

// Computes y = x * gain, or x * gain + bias if bias is not null, for rows [heads,d]: the second
// part of a norm without gain. gain and bias are as in vd_norm. y may be x.
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

// Rows of K activations, quantized to int8 in blocks of 32: value = scale * q.
typedef struct vd_quantized {
    int8_t *q;          // [rows, K]
    float *scale;       // [rows, K/32]
    int32_t *sum;       // [rows, K/16] sums of 16 q
    float *scaled_sum;  // [rows, K/32] scale * sum of the block's q
} vd_quantized;

// Quantizes x [rows, K]. K is a multiple of 32.
typedef struct vd_quantize {
    const float *x;
    vd_quantized y;
    int32_t K;
    int32_t reserved;
} vd_quantize;

// The arithmetic of a matrix product. Both have equal bits everywhere.
typedef enum vd_arithmetic {
    VD_ARITHMETIC_INT8 = 0,  // quantized weights multiply activations in int8, others f32
    VD_ARITHMETIC_BF16 = 1,  // weights and activations are rounded to bf16, sums are f32
} vd_arithmetic;

// Computes y[rows,N] = x[rows,K] * W^T. F32, F16 and BF16 weights are row-major [N,K], quantized
// weights are packed (K a multiple of 32, or of 256 for types with blocks of 256). Quantized
// weights multiply xq in VD_ARITHMETIC_INT8; all other products multiply x. The other operand is
// ignored.
//
// If unpacked is 1, quantized weights are in GGUF's layout, and workers pack the groups that they
// multiply, in each step: no memory for packed weights, but more time. VD_UNSUPPORTED if 16 rows
// exceed 512 KiB. Matrices have at most 2^48 bytes.
typedef struct vd_matmul {
    const void *weights;
    const float *x;
    vd_quantized xq;
    float *y;
    int32_t type;  // vd_type
    int32_t N;
    int32_t K;
    int32_t arithmetic;  // vd_arithmetic
    int32_t unpacked;
    int32_t reserved;
} vd_matmul;

typedef enum vd_rope_pairs {
    VD_ROPE_INTERLEAVED = 0,  // elements 2i and 2i+1
    VD_ROPE_HALVES = 1,       // elements i and i + d_rot/2
} vd_rope_pairs;

// Applies rotary position embedding (Su et al. 2021, arXiv 2104.09864) to the first d_rot (even) of
// the d_h elements of `heads` heads. cos and sin are [positions, d_rot/2]. y may be x.
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
    VD_KV_LANES = 16,          // positions with interleaved keys
    VD_ATTENTION_CHUNK = 256,  // positions in a chunk, by which attention is defined
    VD_HEAD_MAX = 1024,        // maximum elements of a head
    VD_REACH_MAX = 1 << 16     // maximum distance with a bias of its own
};

// One layer of the paged key-value cache. Position p of a sequence is in block
// block_tables[sequence][p / VD_KV_BLOCK]. Heads are in groups of group_heads, so that a NUMA node
// can hold a group. Block i of the keys of group g starts at keys + g * group_stride + i * stride,
// and of values at values + g * group_stride + i * stride; strides are multiples of 64. Between the
// blocks of a layer there may be those of other layers, so that the used part of a group is
// contiguous.
//
//   keys       | head 0 | head 1 | ... |             of one block of the first group; values alike
//
//   keys of a head, in 4 tiles of VD_KV_LANES = 16 positions
//     F32, F16, BF16    | element 0: p0 p1 ... p15 | element 1: p0 ... p15 | ... element d_h-1 |
//     Q8_0              | elements 0-3: p0 (4 bytes) ... p15 | elements 4-7 | ...              |
//                       | scale of elements 0-31: p0 (half) ... p15 | of elements 32-63 | ...  |
//     Q4_0              | elements 0-3 in the lower half of bytes, 4-7 in the upper half:      |
//                       |                p0 (4 bytes) ... p15 | elements 8-15 | ...            |
//                       | scales as in Q8_0                                                    |
//     and after the tiles of Q4_0, in a multiple of 64 bytes, the anchor: d_h bytes, d_h/32 scales
//
//   values of a head, VD_KV_BLOCK = 64 positions
//     F32, F16, BF16    | p0: d_v elements | p1 | ... | p63 |
//     Q8_0              | p0: d_v bytes | p1 | ... | p63 | p0: d_v/32 scales (halves) | ... p63 |
//     Q4_0              | p0: d_v/2 bytes | ... | p63 | p0: d_v/32 scales (halves) | ... p63   |
//                       | of 16 bytes, elements 0-15 in the lower half, 16-31 in the upper half |
//
// In Q8_0 and Q4_0 each 32 elements share a scale; d_h and d_v are multiples of 32. Q4_0 stores
// keys and values rotated, and elements plus 8; queries and results are not rotated. Its keys are
// differences to the anchor, the key of p0 in Q8_0 (docs/numerics.md).
//
// Latent attention needs only keys: if `values` equals `keys`, the value of a position is the first
// d_v elements of its key. Then d_v is at most d_h.
typedef struct vd_kv_cache {
    void *keys;
    void *values;
    int64_t stride;
    int64_t group_stride;  // unused if there is one group
    int32_t type;          // vd_type: VD_F32, VD_F16, VD_BF16, VD_Q8_0 or VD_Q4_0
    int32_t H_kv;
    int32_t group_heads;  // a divisor of H_kv
    int32_t d_h;          // of keys and queries, at most VD_HEAD_MAX
    int32_t d_v;          // of values, at most VD_HEAD_MAX
    int32_t reserved;
} vd_kv_cache;

// Stores k [n, H_kv, d_h] and v [n, H_kv, d_v] in the cache at the tokens' positions. v is not read
// if values are elements of keys.
typedef struct vd_kv_store {
    const float *k;
    const float *v;
    vd_kv_cache cache;
} vd_kv_store;

// The shape of the window of positions that a token attends to.
typedef enum vd_window_shape {
    VD_WINDOW_SLIDING = 0,   // ends with the token
    VD_WINDOW_ALIGNED = 1,   // begins at a multiple of its length, and ends with the token
    VD_WINDOW_CENTERED = 2,  // bidirectional: half of the length before and after the token, within
                             // the rows of its sequence in the step, which are adjacent
    VD_WINDOW_WITHOUT_FIRST = 3,  // ends with the token, and does not contain the first position of
                                  // the sequence unless the token is there
} vd_window_shape;

// Computes attention of q [n, H, d_h] over a window of positions, up to each token's own unless it
// is centered: z [n, H, d_v]. H is a multiple of H_kv; query head h reads key-value head h / (H /
// H_kv). ALiBi: Press et al. 2022, arXiv 2108.12409. Biases by distance: Raffel et al. 2020, arXiv
// 1910.10683.
typedef struct vd_attention {
    const float *q;
    vd_kv_cache cache;
    float *z;
    const float *sinks;   // [H] logits without a value in the softmax (attention sinks), or null
    const float *slopes;  // [H] ALiBi slopes by which scores decrease with distance, or null
    const float
        *biases;  // [H, 2 reach + 1] added to scores, or null: element `reach` of a head for
                  // the token's own position, the ones after it for those that follow. Keys
                  // farther away than `reach` get the first or the last bias of the head.
    int32_t H;
    int32_t window;  // length, including the token's own position; 0: all positions
    float scale;     // factor of q . k, usually 1/sqrt(d_h)
    float cap;       // scores s become cap * tanh(s / cap); 0: no cap
    int32_t shape;   // vd_window_shape
    int32_t reach;   // of biases; at most VD_REACH_MAX
} vd_attention;

// Unfused attention: three operations instead of one, so that scores and patterns can be tapped and
// edited. A step with a token at position P or beyond is VD_OUT_OF_RANGE.

// Computes the scores of attention, y [n, H, P]: -infinity where a token does not attend.
typedef struct vd_scores {
    const float *q;
    vd_kv_cache cache;
    float *y;
    const float *slopes;  // as in vd_attention
    const float *biases;  // as in vd_attention
    int32_t H;
    int32_t P;  // H * P is at most INT32_MAX
    int32_t window;
    float scale;
    float cap;
    int32_t shape;
    int32_t reach;  // as in vd_attention
    int32_t reserved;
} vd_scores;

// Computes the softmax of scores [n, H, P] over the positions that each token attends to. Elsewhere
// y is 0, whatever x holds. y may be x.
typedef struct vd_softmax {
    const float *x;
    float *y;
    const float *sinks;  // as in vd_attention
    int32_t H;
    int32_t P;
    int32_t window;
    int32_t shape;
} vd_softmax;

// Computes z [n, H, d_v], the sum of the values up to each token's own position, or of its whole
// sequence if windows are centered, weighted by pattern [n, H, P]. Heads with a pattern equal to
// softmax, because it was not edited, copy z from attention, so that their bits do not change.
typedef struct vd_attention_values {
    const float *pattern;
    const float *softmax;    // [n, H, P], the pattern before it was edited
    const float *attention;  // [n, H, d_v], the result of vd_attention
    vd_kv_cache cache;
    float *z;
    int32_t H;
    int32_t P;
    int32_t shape;
    int32_t reserved;
} vd_attention_values;

// Convolves each column of x causally along its sequence: y[i] is the sum of the last L rows of x
// up to that of token i, times the rows of kernel, the last row of kernel with the token's own. x
// and y are [n, d]. Earlier rows are kept in a layer of the paged cache as f32 [blocks,
// VD_KV_BLOCK, d], `stride` bytes (a multiple of 64) from one block to the next: the operation
// stores the rows of x at their positions and reads earlier ones from there. Rows before position 0
// are zero. With a ring, rows are kept in the sequence's slot instead, `stride` bytes from one slot
// to the next: the row of position p at p % ring.
typedef struct vd_conv {
    const float *x;
    const float *kernel;  // [L, d]
    float *y;
    float *rows;
    int64_t stride;
    int32_t d;
    int32_t L;
    int32_t ring;  // rows of a slot, at least L; 0: rows are in the paged cache
    int32_t reserved;
} vd_conv;

enum {
    VD_SPAN = 16,  // positions of a span, after which a recurrence folds its updates into the state
};

// Computes linear attention with a state S [d_k, d_v] per head (Yang et al. 2024, arXiv 2412.06464;
// Dao & Gu 2024, arXiv 2405.21060), z [n, H, d_v]:
//
//   S = exp(a * step) S,  u = beta (v - delta S^T k),  S = S + k u^T,  z = S^T q + skip v
//
// q and k are [n, H_k, d_k], v [n, H, d_v], step and beta [n, H]. A sequence's slot has for each
// head the following f32 arrays, where the span is the VD_SPAN positions that contain the last
// token:
//
//   | S before the span [d_k, d_v] | keys [d_k, VD_SPAN] | updates u [VD_SPAN, d_v] |
//   | logarithms of decays [VD_SPAN] | number of the span (int32), padded to VD_SPAN floats |
//
// A sequence can thus resume at any position of its last span, and bits do not depend on how it was
// divided into steps.
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
    int64_t stride;  // bytes from one slot to the next, a multiple of 64
    int32_t H_k;
    int32_t H;  // a multiple of H_k
    int32_t d_k;
    int32_t d_v;
    int32_t delta;  // 0 or 1
    int32_t tiled;  // 1: head h reads key head h % H_k; 0: h / (H / H_k)
} vd_recurrence;

// Computes a recurrence with independent elements (Orvieto et al. 2023, arXiv 2303.06349; De et al.
// 2024, arXiv 2402.19427). x, decay, gate and h are [n, d]; the state of position p is
//
//   h[0] = x[0],  h[p] = exp(decay[p]) h[p - 1] + gate[p] x[p]
//
// States are kept in the sequence's slot, `stride` bytes from one slot to the next: that of
// position p in row p % ring of [ring, d]. A sequence can thus resume at any of its last ring - 1
// positions.
typedef struct vd_diagonal_recurrence {
    const float *x;
    const float *decay;  // logarithm of the share of the previous state that is kept
    const float *gate;
    float *h;
    float *states;
    int64_t stride;  // a multiple of 64
    int32_t d;
    int32_t ring;  // at least 2
} vd_diagonal_recurrence;

typedef enum vd_activation_kind {
    VD_ACTIVATION_SILU = 0,
    VD_ACTIVATION_GELU_TANH = 1,  // approximation of Hendrycks & Gimpel 2016, arXiv 1606.08415
    VD_ACTIVATION_RELU = 2,
    VD_ACTIVATION_GELU = 3,  // exact, by the error function
    VD_ACTIVATION_TANH = 4,
    VD_ACTIVATION_SQUARED_RELU = 5,       // So et al. 2021, arXiv 2109.08668
    VD_ACTIVATION_ELU = 6,                // Clevert et al. 2016, arXiv 1511.07289
    VD_ACTIVATION_HARD_TANH = 7,          // x, clamped to [-1, 1]
    VD_ACTIVATION_CLAMPED_SWISH = 8,      // x * sigmoid(1.702 x), x at most 7: gate of gpt-oss
    VD_ACTIVATION_CLAMPED_LINEAR = 9,     // 1 + x, x in [-7, 7]: multiplied by that gate
    VD_ACTIVATION_IDENTITY = 10,          // x; gated, the product of two activations
    VD_ACTIVATION_SIGMOID = 11,           // 1 / (1 + e^-x)
    VD_ACTIVATION_SOFTPLUS = 12,          // ln(1 + e^x)
    VD_ACTIVATION_DECAY_COMPLEMENT = 13,  // sqrt(1 - e^2x) for x <= 0, else 0
    VD_ACTIVATION_COUNT = 14,
} vd_activation_kind;

// Computes y = f(x), or f(x) * up if up is not null (gated). All are [rows, width]; y may be x or
// up.
typedef struct vd_activation {
    const float *x;
    const float *up;
    float *y;
    int32_t kind;  // vd_activation_kind
    int32_t width;
} vd_activation;

// Computes y = a + b. a and y are [rows, width]; so is b, or [width] for every row if broadcast is
// 1. y may be a or b.
typedef struct vd_add {
    const float *a;
    const float *b;
    float *y;
    int32_t width;
    int32_t broadcast;
} vd_add;

// Computes y = factor * x, both [rows, width]. y may be x.
typedef struct vd_scale {
    const float *x;
    float *y;
    float factor;
    int32_t width;
} vd_scale;

// Copies rows of x [rows, width] to memory outside the plan; no operation reads them. The token at
// position p of sequence s of the batch is copied to row bases[s] + p - positions[0] of data
// [n_rows, width], if positions[0] <= p < positions[1]. Sequences with a negative base or beyond
// bases are not tapped, nor are rows outside data. Both arrays may change between steps.
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

// Adds rows of x [rows, width], in ascending order, to running statistics of its columns; no
// operation reads them. A row of sequence s of the batch is added to the statistics slots[s] of
// n_slots, unless slots[s] is out of range or s is beyond slots. Slots may change between steps.
typedef struct vd_accumulate {
    const float *x;
    double *sums;          // [n_slots, 2, width]: of x and of x * x
    float *bounds;         // [n_slots, 2, width]: minimum and maximum of x
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
    VD_EDIT_CLAMP = 3,     // x, clamped to [min, max]
    VD_EDIT_SUBSPACE = 4,  // x + sum over rows r of basis of ((values - x) . r) r
} vd_edit_kind;

enum {
    VD_ALL_SEQUENCES = -1  // the entry applies to all sequences of the batch
};

// Changes columns [begin, end) of the tokens at positions [from, to) of a sequence. SUBSPACE
// (distributed interchange: Geiger et al. 2023, arXiv 2303.02536) replaces the component of x in
// the span of the orthonormal rows of basis by that of values; null values are zeros, which
// projects the component out.
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

// Copies x [rows, width] to y and applies the entries in order. Entries may change between steps.
// Columns outside the rows, SET and ADD without values, and SUBSPACE unless whole_rows is 1, have
// no effect.
typedef struct vd_edit {
    const float *x;
    float *y;
    const vd_edit_entry *entries;  // [*n_entries]
    const int32_t *n_entries;
    int32_t width;
    int32_t whole_rows;  // 1: SUBSPACE is allowed; cannot be part of an epilogue
} vd_edit;

enum {
    VD_LOW_RANK_MAX = 512,    // maximum rank
    VD_LOW_RANK_COLUMNS = 16  // adjacent columns of B
};

// An update of a matrix [N,K]: scale * B * A (LoRA: Hu et al. 2021, arXiv 2106.09685). A is
// row-major [r,K]. B [N,r] is stored as [ceil(N/16), r, 16]: 16 outputs are adjacent, the last ones
// padded with zeros.
typedef struct vd_low_rank {
    const float *A;
    const float *B;
    float scale;
    int32_t r;  // 0: no update, and A and B may be null
} vd_low_rank;

// The adapter of each sequence of the batch, and its update of one matrix. All pointed-to memory
// may change between steps. A slot outside updates, a rank above R, or a sequence beyond slots
// means no update.
typedef struct vd_low_rank_choice {
    const vd_low_rank *updates;  // [n_slots]
    const int32_t *slots;        // [n_sequences], -1: none
    const float *strengths;      // [n_sequences], factors of scale
    int32_t n_slots;
    int32_t n_sequences;
    int32_t R;  // at most VD_LOW_RANK_MAX
    int32_t reserved;
} vd_low_rank_choice;

// Computes t[i][0 to r-1] = strength * scale * A * u[i] for the adapter of row i's sequence: u
// [rows,K], t [rows,R]. Elements from r on are not written.
typedef struct vd_low_rank_down {
    const float *u;
    float *t;
    vd_low_rank_choice choice;
    int32_t K;
    int32_t reserved;
} vd_low_rank_down;

// Computes y[i] = x[i] + B * t[i]: x and y [rows,N], t from vd_low_rank_down. Rows without an
// update keep their bits. y may be x.
typedef struct vd_low_rank_up {
    const float *x;
    const float *t;
    float *y;
    vd_low_rank_choice choice;
    int32_t N;
    int32_t reserved;
} vd_low_rank_up;

// Copies y[i] = x[logit_rows[i]]: x [n, width], y [n_logits, width].
typedef struct vd_gather {
    const float *x;
    float *y;
    int32_t width;
    int32_t reserved;
} vd_gather;

enum {
    VD_EXPERTS_MAX = 4096,     // maximum experts
    VD_EXPERT_K_MAX = 32768,   // maximum columns of an expert's matrix
    VD_EXPERT_GROUPS_MAX = 64  // maximum groups of experts
};

// The function that turns a router's logits into scores.
typedef enum vd_route_score {
    VD_ROUTE_SOFTMAX = 0,
    VD_ROUTE_SIGMOID = 1,  // of each logit independently
} vd_route_score;

// The set of experts over which a token's weights are normalized.
typedef enum vd_route_over {
    VD_ROUTE_CHOSEN = 0,        // the selected experts
    VD_ROUTE_ALL = 1,           // all experts for a softmax; sigmoids are not normalized
    VD_ROUTE_SPARSE_MIXER = 2,  // per slot: the experts within the threshold of its logit that no
                                // earlier slot has chosen (softmax, no bias, no groups)
} vd_route_over;

// The rank of a group of experts, computed from logits or from sums of score and bias.
typedef enum vd_group_rank {
    VD_GROUP_MAX = 0,      // the maximum
    VD_GROUP_TOP_TWO = 1,  // the sum of the two largest
} vd_group_rank;

// Routes tokens to experts (mixture of experts: Shazeer et al. 2017, arXiv 1701.06538). Each token
// selects the k of E experts with the largest logits [rows,E] or, with a bias, the largest sums of
// score and bias (Wang et al. 2024, arXiv 2408.15664); weights exclude the bias. Slot s of a token
// is its s-th expert in descending order, ties by ascending number. experts [rows,k] are their
// numbers, as floats, and weights [rows,k] their scores. If experts form more than one group of
// equal size (DeepSeek-AI 2024, arXiv 2405.04434), only experts of the groups_used groups with the
// highest ranks can be selected; together these have at least k experts.
typedef struct vd_route {
    const float *logits;
    const float *bias;  // [E], or null
    float *experts;
    float *weights;
    int32_t E;
    int32_t k;
    int32_t score;   // vd_route_score
    int32_t over;    // vd_route_over
    int32_t groups;  // 0 or 1: no groups
    int32_t groups_used;
    int32_t group_rank;  // vd_group_rank
    int32_t reserved;
} vd_route;

// Computes y[i][s] = x[i] * W^T + b for the matrix W [N,K] and, unless bias is null, the bias b [N]
// of expert experts[i][s]: y is [rows,k,N]. x has a row for each slot, [rows,k,K], or if shared is
// 1 one for all slots, [rows,K]. Matrices and x are as in vd_matmul, with one type for all experts.
// The result of a slot that names no expert is 0.
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
    int32_t arithmetic;  // vd_arithmetic
    int32_t reserved;
} vd_expert_matmul;

// Computes y[i] as the sum over slots s of weights[i][s] * x[i][s]: x [rows,k,d], weights [rows,k],
// y [rows,d].
typedef struct vd_expert_sum {
    const float *x;
    const float *weights;
    float *y;
    int32_t k;
    int32_t d;
} vd_expert_sum;

enum {
    VD_TOP_K_MAX = 256,   // maximum candidates of a row
    VD_TOP_K_CHUNKS = 64  // maximum chunks of a row; their sums are computed independently
};

// Selects the k largest of each row of x [rows, V] with their ids, in descending order; ties in
// ascending order of id, NaN last. The sum of exp(x) over the whole row is exp(sums[0]) * sums[1].
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
// gradient with respect to an operation's output and dx that with respect to its input, in the same
// shapes. Weights are constants, and the quantization of activations is differentiated as the
// identity (straight-through estimator, Bengio et al. 2013, arXiv 1308.3432).

// Computes y[r] as the sum of x[i] over all i with logit_rows[i] = r, in ascending order from +0: x
// [n_logits, width], y [n, width]. The gradient of vd_gather.
typedef struct vd_scatter {
    const float *x;
    float *y;
    int32_t width;
    int32_t reserved;
} vd_scatter;

// Computes dx of vd_norm, with its x, gain, kind, heads, d, per_head and epsilon; the bias has no
// effect. If frozen is 1, the divisors are treated as constants. dx may be dy.
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

// The slope that replaces the derivative of an activation function f.
typedef enum vd_slope {
    VD_SLOPE_DERIVATIVE = 0,
    VD_SLOPE_SECANT = 1,  // (f(x) - f(0)) / x (arXiv 2402.05602)
} vd_slope;

// Computes dx = f'(x) * dy, or f'(x) * (up * dy) if up is not null. dx may be dy. The gradient with
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

// Computes dx[rows,K] = dy[rows,N] * W for the matrix W [N,K] of vd_matmul. Quantized weights are
// packed or, if unpacked is 1, in GGUF's layout.
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
    VD_BACKWARD_POSITIONS = 32768  // maximum of a plan with gradients of attention or recurrence
};

// Computes the gradient of vd_attention over an F32 cache. Its z is ignored. dz is [n, H, d_v].
// VD_OP_QUERY_BACKWARD writes dq [n, H, d_h] and the statistics [n, H, 3] of each query's softmax;
// VD_OP_KEY_VALUE_BACKWARD reads statistics and writes dk [n, H_kv, d_h] and dv [n, H_kv, d_v].
// Adjacent rows of one sequence are differentiated together; keys and values of other positions are
// constants. VD_UNSUPPORTED: more than VD_BACKWARD_POSITIONS positions, another cache type, or a
// centered window.
typedef struct vd_attention_backward {
    vd_attention attention;
    const float *dz;
    float *statistics;
    float *dq;
    float *dk;
    float *dv;
} vd_attention_backward;

// Computes dx of vd_conv, with its kernel, d and L. Adjacent rows of one sequence are
// differentiated together.
typedef struct vd_conv_backward {
    const float *kernel;
    const float *dy;
    float *dx;
    int32_t d;
    int32_t L;
} vd_conv_backward;

// Computes the gradient of vd_recurrence. Its z, states and stride are ignored. dq, dk, dv, dstep
// and dbeta have the shapes of q, k, v, step and beta. residual [n, H, d_v] receives v - delta S^T
// k. Adjacent rows of one sequence are differentiated together, as if the sequence began with them.
// VD_UNSUPPORTED: more than VD_BACKWARD_POSITIONS positions.
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

// Computes the gradient of vd_diagonal_recurrence. Its h, states, stride and ring are ignored.
// ddecay, dgate and dx are [n, d] like dh. Adjacent rows of one sequence are differentiated
// together, as if the sequence began with them.
typedef struct vd_diagonal_recurrence_backward {
    vd_diagonal_recurrence recurrence;
    const float *dh;
    float *ddecay;
    float *dgate;
    float *dx;
} vd_diagonal_recurrence_backward;

// Computes dlogits [rows,E] of vd_route, with its logits, experts, weights, E, k, score and over,
// from the gradient dweights [rows,k] of its weights. The selection of experts is treated as
// constant; a slot that names no expert contributes nothing.
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

// Computes dx[i][s] = dy[i][s] * W for the matrix W [N,K] of expert experts[i][s]: dy is
// [rows,k,N], dx [rows,k,K]. If the slots of a token share a row of x, its gradient is their sum
// (vd_slot_sum). The gradient of a slot that names no expert is 0.
typedef struct vd_expert_matmul_backward {
    const void *const *matrices;  // [E], as in vd_expert_matmul
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

// Computes the gradient of vd_expert_sum, with its x, weights, k and d: dx[i][s] = weights[i][s] *
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

// Computes y[i] as the sum over slots s of x[i][s]: x [rows,k,d], y [rows,d].
typedef struct vd_slot_sum {
    const float *x;
    float *y;
    int32_t k;
    int32_t d;
} vd_slot_sum;

// When an operation waits for all workers to finish all earlier operations.
typedef enum vd_barrier_kind {
    VD_BARRIER_NEVER = 0,
    VD_BARRIER_ALWAYS = 1,
    VD_BARRIER_UNLESS_REPLICATED = 2,  // in a step of more than VD_REPLICATED_TOKENS tokens
} vd_barrier_kind;

// Replication: in a step of at most VD_REPLICATED_TOKENS tokens, computing a small result on every
// worker is cheaper than sharing it. Worker w writes all of a replicated result to the rows of its
// buffer from w * VD_REPLICATED_ROWS on; the buffer must have room for them.
enum {
    VD_REPLICATED_TOKENS = 2,
    VD_REPLICATED_ROWS = 16,
    VD_REPLICATED_READ = 1,   // a bit of vd_op.replicated: reads replicated operands; may be set on
                              // matmul, low_rank_down, quantize, gain, tap
    VD_REPLICATED_WRITE = 2,  // a bit of vd_op.replicated: the result is replicated; may be set on
                              // norm, gain, quantize
};

// An epilogue: the operations after a matmul that are applied to each tile of rows and columns
// right after it has been computed, so that no barrier separates them. They have the same width as
// the product, and are products of other operands, quantizations, activations, sums, scalings,
// low-rank updates, edits and taps, none of them with a replicated result.
enum {
    VD_EPILOGUE_MAX = 16,  // maximum operations of an epilogue
};

typedef struct vd_op {
    int32_t kind;        // vd_op_kind
    int32_t rows;        // vd_rows
    int32_t barrier;     // vd_barrier_kind
    int32_t epilogue;    // 1: part of the epilogue of the matmul before it
    int32_t replicated;  // VD_REPLICATED_READ and VD_REPLICATED_WRITE; only with a row per token
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
        vd_diagonal_recurrence diagonal_recurrence;
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
        vd_diagonal_recurrence_backward diagonal_recurrence_backward;
        vd_route_backward route_backward;
        vd_expert_matmul_backward expert_matmul_backward;
        vd_expert_sum_backward expert_sum_backward;
        vd_slot_sum slot_sum;
    } as;
} vd_op;

// ---- Plans -------------------------------------------------------------------------------------

// The tokens of one step: any mix of prompt chunks and single tokens of several sequences. Rows of
// one sequence are in ascending order of position.
typedef struct vd_batch {
    int32_t n_tokens;
    int32_t n_logits;
    int32_t n_sequences;
    int32_t max_blocks;           // row length of block_tables
    const int32_t *tokens;        // [n_tokens]
    const int32_t *positions;     // [n_tokens]
    const int32_t *sequences;     // [n_tokens] rows of block_tables
    const int32_t *block_tables;  // [n_sequences, max_blocks]
    const int32_t *logit_rows;    // [n_logits] rows of the batch to compute logits for
    const int32_t *slots;         // [n_sequences] of states; null if the limits have none
    const int32_t *types;         // [n_tokens] token types; null: all 0
} vd_batch;

// The sizes of a plan's buffers. vd_plan_run checks each batch against them.
typedef struct vd_limits {
    int32_t tokens;     // rows of the token buffers
    int32_t logits;     // rows of the logit buffers
    int32_t positions;  // rows of the RoPE tables
    int32_t vocabulary;
    int32_t blocks;  // of the key-value cache
    int32_t slots;   // of states; 0 if no operation has a state
    int32_t types;   // token types; 0 if no operation looks them up, then batches have none
} vd_limits;

typedef struct vd_plan vd_plan;

// Creates a plan: checks and copies `n_ops` operations. On error *bad_op (may be null) is the index
// of the invalid operation, or -1. Returns VD_UNSUPPORTED if isa is not usable here.
VD_API vd_status vd_plan_create(const vd_op *ops, int32_t n_ops, const vd_limits *limits,
                                vd_isa isa, vd_plan **plan, int32_t *bad_op);
VD_API void vd_plan_free(vd_plan *plan);

// Runs operations [begin, end) for the batch on all workers of the pool, and returns when all have
// finished. Returns VD_OUT_OF_RANGE, without running any operation, if the batch exceeds the
// limits.
VD_API vd_status vd_plan_run(const vd_plan *plan, vd_pool *pool, const vd_batch *batch,
                             int32_t begin, int32_t end);

// The work of the matrix products of a step, in bytes of weights.
typedef struct vd_balance {
    double bytes;      // of all products
    double longest;    // of the worker with the most between two barriers, summed over the step
    double remote;     // that workers read from the memory of other nodes
    double inputs;     // bytes of inputs that nodes read from each other, at most
    int32_t barriers;  // of the step
} vd_balance;

// Computes how `workers` workers, evenly on `nodes` NUMA nodes (1 to 64), would divide the matrix
// products of a step of 1 to 16 tokens, with logits of each. bytes / (workers * longest) is the
// ceiling of their efficiency: the share of their time in which they do not wait for each other, if
// all read weights equally fast. Packed matrices are placed by VD_PLACE_SLICES, others evenly.
// Products of experts are not counted.
VD_API vd_status vd_plan_balance(const vd_plan *plan, int32_t tokens, int32_t workers,
                                 int32_t nodes, vd_balance *balance);

// ---- Measuring the machine ---------------------------------------------------------------------

typedef enum vd_probe_kind {
    VD_PROBE_F32_FMA = 0,   // f32 operations per second; an fma counts as two
    VD_PROBE_INT8_DOT = 1,  // int8 multiply and add operations per second
    VD_PROBE_READ = 2,      // bytes per second read from memory
    VD_PROBE_BF16_DOT = 3,  // bf16 multiply and add operations per second
} vd_probe_kind;

// Measures the rate that all workers of the pool reach together with the instructions of `isa`, for
// about `seconds`. `bytes` is the size of the memory that is read (caches may hold a part of it);
// 0: 256 MiB. Reports the best of several measurements, since other programs only slow it down.
VD_API vd_status vd_probe(vd_probe_kind kind, vd_pool *pool, vd_isa isa, int64_t bytes,
                          double seconds, double *per_second);

// ---- OpenBLAS ----------------------------------------------------------------------------------

// Loads OpenBLAS from `path` and binds it, single-threaded, until the process ends. Does nothing if
// OpenBLAS is already loaded.
VD_API vd_status vd_blas_open(const char *path);

// Computes y[M,N] = x[M,K] * W[N,K]^T in f32 by OpenBLAS, without the promise of equal bits.
VD_API vd_status vd_sgemm(int64_t M, int64_t N, int64_t K, const float *x, const float *W,
                          float *y);

#ifdef __cplusplus
}
#endif

#endif
