// low_rank: every variant, alone or as the epilogue of a product, equals the scalar one, which is
// close to the definition in double; a sequence gets equal bits in a batch and alone.
#include <math.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/guarded.h"
#include "support/isas.h"
#include "support/lengths.h"
#include "support/plans.h"
#include "support/rng.h"
#include "support/tolerance.h"

enum { SEQUENCES = 5, ROWS = 31, SLOTS = 4, R = 40, GROUP = VD_LOW_RANK_COLUMNS };

// Slot 2 has an empty update, slot 4 does not exist, and the last sequence has no slot.
static const int32_t slots[SEQUENCES - 1] = {1, 2, 3, SLOTS};
static const float strengths[SEQUENCES - 1] = {-0.75f, 1, 2.5f, 1};
static const int32_t ranks[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 33, R};

// Sequence and number of rows of each part: pieces of prompts and single tokens.
static const int32_t pieces[][2] = {{0, 1}, {1, 2}, {2, 9}, {0, 4}, {3, 1},
                                    {2, 2}, {4, 3}, {0, 5}, {2, 4}};

static float u[ROWS * LONGEST], x[ROWS * LONGEST], A[R * LONGEST], B[R * (LONGEST + GROUP)],
    expected[ROWS * LONGEST], actual[ROWS * LONGEST];

typedef struct low_rank_case {
    int32_t K;
    int32_t N;
    int32_t r;
    int32_t workers;
    vd_rows rows;
    placement where;
} low_rank_case;

// Fills the batch with all rows, or with those of one sequence.
static void fill_batch(rng *r, batch *b, int32_t only) {
    int32_t positions[SEQUENCES] = {0};
    batch_begin(b, r, SEQUENCES, 1);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        int32_t sequence = pieces[i][0];
        for (int32_t j = 0; j < pieces[i][1] && (only < 0 || only == sequence); j++) {
            int32_t position = positions[sequence]++;
            batch_add(b, sequence, position, 0, position % 3 != 1);
        }
    }
}

// Puts one adapter into all slots, with different ranks and scales.
static void fill_updates(const low_rank_case *c, vd_low_rank updates[SLOTS]) {
    size_t width = ((size_t)c->N + GROUP - 1) / GROUP * GROUP;
    for (int i = 0; i < SLOTS; i++) {
        int32_t r = i == 3 ? c->r : 1 + c->r / 2;
        updates[i] = (vd_low_rank){
            .A = guarded_copy(A, sizeof(float) * (size_t)r * (size_t)c->K, c->where),
            .B = guarded_copy(B, sizeof(float) * (size_t)r * width, c->where),
            .scale = i == 3 ? 0.5f : 1.3f,
            .r = i == 2 ? 0 : r,
        };
    }
}

static int32_t rows_of(const low_rank_case *c, const batch *b) {
    return c->rows == VD_ROWS_LOGITS ? b->view.n_logits : b->view.n_tokens;
}

// Runs the down- and up-projection for rows of u and x, and copies y.
static void run(const low_rank_case *c, vd_isa isa, const batch *b, const float *from_u,
                const float *from_x, float *y) {
    vd_low_rank updates[SLOTS];
    fill_updates(c, updates);
    vd_low_rank_choice choice = {updates, slots, strengths, SLOTS, SEQUENCES - 1, R, 0};
    size_t rows = (size_t)rows_of(c, b);
    size_t bytes = sizeof(float) * rows * (size_t)c->N;
    float *t = guarded_alloc(sizeof(float) * rows * R, c->where);
    vd_op ops[2] = {
        {.kind = VD_OP_LOW_RANK_DOWN,
         .rows = c->rows,
         .as.low_rank_down = {.u = guarded_copy(from_u, sizeof(float) * rows * (size_t)c->K,
                                                c->where),
                              .t = t,
                              .choice = choice,
                              .K = c->K}},
        {.kind = VD_OP_LOW_RANK_UP,
         .rows = c->rows,
         .barrier = VD_BARRIER_ALWAYS,
         .as.low_rank_up = {.x = guarded_copy(from_x, bytes, c->where),
                            .t = t,
                            .y = guarded_alloc(bytes, c->where),
                            .choice = choice,
                            .N = c->N}}};
    run_ops(ops, 2, isa, c->workers, &b->view);
    memcpy(y, ops[1].as.low_rank_up.y, bytes);
    guarded_free_all();
}

