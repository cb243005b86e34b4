// edit: elements equal their definition in double, subspaces are close to double and equal exact
// cases, every variant equals the scalar one.
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

enum { ROWS = 6, ENTRIES = 5, K = 3 };

// Sequence and position of each token.
static const int32_t tokens[ROWS][2] = {{0, 3}, {1, 0}, {0, 4}, {1, 9}, {0, 5}, {1, 10}};

static float x[ROWS * LONGEST], values[11 * LONGEST], basis[K * LONGEST], expected[ROWS * LONGEST],
    actual[ROWS * LONGEST];

// Returns a random entry of a kind, with the values and basis above.
static vd_edit_entry random_entry(rng *r, vd_edit_kind kind, int32_t width) {
    int32_t begin = (int32_t)rng_below(r, width);
    int32_t from = (int32_t)rng_below(r, 11);
    return (vd_edit_entry){.values = values,
                           .basis = basis,
                           .kind = kind,
                           .sequence = (int32_t)rng_between(r, VD_ALL_SEQUENCES, 1),
                           .from = from,
                           .to = (int32_t)rng_between(r, from, 11),
                           .begin = begin,
                           .end = (int32_t)rng_between(r, begin + 1, width),
                           .per_position = (int32_t)rng_below(r, 2),
                           .k = K,
                           .factor = rng_uniform(r, -2, 2),
                           .min = -1,
                           .max = rng_uniform(r, -1, 1)};
}

// Returns 1 if the entry applies to the token.
static int applies(const vd_edit_entry *e, const int32_t token[2]) {
    return (e->sequence == VD_ALL_SEQUENCES || e->sequence == token[0]) && token[1] >= e->from &&
           token[1] < e->to;
}

// Returns an element after the edit, by definition.
static float edited(const vd_edit_entry *e, float element, float value) {
    double exact = (double)e->factor * (double)value;
    switch (e->kind) {
        case VD_EDIT_SET:
            return value;
        case VD_EDIT_ADD:
            return (float)((double)element + (double)(float)exact);
        case VD_EDIT_SCALE:
            return (float)((double)e->factor * (double)element);
        default:
            return fminf(fmaxf(element, e->min), e->max);
    }
}

// Computes the expected rows.
static void compute_expected(const vd_edit_entry *entries, int32_t n, int32_t width,
                             const int32_t *rows, int32_t n_rows) {
    memcpy(expected, x, sizeof(float) * (size_t)n_rows * width);
    for (int32_t i = 0; i < n_rows; i++) {
        const int32_t *token = tokens[rows == NULL ? i : rows[i]];
        for (const vd_edit_entry *e = entries; e < entries + n; e++) {
            for (int32_t j = e->begin; applies(e, token) && j < e->end; j++) {
                int32_t row = e->per_position ? token[1] - e->from : 0;
                float value = values[row * (e->end - e->begin) + j - e->begin];
                float *y = &expected[i * width + j];
                *y = edited(e, *y, value);
            }
        }
    }
}

static void fill_batch(rng *r, batch *b) {
    batch_begin(b, r, 2, 1);
    for (int32_t i = 0; i < ROWS; i++) {
        batch_add(b, tokens[i][0], tokens[i][1], 0, i % 2);
    }
}

static vd_op edit_op(const vd_edit_entry *entries, const int32_t *n, int32_t width,
                     int32_t whole_rows, placement where) {
    size_t bytes = sizeof(float) * ROWS * (size_t)width;
    return (vd_op){.kind = VD_OP_EDIT,
                   .as.edit = {.x = guarded_copy(x, bytes, where),
                               .y = guarded_alloc(bytes, where),
                               .entries = entries,
                               .n_entries = n,
                               .width = width,
                               .whole_rows = whole_rows}};
}

static void edits_elements(rng *r, int32_t width, int32_t n, int32_t workers, vd_rows rows,
                           placement where) {
    describe("edit, width %d, %d entries, %d workers, rows %d", width, n, workers, rows);
    vd_edit_entry entries[ENTRIES];
    for (int32_t i = 0; i < n; i++) {
        entries[i] = random_entry(r, (vd_edit_kind)rng_below(r, VD_EDIT_SUBSPACE), width);
    }
    batch b;
    fill_batch(r, &b);
    int logits = rows == VD_ROWS_LOGITS;
    int32_t n_rows = logits ? b.view.n_logits : ROWS;
    compute_expected(entries, n, width, logits ? b.logit_rows : NULL, n_rows);
    vd_op op = edit_op(entries, &n, width, width % 2, where);
    op.rows = rows;
    run_ops(&op, 1, VD_ISA_SCALAR, workers, &b.view);
    same_floats("y", expected, op.as.edit.y, (int64_t)n_rows * width);
    guarded_free_all();
}

