// Low-rank updates (LoRA); each sequence of the batch has its own or none. Adjacent rows of one
// sequence are processed together. The down-projection is a matmul with F32 weights and few
// outputs; the up-projection adds to tiles of another product while they are in the cache.
#include "low_rank/low_rank.h"

#include <string.h>

#include "core/op_impl.h"
#include "matmul/matmul.h"

enum { ROWS = VD_SCRATCH_BYTES / sizeof(float) / VD_LOW_RANK_MAX };  // rows with products that fit

#define VD_VARIANT(isa, name) [isa] = vd_low_rank_##name,
vd_low_rank_kernel *const vd_low_rank_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

static int choice_valid(const vd_low_rank_choice *choice) {
    return choice->updates != NULL && choice->slots != NULL && choice->strengths != NULL &&
           choice->n_slots > 0 && choice->n_sequences > 0 && choice->R > 0 &&
           choice->R <= VD_LOW_RANK_MAX;
}

vd_status vd_low_rank_down_check(const vd_op *op) {
    const vd_low_rank_down *down = &op->as.low_rank_down;
    int valid = down->u != NULL && down->t != NULL && down->K > 0 && choice_valid(&down->choice);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

void vd_low_rank_down_replicate(vd_op *op, int64_t row) {
    op->as.low_rank_down.u += row * op->as.low_rank_down.K;
}

vd_status vd_low_rank_up_check(const vd_op *op) {
    const vd_low_rank_up *up = &op->as.low_rank_up;
    int valid =
        up->x != NULL && up->t != NULL && up->y != NULL && up->N > 0 && choice_valid(&up->choice);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Returns the update of a sequence's rows, or null.
static const vd_low_rank *update_of(const vd_low_rank_choice *choice, int32_t sequence) {
    int32_t slot = sequence < choice->n_sequences ? choice->slots[sequence] : -1;
    if (slot < 0 || slot >= choice->n_slots) {
        return NULL;
    }
    const vd_low_rank *update = &choice->updates[slot];
    int given = update->A != NULL && update->B != NULL && update->r > 0 && update->r <= choice->R;
    return given ? update : NULL;
}

static int32_t sequence_of(const vd_op *op, const vd_batch *batch, int64_t row) {
    return batch->sequences[vd_token_of(op, batch, row)];
}

// Returns the end of the rows of one sequence, from `begin` on.
static int64_t end_of_sequence(const vd_op *op, const vd_batch *batch, int64_t begin, int64_t end) {
    int64_t i = begin + 1;
    while (i < end && sequence_of(op, batch, i) == sequence_of(op, batch, begin)) {
        i++;
    }
    return i;
}

// Computes outputs `ranks` for rows of one sequence.
static void down(const vd_low_rank_down *op, const vd_step *step, const vd_low_rank *update,
                 float strength, vd_range rows, vd_range ranks) {
    float *products = step->worker->scratch;
    float scale = update->scale * strength;
    for (int64_t row = rows.begin; row < rows.end; row += ROWS) {
        int64_t n = vd_min(ROWS, rows.end - row);
        vd_matmul product = {.weights = update->A,
                             .x = op->u + row * op->K,
                             .y = products,
                             .type = VD_F32,
                             .N = update->r,
                             .K = op->K};
        vd_matmul_kernels[VD_F32][step->isa](&product, (vd_range){0, n}, ranks,
                                             vd_all_columns(&product));
        for (int64_t i = 0; i < n; i++) {
            float *t = op->t + (row + i) * op->choice.R;
            for (int64_t j = ranks.begin; j < ranks.end; j++) {
                t[j] = scale * products[i * update->r + j];
            }
        }
    }
}

// Workers share rows or, if there are fewer rows than workers, the outputs of each row.
void vd_low_rank_down_run(const vd_op *op, const vd_step *step) {
    const vd_low_rank_choice *choice = &op->as.low_rank_down.choice;
    int by_rows = step->rows >= step->worker->count;
    vd_range all = by_rows ? vd_share(step->worker, step->rows) : (vd_range){0, step->rows};
    for (vd_range rows = all; rows.begin < all.end; rows.begin = rows.end) {
        rows.end = end_of_sequence(op, step->batch, rows.begin, all.end);
        int32_t sequence = sequence_of(op, step->batch, rows.begin);
        const vd_low_rank *update = update_of(choice, sequence);
        if (update != NULL) {
            vd_range ranks = by_rows ? (vd_range){0, update->r} : vd_share(step->worker, update->r);
            down(&op->as.low_rank_down, step, update, choice->strengths[sequence], rows, ranks);
        }
    }
}

static void copy(const vd_low_rank_up *op, vd_range rows, vd_range columns) {
    for (int64_t i = rows.begin; i < rows.end && op->y != op->x; i++) {
        int64_t at = i * op->N + columns.begin;
        memcpy(op->y + at, op->x + at, (size_t)(columns.end - columns.begin) * sizeof *op->y);
    }
}

void vd_low_rank_up_tile(const vd_op *op, const vd_step *step, vd_range all, vd_range columns) {
    const vd_low_rank_up *up = &op->as.low_rank_up;
    for (vd_range rows = all; rows.begin < all.end; rows.begin = rows.end) {
        rows.end = end_of_sequence(op, step->batch, rows.begin, all.end);
        const vd_low_rank *update =
            update_of(&up->choice, sequence_of(op, step->batch, rows.begin));
        if (update == NULL) {
            copy(up, rows, columns);
        } else {
            vd_low_rank_kernels[step->isa](up, update, rows, columns);
        }
    }
}

void vd_low_rank_up_run(const vd_op *op, const vd_step *step) {
    vd_range rows, columns;
    vd_share_tile(step, op->as.low_rank_up.N, &rows, &columns);
    vd_low_rank_up_tile(op, step, rows, columns);
}
