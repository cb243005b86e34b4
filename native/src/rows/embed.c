// embed has one variant: a step reads one row per token.
#include "core/op_impl.h"
#include "types/dequantize.h"

vd_status vd_embed_check(const vd_op *op) {
    const vd_embed *embed = &op->as.embed;
    int valid = embed->table != NULL && embed->y != NULL && embed->V > 0 && embed->d > 0 &&
                embed->index >= VD_EMBED_TOKENS && embed->index <= VD_EMBED_TYPES &&
                embed->offset >= 0 && embed->skip >= 0 && vd_row_bytes(embed->type, embed->d) > 0 &&
                op->rows == VD_ROWS_TOKENS;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// Returns the rows that the table must have for the plan's limits.
static int64_t rows_needed(const vd_embed *embed, const vd_limits *limits) {
    int64_t indices = embed->index == VD_EMBED_POSITIONS ? limits->positions
                      : embed->index == VD_EMBED_TYPES   ? limits->types
                                                         : limits->vocabulary;
    return (indices - 1) * (1 + (int64_t)embed->skip) + embed->offset + 1;
}

vd_status vd_embed_fits(const vd_op *op, const vd_limits *limits, vd_isa isa) {
    (void)isa;
    int fits = op->as.embed.V >= rows_needed(&op->as.embed, limits) &&
               (op->as.embed.index != VD_EMBED_TYPES || limits->types > 0);
    return fits ? VD_OK : VD_INVALID_ARGUMENT;
}

static int64_t row_of(const vd_embed *embed, const vd_batch *batch, int64_t i) {
    int64_t chosen = embed->index == VD_EMBED_POSITIONS ? batch->positions[i]
                     : embed->index == VD_EMBED_TYPES ? (batch->types == NULL ? 0 : batch->types[i])
                                                      : batch->tokens[i];
    return chosen * (1 + (int64_t)embed->skip) + embed->offset;
}

void vd_embed_run(const vd_op *op, const vd_step *step) {
    const vd_embed *embed = &op->as.embed;
    int64_t row_bytes = vd_row_bytes(embed->type, embed->d);
    vd_range rows = vd_share(step->worker, step->rows);
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const uint8_t *row =
            (const uint8_t *)embed->table + row_of(embed, step->batch, i) * row_bytes;
        vd_dequantize_row(embed->type, row, embed->d, embed->y + i * embed->d);
    }
}