// Checks a subspace of one dimension against double.
static void moves_within_subspaces(rng *r, int32_t width) {
    describe("a subspace of width %d, scalar", width);
    vd_edit_entry e = random_entry(r, VD_EDIT_SUBSPACE, width);
    e = (vd_edit_entry){.values = e.per_position ? values : NULL,
                        .basis = basis,
                        .kind = VD_EDIT_SUBSPACE,
                        .to = 11,
                        .end = width,
                        .k = 1};
    int32_t n = 1;
    batch b;
    fill_batch(r, &b);
    vd_op op = edit_op(&e, &n, width, 1, AT_END);
    run_ops(&op, 1, VD_ISA_SCALAR, 1, &b.view);
    for (int64_t row = 0; row < ROWS; row++) {
        const float *from = x + row * width, *y = op.as.edit.y + row * width;
        double c = 0, terms = 0;
        for (int64_t i = 0; i < width; i++) {
            double target = e.values == NULL ? 0 : (double)values[i];
            double term = (target - (double)from[i]) * (double)basis[i];
            c += tokens[row][0] == 0 ? term : 0;
            terms += tokens[row][0] == 0 ? fabs(term) : 0;
        }
        double c_error = roundings(lane_sum_depth(width) + 1) * terms;
        for (int64_t i = 0; i < width; i++) {
            double exact = (double)from[i] + c * (double)basis[i];
            double error = c_error * fabs((double)basis[i]);
            near("y", i, exact, error + roundings(1) * (fabs(exact) + error), y[i]);
        }
    }
    guarded_free_all();
}

// Checks a basis of unit vectors, for which moving coordinates of small integers sets them exactly.
static void sets_coordinates_exactly(rng *r, int32_t width) {
    describe("coordinates of width %d", width);
    memset(basis, 0, sizeof basis);
    memcpy(expected, x, sizeof expected);
    for (int32_t i = 0; i < ROWS * width; i++) {
        expected[i] = x[i] = (float)rng_between(r, -100, 100);
    }
    for (int32_t i = 0; i < width; i++) {
        values[i] = (float)rng_between(r, -100, 100);
    }
    int32_t k = width < K ? width : K, n = 1;
    for (int32_t j = 0; j < k; j++) {
        int32_t coordinate = j * (width / k);
        basis[j * width + coordinate] = j % 2 ? -1.0f : 1.0f;
        for (int64_t row = 0; row < ROWS; row++) {
            expected[row * width + coordinate] = values[coordinate];
        }
    }
    vd_edit_entry e = {.values = values,
                       .basis = basis,
                       .kind = VD_EDIT_SUBSPACE,
                       .sequence = VD_ALL_SEQUENCES,
                       .to = 11,
                       .end = width,
                       .k = k};
    batch b;
    fill_batch(r, &b);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        vd_op op = edit_op(&e, &n, width, 1, AT_END);
        run_ops(&op, 1, isa, 2, &b.view);
        for (int64_t i = 0; i < (int64_t)ROWS * width; i++) {
            near("y", i, (double)expected[i], 0, op.as.edit.y[i]);
        }
        guarded_free_all();
    }
}

static void variants_equal_scalar(rng *r, int32_t width, floats kind, placement where) {
    rng_fill(r, kind, basis, K * width);
    vd_edit_entry entries[2] = {random_entry(r, VD_EDIT_SUBSPACE, width),
                                random_entry(r, VD_EDIT_SUBSPACE, width)};
    entries[1].values = NULL;
    int32_t n = 2;
    batch b;
    fill_batch(r, &b);
    for (vd_isa isa = VD_ISA_SCALAR; isa < VD_ISA_COUNT; isa = next_isa(isa)) {
        describe("subspaces, width %d, %s, %s", width, floats_name(kind), vd_isa_name(isa));
        for (int i = 0; i < 2; i++) {  // the basis is next to a guard page
            size_t columns = (size_t)(entries[i].end - entries[i].begin);
            entries[i].basis = guarded_copy(basis, K * columns * sizeof(float), where);
        }
        vd_op op = edit_op(entries, &n, width, 1, where);
        run_ops(&op, 1, isa, 3, &b.view);
        float *result = isa == VD_ISA_SCALAR ? expected : actual;
        memcpy(result, op.as.edit.y, sizeof(float) * ROWS * (size_t)width);
        guarded_free_all();
        if (isa != VD_ISA_SCALAR) {
            same_floats("y", expected, actual, (int64_t)ROWS * width);
        }
    }
}

static void ignores_entries_without_values(rng *r, int32_t width) {
    describe("edits without values, width %d", width);
    vd_edit_entry entries[2] = {random_entry(r, VD_EDIT_SET, width),
                                random_entry(r, VD_EDIT_ADD, width)};
    entries[0].values = entries[1].values = NULL;
    int32_t n = 2;
    batch b;
    fill_batch(r, &b);
    vd_op op = edit_op(entries, &n, width, 0, AT_END);
    run_ops(&op, 1, VD_ISA_SCALAR, 1, &b.view);
    same_floats("y", x, op.as.edit.y, (int64_t)ROWS * width);
    guarded_free_all();
}

int main(void) {
    test_begin("edit");
    rng r = {41};
    for (int i = 0; i < LENGTHS; i++) {
        int32_t width = length_at(i);
        floats kind = (floats)(i % HUGE_ONES);
        rng_fill(&r, kind, x, sizeof x / sizeof x[0]);
        rng_fill(&r, kind, values, sizeof values / sizeof values[0]);
        for (int32_t n = 0; n <= ENTRIES; n++) {
            edits_elements(&r, width, n, 1 + n % 3 * 4, (vd_rows)((i + n) % 2),
                           (placement)(i % PLACEMENTS));
        }
        variants_equal_scalar(&r, width, kind, (placement)(i % PLACEMENTS));
        rng_fill(&r, ORDINARY, x, ROWS * width);
        rng_fill(&r, ORDINARY, values, width);
        rng_fill(&r, ORDINARY, basis, width);
        moves_within_subspaces(&r, width);
        sets_coordinates_exactly(&r, width);
        ignores_entries_without_values(&r, width);
    }
    return 0;
}
