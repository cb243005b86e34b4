// Fuzzes vd_plan_create, vd_plan_balance and vd_plan_run. An input selects valid operations,
// changes a few of their words, and gives limits and a batch. Plans that are accepted and small
// enough for the memory of this harness run; operations over tables of the caller, which hold
// further addresses, do not.
#include <stdlib.h>

#include "backward/backward_ops.h"
#include "core/plan_ops.h"
#include "input.h"

enum {
    OPS = 4,
    REGIONS = 16,
    REGION = 1 << 22,
    WORKERS = 2,
    STRIDE = 4096,  // of states and blocks in valid_op
    FLOAT = 1 << 24,
    HEADER = 6,  // words of an operation before its members
    WORDS = sizeof(vd_op) / sizeof(int32_t),
    ROWS = 64,  // of any buffer: positions, or replicated rows of both workers
};

static _Alignas(64) char regions[REGIONS][REGION];
static const void *matrices[VD_EXPERTS_MAX];
static vd_pool *pool;

// A plan that is being made.
typedef struct draft {
    vd_op ops[OPS];
    int32_t n_ops;
    int32_t n_regions;
    int64_t bytes;  // a bound of each buffer's size, or more than REGION
    int runs;
} draft;

// Returns whether two words are the address of a buffer of valid_op, which are near plan_limits.
static int is_address(const int32_t *words) {
    uint64_t address;
    memcpy(&address, words, sizeof address);
    return address - (uint64_t)(uintptr_t)&plan_limits + (1 << 24) < 1 << 25;
}

static void set_address(int32_t *words, const void *address) {
    memcpy(words, &address, sizeof address);
}

static int has_tables(int32_t kind) {
    return kind == VD_OP_EDIT || kind == VD_OP_TAP || kind == VD_OP_ACCUMULATE ||
           kind == VD_OP_LOW_RANK_DOWN || kind == VD_OP_LOW_RANK_UP;
}

static int has_matrices(int32_t kind) {
    return kind == VD_OP_EXPERT_MATMUL || kind == VD_OP_EXPERT_MATMUL_BACKWARD;
}

// Returns a small number, a limit, or any.
static int32_t take_number(input *in) {
    static const int32_t numbers[] = {0,  1,  2,   3,   4,       5,         8,
                                      16, 32, 64,  128, 256,     -1,        INT32_MAX,
                                      7,  9,  100, 200, 1 << 20, INT32_MIN, 1 << 30};
    uint8_t choice = take_byte(in);
    int32_t number;
    if (choice < sizeof numbers / sizeof *numbers) {
        return numbers[choice];
    }
    take(in, &number, sizeof number);
    return number;
}

// Multiplies the bound by the numbers of an operation that may be sizes.
static int64_t bound_of(const int32_t *words, const int32_t *valid, const char *addresses) {
    int64_t product = 1;
    int64_t stride = 0;
    for (int32_t w = HEADER; w < (int32_t)WORDS; w++) {
        if (addresses[w] || valid[w] >= FLOAT) {
            continue;
        }
        if (valid[w] == STRIDE) {
            memcpy(&stride, words + w, sizeof stride);
            w++;
        } else if (words[w] > 1) {
            product = words[w] > REGION / product ? REGION : product * words[w];
        }
    }
    product = product > REGION / (8 * ROWS) ? REGION + 1 : product * 8 * ROWS;
    return stride < 0 || stride > REGION / 8 ? REGION + 1
           : product > 8 * stride            ? product
                                             : 8 * stride;
}

// Returns the cache of an operation, or null.
static const vd_kv_cache *cache_of(const vd_op *op) {
    switch (op->kind) {
        case VD_OP_KV_STORE:
            return &op->as.kv_store.cache;
        case VD_OP_ATTENTION:
            return &op->as.attention.cache;
        case VD_OP_SCORES:
            return &op->as.scores.cache;
        case VD_OP_ATTENTION_VALUES:
            return &op->as.attention_values.cache;
        case VD_OP_QUERY_BACKWARD:
        case VD_OP_KEY_VALUE_BACKWARD:
            return &op->as.attention_backward.attention.cache;
        default:
            return NULL;
    }
}

// Returns a bound of the bytes before the last group of heads.
static int64_t groups_bound(const vd_op *op) {
    const vd_kv_cache *cache = cache_of(op);
    if (cache == NULL || cache->group_heads <= 0 || cache->H_kv <= cache->group_heads) {
        return 0;
    }
    int64_t groups = cache->H_kv / cache->group_heads, stride = cache->group_stride;
    return stride < 0 || stride > REGION / groups ? REGION + 1 : groups * stride;
}

static void take_op(input *in, draft *d) {
    vd_op op = valid_op((vd_op_kind)take_between(in, 0, VD_OP_COUNT - 1));
    int32_t words[WORDS], valid[WORDS];
    char addresses[WORDS] = {0};
    memcpy(valid, &op, sizeof op);
    memcpy(words, &op, sizeof op);
    for (int32_t w = HEADER; w + 1 < (int32_t)WORDS; w += 2) {
        if (is_address(words + w)) {
            addresses[w] = addresses[w + 1] = 1;
            set_address(words + w, regions[d->n_regions++ % REGIONS]);
        }
    }
    if (has_matrices(op.kind)) {  // their first member
        set_address(words + HEADER, matrices);
    }
    for (int32_t changes = take_between(in, 0, 3); changes > 0; changes--) {
        int32_t w = take_between(in, 1, WORDS - 1);
        int32_t number = take_number(in);
        if (!addresses[w]) {
            words[w] = number;
        } else if (number == 0) {
            set_address(words + w / 2 * 2, NULL);
        }
    }
    d->runs &= !has_tables(op.kind);
    memcpy(&op, words, sizeof op);
    int64_t bytes = bound_of(words, valid, addresses) + groups_bound(&op);
    d->bytes = bytes > d->bytes ? bytes : d->bytes;
    d->ops[d->n_ops++] = op;
}

