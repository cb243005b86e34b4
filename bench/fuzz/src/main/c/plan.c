// Fuzzes vd_plan_create, vd_plan_balance and vd_plan_run. An input selects valid operations,
// changes a few of their words, and gives limits and a batch. Plans that are accepted and small
// enough for the memory of this harness run. Tables of edits, taps, statistics and adapters are
// filled from the input, and end where their memory ends.
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
    ROWS = 64,      // of any buffer: positions, or replicated rows of both workers
    SEQUENCES = 3,  // of a batch, at most
    ENTRIES = 4,    // of a table, at most
    TABLES = 4 * OPS,
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
    void *tables[TABLES];
    int32_t n_tables;
} draft;

// Returns whether two words are the address of a buffer of valid_op, which are near plan_limits:
// the regions may be between them.
static int is_address(const int32_t *words) {
    uint64_t address;
    memcpy(&address, words, sizeof address);
    return address - (uint64_t)(uintptr_t)&plan_limits + (1 << 27) < 1 << 28;
}

static void set_address(int32_t *words, const void *address) {
    memcpy(words, &address, sizeof address);
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

// Returns memory of a table, which free_tables frees.
static void *new_table(draft *d, int64_t count, size_t bytes) {
    void *table = calloc((size_t)count, bytes);
    CHECK(table != NULL || count == 0);
    d->tables[d->n_tables++] = table;
    return table;
}

static void free_tables(draft *d) {
    while (d->n_tables > 0) {
        free(d->tables[--d->n_tables]);
    }
}

static void *next_region(draft *d) { return regions[d->n_regions++ % REGIONS]; }

// Returns the number of elements of an array that a step may read.
static int64_t readable(int32_t count, int32_t most) {
    return count < 0 ? 0 : count < most ? count : most;
}

// Returns a small number, or one that is out of any range.
static int64_t take_index(input *in) {
    static const int64_t extremes[] = {-1, -2, INT32_MAX, INT32_MIN};
    int32_t choice = take_between(in, 0, 15);
    return choice < 4 ? extremes[choice] : choice % ENTRIES;
}

static int32_t *take_slots(input *in, draft *d, int32_t n_sequences) {
    int64_t count = readable(n_sequences, SEQUENCES);
    int32_t *slots = new_table(d, count, sizeof *slots);
    for (int64_t s = 0; s < count; s++) {
        slots[s] = (int32_t)take_index(in);
    }
    return slots;
}

static void take_choice(input *in, draft *d, vd_low_rank_choice *choice) {
    static const float strengths[] = {0, 1, -0.5F, 3e38F};
    if (choice->updates != NULL) {
        int64_t count = readable(choice->n_slots, ENTRIES);
        vd_low_rank *updates = new_table(d, count, sizeof *updates);
        for (int64_t slot = 0; slot < count; slot++) {
            updates[slot].r = (int32_t)take_index(in);
            updates[slot].scale = strengths[take_between(in, 0, 3)];
            updates[slot].A = updates[slot].r == 0 ? NULL : next_region(d);
            updates[slot].B = updates[slot].r == 0 ? NULL : next_region(d);
        }
        choice->updates = updates;
    }
    if (choice->slots != NULL) {
        choice->slots = take_slots(in, d, choice->n_sequences);
    }
    if (choice->strengths != NULL) {
        int64_t count = readable(choice->n_sequences, SEQUENCES);
        float *factors = new_table(d, count, sizeof *factors);
        for (int64_t s = 0; s < count; s++) {
            factors[s] = strengths[take_between(in, 0, 3)];
        }
        choice->strengths = factors;
    }
}

static vd_edit_entry take_entry(input *in, draft *d, int32_t width) {
    return (vd_edit_entry){
        .values = take_between(in, 0, 3) == 0 ? NULL : next_region(d),
        .basis = take_between(in, 0, 3) == 0 ? NULL : next_region(d),
        .kind = take_between(in, -1, VD_EDIT_SUBSPACE + 1),
        .sequence = (int32_t)take_index(in),
        .from = take_between(in, 0, ROWS),
        .to = take_between(in, 0, 3) == 0 ? INT32_MAX : take_between(in, -1, ROWS),
        .begin = take_between(in, 0, 3) == 0 ? take_number(in) : 0,
        .end = take_between(in, 0, 3) == 0 ? take_number(in) : width,
        .per_position = take_between(in, 0, 1),
        .k = take_between(in, 0, ENTRIES),
        .factor = (float)take_between(in, -1, 2),
        .min = (float)take_between(in, -2, 1),
        .max = (float)take_between(in, -1, 2)};
}

// Replaces the tables of an operation that are not null.
static void take_tables(input *in, draft *d, vd_op *op) {
    switch (op->kind) {
        case VD_OP_EDIT: {
            vd_edit *edit = &op->as.edit;
            int32_t count = take_between(in, 0, ENTRIES);
            if (edit->entries != NULL) {
                vd_edit_entry *entries = new_table(d, count, sizeof *entries);
                for (int32_t e = 0; e < count; e++) {
                    entries[e] = take_entry(in, d, edit->width);
                }
                edit->entries = entries;
            }
            if (edit->n_entries != NULL) {
                int32_t *n_entries = new_table(d, 1, sizeof *n_entries);
                *n_entries = count;
                edit->n_entries = n_entries;
            }
            break;
        }
        case VD_OP_TAP: {
            vd_tap *tap = &op->as.tap;
            if (tap->bases != NULL) {
                int64_t count = readable(tap->n_sequences, SEQUENCES);
                int64_t *bases = new_table(d, count, sizeof *bases);
                for (int64_t s = 0; s < count; s++) {
                    bases[s] = take_between(in, 0, 15) == 0 ? INT64_MAX : take_index(in);
                }
                tap->bases = bases;
            }
            if (tap->positions != NULL) {
                int32_t *positions = new_table(d, 2, sizeof *positions);
                positions[0] = (int32_t)take_index(in);
                positions[1] = take_number(in);
                tap->positions = positions;
            }
            break;
        }
        case VD_OP_ACCUMULATE:
            if (op->as.accumulate.slots != NULL) {
                op->as.accumulate.slots = take_slots(in, d, op->as.accumulate.n_sequences);
            }
            break;
        case VD_OP_LOW_RANK_DOWN:
            take_choice(in, d, &op->as.low_rank_down.choice);
            break;
        case VD_OP_LOW_RANK_UP:
            take_choice(in, d, &op->as.low_rank_up.choice);
            break;
        default:
            break;
    }
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
            set_address(words + w, next_region(d));
        }
    }
    if (has_matrices(op.kind)) {  // their first member
        set_address(words + HEADER, matrices);
    }
    int is_unknown = 0;  // a word was changed that may be half of a null pointer
    for (int32_t changes = take_between(in, 0, 3); changes > 0; changes--) {
        int32_t w = take_between(in, 1, WORDS - 1);
        int32_t number = take_number(in);
        if (!addresses[w]) {
            words[w] = number;
            is_unknown |= w >= HEADER && valid[w / 2 * 2] == 0 && valid[w / 2 * 2 + 1] == 0;
        } else if (number == 0) {
            set_address(words + w / 2 * 2, NULL);
        }
    }
    memcpy(&op, words, sizeof op);
    take_tables(in, d, &op);
    int64_t bytes = is_unknown ? REGION + 1 : bound_of(words, valid, addresses) + groups_bound(&op);
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
    int runs = d->bytes <= REGION && limits->tokens <= 4 && limits->logits <= 3 &&
               limits->positions <= ROWS && limits->vocabulary <= 10 && limits->blocks <= 7 &&
               limits->slots <= 2;
    vd_batch b = {.n_tokens = take_between(in, 0, 5),
                  .n_logits = take_between(in, 0, 4),
                  .n_sequences = take_between(in, 0, SEQUENCES),
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
    draft d = {.n_ops = 0};
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
    free_tables(&d);
    return 0;
}
