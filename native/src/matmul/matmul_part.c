#include "matmul/matmul_part.h"

#include "core/handoff.h"
#include "matmul/matmul.h"
#include "types/types.h"

#define VD_VARIANT(isa, name) [isa] = vd_matmul_part_##name,
vd_matmul_part_kernel *const vd_matmul_part_kernels[VD_ISA_COUNT] = {
#include "simd/variants_dot_v16.inc"
};
#undef VD_VARIANT

typedef struct part_run {
    const vd_step *step;
    int awaits;  // the steps before the part have not been received
} part_run;

static void receive(part_run *run) {
    if (run->awaits) {
        vd_receive(run->step->part->handoffs, run->step->worker);
        run->awaits = 0;
    }
}

// Runs the kernel for all groups of the job and all rows.
static void run_kernel(const vd_step *step, const vd_matmul *matmul, vd_range k, vd_part part) {
    int32_t *integers = step->worker->scratch;
    int64_t sub_block = vd_block_layout_of(matmul->type).sub_block;
    int64_t end = vd_ceil_div(step->columns.end, VD_PACK_ROWS);
    for (int64_t g = step->columns.begin / VD_PACK_ROWS; g < end; g++) {
        for (int64_t m = 0; m < step->rows; m++) {
            vd_matmul_part_kernels[step->isa](matmul, m, g, k, part, integers);
            integers += (k.end - k.begin) / sub_block * VD_PACK_ROWS;
        }
    }
}

// Computes columns k of K. Integer sums need no results of other workers; those of more than
// VD_REPLICATED_TOKENS tokens are not kept.
static void multiply(part_run *run, const vd_matmul *matmul, vd_range k) {
    const vd_step *step = run->step;
    if (step->rows > VD_REPLICATED_TOKENS) {
        if (k.begin > 0) {
            receive(run);
        }
        vd_range groups = {step->columns.begin / VD_PACK_ROWS,
                           vd_ceil_div(step->columns.end, VD_PACK_ROWS)};
        vd_matmul_kernels[matmul->type][step->isa](matmul, (vd_range){0, step->rows}, groups, k);
        return;
    }
    if (k.begin == 0) {
        run_kernel(step, matmul, k, VD_PART_FIRST);
        return;
    }
    run_kernel(step, matmul, k, VD_PART_MULTIPLY);
    receive(run);
    run_kernel(step, matmul, k, VD_PART_ADD);
}

void vd_run_part(const vd_op *op, const vd_step *step) {
    const vd_job_part *part = step->part;
    int64_t steps = part->product->steps / part->product->products;  // of one matrix product
    part_run run = {.step = step, .awaits = part->from > 0};
    int64_t at = 0;
    for (int32_t i = 0; i <= step->epilogue_ops; i++) {
        if (op[i].kind != VD_OP_MATMUL) {
            if (part->from < at && at <= part->to) {
                receive(&run);
                vd_op_impls[op[i].kind].tile(&op[i], step, (vd_range){0, step->rows},
                                             step->columns);
            }
            continue;
        }
        int64_t begin = part->from > at ? part->from - at : 0;
        int64_t end = vd_min(part->to - at, steps);
        if (begin < end) {
            const vd_matmul *matmul = &op[i].as.matmul;
            int64_t columns = part->product->step_columns;
            multiply(&run, matmul, (vd_range){begin * columns, vd_min(end * columns, matmul->K)});
        }
        at += steps;
    }
    receive(&run);
    if (part->to < part->product->steps) {
        vd_hand_over(part->handoffs, step->worker);
    }
}