static int32_t sequence_of(const low_rank_case *c, const batch *b, int32_t row) {
    return b->sequences[c->rows == VD_ROWS_LOGITS ? b->logit_rows[row] : row];
}

// Checks one output of a sequence that has an update.
static void check_output(const low_rank_case *c, int32_t sequence, int32_t row, int32_t n) {
    int32_t slot = slots[sequence];
    int32_t r = slot == 3 ? c->r : 1 + c->r / 2;
    double scale = (double)(slot == 3 ? 0.5f : 1.3f) * (double)strengths[sequence];
    double sum = 0, magnitude = 0, error = 0;
    for (int32_t j = 0; j < r; j++) {
        double product = 0, terms = 0;
        for (int32_t k = 0; k < c->K; k++) {
            double term = (double)u[row * c->K + k] * (double)A[j * c->K + k];
            product += term;
            terms += fabs(term);
        }
        double b = fabs((double)B[n / GROUP * GROUP * r + j * GROUP + n % GROUP]);
        double t_error =
            roundings(lane_sum_depth(c->K) + 2) * fabs(scale) * terms + underflows(c->K + 2);
        sum += scale * product * (double)B[n / GROUP * GROUP * r + j * GROUP + n % GROUP];
        magnitude += (fabs(scale * product) + t_error) * b;
        error += t_error * b;
    }
    double exact = (double)x[row * c->N + n] + sum;
    error += roundings(r) * magnitude + underflows(r);
    error += roundings(1) * (fabs(exact) + error);
    near("y", (int64_t)row * c->N + n, exact, error, expected[row * c->N + n]);
}

static void is_close_to_double(rng *r, const low_rank_case *c) {
    describe("low rank against double: K %d, N %d, r %d, %d workers, rows %d", c->K, c->N, c->r,
             c->workers, c->rows);
    batch b;
    fill_batch(r, &b, -1);
    run(c, VD_ISA_SCALAR, &b, u, x, expected);
    for (int32_t row = 0; row < rows_of(c, &b); row++) {
        int32_t sequence = sequence_of(c, &b, row);
        if (sequence % 2 == 1 || sequence == SEQUENCES - 1) {
            same_floats("y without an update", x + row * c->N, expected + row * c->N, c->N);
            continue;
        }
        for (int32_t n = 0; n < c->N; n += 1 + c->N / 40) {
            check_output(c, sequence, row, n);
        }
    }
}

static void variants_equal_scalar(rng *r, const low_rank_case *c, floats kind) {
    batch b;
    fill_batch(r, &b, -1);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("low rank, %s: K %d, N %d, r %d, %d workers, rows %d, %s", vd_isa_name(isa), c->K,
                 c->N, c->r, c->workers, c->rows, floats_name(kind));
        run(c, isa, &b, u, x, isa == VD_ISA_SCALAR ? expected : actual);
        if (isa != VD_ISA_SCALAR) {
            same_floats("y", expected, actual, (int64_t)rows_of(c, &b) * c->N);
        }
    }
}

// Checks that each sequence alone, with another number of workers, gets the bits that it gets in
// the batch.
static void sequences_alone_equal_the_batch(rng *r, const low_rank_case *c) {
    static float own_u[ROWS * LONGEST], own_x[ROWS * LONGEST];
    batch all, own;
    fill_batch(r, &all, -1);
    vd_isa isa = next_isa(VD_ISA_SCALAR);
    run(c, isa < VD_ISA_COUNT ? isa : VD_ISA_SCALAR, &all, u, x, expected);
    for (int32_t sequence = 0; sequence < SEQUENCES; sequence++) {
        describe("sequence %d alone: K %d, N %d, r %d, rows %d", sequence, c->K, c->N, c->r,
                 c->rows);
        fill_batch(r, &own, sequence);
        size_t K = (size_t)c->K, N = (size_t)c->N, n = 0;
        for (int32_t row = 0; row < rows_of(c, &all); row++) {
            if (sequence_of(c, &all, row) == sequence) {
                memcpy(own_u + n * K, u + (size_t)row * K, K * sizeof(float));
                memcpy(own_x + n * N, x + (size_t)row * N, N * sizeof(float));
                n++;
            }
        }
        low_rank_case alone = *c;
        alone.workers = 4 - c->workers;
        run(&alone, VD_ISA_SCALAR, &own, own_u, own_x, actual);
        n = 0;
        for (int32_t row = 0; row < rows_of(c, &all); row++) {
            if (sequence_of(c, &all, row) == sequence) {
                same_floats("y", expected + (size_t)row * N, actual + n++ * N, c->N);
            }
        }
    }
}

