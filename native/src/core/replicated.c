#include "core/replicated.h"

#include "types/types.h"

int vd_local_valid(const vd_op *op) {
    int32_t possible = 0;
    if (op->rows == VD_ROWS_TOKENS) {
        switch (op->kind) {
            case VD_OP_NORM:
                possible = VD_REPLICATED_WRITE;
                break;
            case VD_OP_QUANTIZE:
            case VD_OP_GAIN:
                possible = VD_REPLICATED_READ | VD_REPLICATED_WRITE;
                break;
            case VD_OP_MATMUL:
            case VD_OP_LOW_RANK_DOWN:
            case VD_OP_TAP:
                possible = VD_REPLICATED_READ;
                break;
            default:
                break;
        }
    }
    return (op->replicated & ~possible) == 0;
}

static void move_quantized(vd_quantized *xq, int64_t row, int64_t K) {
    xq->q += row * K;
    xq->scale += row * (K / VD_BLOCK);
    xq->sum += 2 * row * (K / VD_BLOCK);  // two of each block
    xq->scaled_sum += row * (K / VD_BLOCK);
}

static void move(vd_op *op, int64_t row) {
    switch (op->kind) {
        case VD_OP_NORM:
            op->as.norm.y += row * op->as.norm.heads * op->as.norm.d;
            op->as.norm.scale += op->as.norm.scale == NULL ? 0 : row * op->as.norm.heads;
            break;
        case VD_OP_QUANTIZE:
            op->as.quantize.x += op->replicated & VD_REPLICATED_READ ? row * op->as.quantize.K : 0;
            if (op->replicated & VD_REPLICATED_WRITE) {
                move_quantized(&op->as.quantize.y, row, op->as.quantize.K);
            }
            break;
        case VD_OP_GAIN: {
            int64_t width = (int64_t)op->as.gain.heads * op->as.gain.d;
            op->as.gain.x += op->replicated & VD_REPLICATED_READ ? row * width : 0;
            op->as.gain.y += op->replicated & VD_REPLICATED_WRITE ? row * width : 0;
            break;
        }
        case VD_OP_LOW_RANK_DOWN:
            op->as.low_rank_down.u += row * op->as.low_rank_down.K;
            break;
        case VD_OP_TAP:
            op->as.tap.x += row * op->as.tap.width;
            break;
        default:
            if (vd_is_quantized(op->as.matmul.type)) {
                move_quantized(&op->as.matmul.xq, row, op->as.matmul.K);
            } else {
                op->as.matmul.x += row * op->as.matmul.K;
            }
    }
}

void vd_replicated_ops(const vd_op *ops, int32_t n, const vd_worker *worker, vd_op *own) {
    for (int32_t i = 0; i < n; i++) {
        own[i] = ops[i];
        if (ops[i].replicated) {
            move(&own[i], (int64_t)worker->index * VD_REPLICATED_ROWS);
        }
    }
}