static vd_limits take_limits(input *in) {
    vd_limits limits = {.tokens = take_between(in, 0, 4),
                        .logits = take_between(in, 0, 3),
                        .positions = take_between(in, 0, ROWS),
                        .vocabulary = take_between(in, 0, 10),
                        .blocks = take_between(in, 0, 7),
                        .slots = take_between(in, 0, 2),
                        .types = take_between(in, 0, 2)};
    int32_t *fields = &limits.tokens;
    int32_t changed = take_between(in, 0, 63);
    if (changed < 7) {
        fields[changed] = take_number(in);
    }
    return limits;
}

// Returns an array of numbers from -1 to a limit, which ends where its memory ends.
static int32_t *take_array(input *in, int64_t count, int32_t limit) {
    int32_t *array = malloc((size_t)count * sizeof *array);
    for (int64_t i = 0; i < count; i++) {
        array[i] = take_between(in, 0, 15) > 0 ? take_byte(in) % (limit > 0 ? limit : 1)
                                               : take_between(in, -1, limit < 9 ? limit : 9);
    }
    return array;
}

// Fills the memory that the plan may read with zeros, ones or NaNs.
static void fill_regions(input *in, const draft *d) {
    uint32_t patterns[] = {0, 0x3F800000, 0xFFFFFFFF, 0x3C003C00};
    uint32_t pattern = patterns[take_between(in, 0, 3)];
    for (int32_t r = 0; r < REGIONS && r < d->n_regions; r++) {
        for (int64_t i = 0; i < d->bytes; i += (int64_t)sizeof pattern) {
            memcpy(regions[r] + i, &pattern, sizeof pattern);
        }
    }
}

static void run(input *in, const draft *d, const vd_limits *limits, const vd_plan *plan) {
    int runs = d->runs && d->bytes <= REGION && limits->tokens <= 4 && limits->logits <= 3 &&
               limits->positions <= ROWS && limits->vocabulary <= 10 && limits->blocks <= 7 &&
               limits->slots <= 2;
    vd_batch b = {.n_tokens = take_between(in, 0, 5),
                  .n_logits = take_between(in, 0, 4),
                  .n_sequences = take_between(in, 0, 3),
                  .max_blocks = take_between(in, 0, 2)};
    int32_t *tokens = take_array(in, b.n_tokens, limits->vocabulary);
    int32_t *positions = take_array(in, b.n_tokens, limits->positions);
    int32_t *sequences = take_array(in, b.n_tokens, b.n_sequences);
    int32_t *tables = take_array(in, b.n_sequences * b.max_blocks, limits->blocks);
    int32_t *logit_rows = take_array(in, b.n_logits, b.n_tokens);
    int32_t *slots = take_array(in, b.n_sequences, limits->slots);
    int32_t *types = take_array(in, b.n_tokens, limits->types);
    b.tokens = tokens;
    b.positions = positions;
    b.sequences = sequences;
    b.block_tables = tables;
    b.logit_rows = logit_rows;
    b.slots = take_between(in, 0, 7) == 0 ? NULL : slots;
    b.types = limits->types == 0 ? NULL : types;
    int32_t begin = 0, end = 0;
    if (runs) {
        fill_regions(in, d);
        begin = take_between(in, 0, 15) == 0 ? take_between(in, -1, OPS + 1) : 0;
        end = take_between(in, 0, 15) == 0 ? take_between(in, -1, OPS + 1) : d->n_ops;
    }
    vd_status status = vd_plan_run(plan, pool, &b, begin, end);
    CHECK(status == VD_OK || status == VD_INVALID_ARGUMENT || status == VD_OUT_OF_RANGE ||
          status == VD_NO_MEMORY);
    free(tokens);
    free(positions);
    free(sequences);
    free(tables);
    free(logit_rows);
    free(slots);
    free(types);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (pool == NULL) {
        CHECK(vd_pool_create(WORKERS, &pool) == VD_OK);
        for (int32_t e = 0; e < VD_EXPERTS_MAX; e++) {
            matrices[e] = regions[REGIONS - 1];
        }
    }
    input in = {data, data + size};
    vd_isa isa = (vd_isa)take_between(&in, VD_ISA_AUTO, VD_ISA_COUNT);
    vd_limits limits = take_limits(&in);
    draft d = {.runs = 1};
    for (int32_t n = take_between(&in, 1, OPS); n > 0; n--) {
        take_op(&in, &d);
    }
    vd_plan *plan = NULL;
    int32_t bad_op = -2;
    vd_status status = vd_plan_create(d.ops, d.n_ops, &limits, isa, &plan, &bad_op);
    CHECK((status == VD_OK) == (plan != NULL));
    CHECK(bad_op >= -1 && bad_op < d.n_ops);
    if (plan != NULL) {
        vd_balance balance;
        (void)vd_plan_balance(plan, take_between(&in, 0, 17), take_between(&in, -1, 65),
                              take_between(&in, -1, 65), &balance);
        run(&in, &d, &limits, plan);
        vd_plan_free(plan);
    }
    return 0;
}
