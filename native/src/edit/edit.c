// Element-wise edits are bound by memory, so they have one variant, which compilers vectorize.
// Subspace edits are sums over rows and have kernels.
#include "edit/edit.h"

#include <string.h>

#include "core/op_impl.h"

#define VD_VARIANT(isa, name) [isa] = vd_subspace_##name,
vd_subspace_kernel *const vd_subspace_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_edit_check(const vd_op *op) {
    const vd_edit *edit = &op->as.edit;
    int valid = edit->x != NULL && edit->y != NULL && edit->entries != NULL &&
                edit->n_entries != NULL && edit->width > 0 &&
                (edit->whole_rows == 0 || edit->whole_rows == 1);
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Changes n elements y by the corresponding values.
static void change(const vd_edit_entry *entry, const float *values, float *y, int64_t n) {
    switch (entry->kind) {
        case VD_EDIT_SET:
            memcpy(y, values, (size_t)n * sizeof *y);
            break;
        case VD_EDIT_ADD:
            for (int64_t i = 0; i < n; i++) {
                y[i] += entry->factor * values[i];
            }
            break;
        case VD_EDIT_SCALE:
            for (int64_t i = 0; i < n; i++) {
                y[i] *= entry->factor;
            }
            break;
        case VD_EDIT_CLAMP:
            for (int64_t i = 0; i < n; i++) {
                float raised = y[i] < entry->min ? entry->min : y[i];
                y[i] = raised > entry->max ? entry->max : raised;
            }
            break;
        default:
            break;
    }
}

// Returns the values for a token, or null.
static const float *values_of(const vd_edit_entry *entry, int32_t position) {
    int64_t columns = (int64_t)entry->end - entry->begin;
    int64_t row = entry->per_position ? (int64_t)position - entry->from : 0;
    return entry->values == NULL ? NULL : entry->values + row * columns;
}

// Applies an entry to some columns of a token's row y.
static void apply(const vd_op *op, const vd_step *step, const vd_edit_entry *entry,
                  int32_t position, float *y, vd_range columns) {
    const float *values = values_of(entry, position);
    if (entry->kind == VD_EDIT_SUBSPACE) {
        if (op->as.edit.whole_rows && entry->begin >= 0 && entry->end <= op->as.edit.width) {
            vd_subspace_kernels[step->isa](entry, values, y + entry->begin,
                                           (int64_t)entry->end - entry->begin);
        }
        return;
    }
    int lacks_values = values == NULL && (entry->kind == VD_EDIT_SET || entry->kind == VD_EDIT_ADD);
    int64_t begin = entry->begin > columns.begin ? entry->begin : columns.begin;
    int64_t end = vd_min(entry->end, columns.end);
    if (begin < end && !lacks_values) {
        change(entry, values == NULL ? NULL : values + (begin - entry->begin), y + begin,
               end - begin);
    }
}

static int applies(const vd_edit_entry *entry, int32_t sequence, int32_t position) {
    return (entry->sequence == VD_ALL_SEQUENCES || entry->sequence == sequence) &&
           entry->from <= position && position < entry->to;
}

void vd_edit_tile(const vd_op *op, const vd_step *step, vd_range rows, vd_range columns) {
    const vd_edit *edit = &op->as.edit;
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const float *x = edit->x + i * edit->width;
        float *y = edit->y + i * edit->width;
        memcpy(y + columns.begin, x + columns.begin,
               (size_t)(columns.end - columns.begin) * sizeof *y);
        int64_t token = vd_token_of(op, step->batch, i);
        int32_t sequence = step->batch->sequences[token], position = step->batch->positions[token];
        for (int32_t j = 0; j < *edit->n_entries; j++) {
            if (applies(&edit->entries[j], sequence, position)) {
                apply(op, step, &edit->entries[j], position, y, columns);
            }
        }
    }
}

void vd_edit_run(const vd_op *op, const vd_step *step) {
    vd_range rows, columns;
    if (op->as.edit.whole_rows) {
        rows = vd_share(step->worker, step->rows);
        columns = (vd_range){0, op->as.edit.width};
    } else {
        vd_share_tile(step, op->as.edit.width, &rows, &columns);
    }
    vd_edit_tile(op, step, rows, columns);
}