// Checks the update as the epilogue of a product with tiles that divide rows and columns.
static void epilogue_equals_separate_operations(rng *r, const low_rank_case *c, vd_isa isa) {
    describe("low rank as an epilogue, %s: K %d, N %d, r %d, %d workers", vd_isa_name(isa), c->K,
             c->N, c->r, c->workers);
    batch b;
    fill_batch(r, &b, -1);
    vd_low_rank updates[SLOTS];
    fill_updates(c, updates);
    vd_low_rank_choice choice = {updates, slots, strengths, SLOTS, SEQUENCES - 1, R, 0};
    static float W[LONGEST * LONGEST], product[ROWS * LONGEST], t[ROWS * R];
    rng_fill(r, ORDINARY, W, (int64_t)c->N * c->K);
    vd_op ops[3] = {
        {.kind = VD_OP_LOW_RANK_DOWN,
         .as.low_rank_down = {.u = u, .t = t, .choice = choice, .K = c->K}},
        {.kind = VD_OP_MATMUL,
         .barrier = VD_BARRIER_ALWAYS,
         .as.matmul = {.weights = W, .x = u, .y = product, .N = c->N, .K = c->K}},
        {.kind = VD_OP_LOW_RANK_UP,
         .barrier = VD_BARRIER_ALWAYS,
         .as.low_rank_up = {.x = product, .t = t, .y = expected, .choice = choice, .N = c->N}}};
    run_ops(ops, 3, VD_ISA_SCALAR, 1, &b.view);
    ops[2].barrier = VD_BARRIER_NEVER;
    ops[2].epilogue = 1;
    ops[2].as.low_rank_up.y = actual;
    run_ops(ops, 3, isa, c->workers, &b.view);
    same_floats("y", expected, actual, (int64_t)b.view.n_tokens * c->N);
    ops[2].as.low_rank_up.y = product;
    run_ops(ops, 3, isa, c->workers, &b.view);
    same_floats("y in place", expected, product, (int64_t)b.view.n_tokens * c->N);
    guarded_free_all();
}

int main(void) {
    test_begin("low_rank");
    rng r = {77};
    for (int i = 0; i < LENGTHS; i += sweep_step()) {
        low_rank_case c = {.K = length_at(i),
                           .N = length_at((31 * i + 7) % LENGTHS),
                           .r = ranks[i % (int)(sizeof ranks / sizeof ranks[0])],
                           .workers = 1 + i % 3,
                           .rows = (vd_rows)(i / 3 % 2),
                           .where = (placement)(i % PLACEMENTS)};
        floats kind = (floats)(i % FLOATS_COUNT);
        rng_fill(&r, kind, A, (int64_t)c.r * c.K);
        rng_fill(&r, kind, B, (int64_t)c.r * (c.N + GROUP));
        rng_fill(&r, kind, u, (int64_t)ROWS * c.K);
        rng_fill(&r, kind, x, (int64_t)ROWS * c.N);
        variants_equal_scalar(&r, &c, kind);
        rng_fill(&r, ORDINARY, A, (int64_t)c.r * c.K);
        rng_fill(&r, ORDINARY, B, (int64_t)c.r * (c.N + GROUP));
        rng_fill(&r, ORDINARY, u, (int64_t)ROWS * c.K);
        rng_fill(&r, ORDINARY, x, (int64_t)ROWS * c.N);
        is_close_to_double(&r, &c);
        sequences_alone_equal_the_batch(&r, &c);
        for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
            epilogue_equals_separate_operations(&r, &c, isa);
        }
        c.workers = 7;  // workers then divide columns of the rows of few sequences
        variants_equal_scalar(&r, &c, ORDINARY);
    }
    return 0;
}
