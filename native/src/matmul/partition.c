#include "matmul/partition.h"

#include "matmul/matmul.h"
#include "matmul/matmul_part.h"
#include "types/types.h"

enum {
    FLOAT_OUTPUTS = 4,      // maximum that kernels of float weights compute together
    SEPARATE_PERCENT = 98,  // of balance: products are divided by themselves
    STEP_COLUMNS = VD_BLOCK * 2
};

int64_t vd_part_columns(int32_t type) {
    int64_t elements = vd_block_layout_of(type).elements;
    return elements > STEP_COLUMNS ? elements : STEP_COLUMNS;
}

// Returns the outputs of a job: what kernels compute together, or whole blocks where the epilogue
// or the arithmetic has blocks.
static int64_t job_width(const vd_op *op, int32_t epilogue_ops) {
    if (op->as.matmul.arithmetic == VD_ARITHMETIC_BF16) {
        return VD_BLOCK;
    }
    for (int32_t i = 1; i <= epilogue_ops; i++) {
        if (op[i].kind == VD_OP_QUANTIZE) {
            return VD_BLOCK;
        }
    }
    return epilogue_ops > 0 || vd_is_quantized(op->as.matmul.type) ? VD_PACK_ROWS : FLOAT_OUTPUTS;
}

// Returns whether workers can continue each other's jobs: the product is of integers, and those of
// all tokens fit a worker's memory.
static int has_parts(const vd_matmul *matmul, int64_t rows) {
    if (matmul->unpacked || rows > VD_REPLICATED_TOKENS ||
        !vd_multiplies_quantized(matmul->type, matmul->arithmetic)) {
        return 0;
    }
    int64_t sub_blocks = matmul->K / vd_block_layout_of(matmul->type).sub_block;
    int64_t groups = VD_BLOCK / VD_PACK_ROWS;
    return rows * groups * sub_blocks * VD_PACK_ROWS * (int64_t)sizeof(int32_t) <= VD_SCRATCH_BYTES;
}

vd_product vd_product_of(const vd_op *op, int32_t epilogue_ops, int64_t rows) {
    const vd_matmul *matmul = &op->as.matmul;
    int64_t width = job_width(op, epilogue_ops);
    vd_product product = {.N = matmul->N,
                          .width = width,
                          .jobs = vd_ceil_div(matmul->N, width),
                          .steps = 1,
                          .products = 0,
                          .step_columns = matmul->K};
    int parts = has_parts(matmul, rows);  // all products of a job have equal steps
    for (int32_t i = 0; i <= epilogue_ops; i++) {
        if (op[i].kind == VD_OP_MATMUL) {
            const vd_matmul *of_job = &op[i].as.matmul;
            parts &= !of_job->unpacked && of_job->type == matmul->type && of_job->K == matmul->K &&
                     of_job->arithmetic == matmul->arithmetic;
            product.products++;
            product.cost += width * vd_matmul_row_bytes(of_job->type, of_job->K);
        }
    }
    if (parts) {
        product.step_columns = vd_part_columns(matmul->type);
        product.steps = product.products * vd_ceil_div(matmul->K, product.step_columns);
    }
    return product;
}

void vd_partition_decide(vd_partition *partition, int32_t count, int32_t workers) {
    int64_t separately = 0;
    partition->count = count;
    partition->workers = workers;
    partition->cost = 0;
    for (int32_t i = 0; i < count; i++) {
        const vd_product *product = &partition->products[i];
        partition->cost += product->jobs * product->cost;
        separately += vd_ceil_div(product->jobs, workers) * product->cost * workers;
    }
    partition->together = 100 * partition->cost < SEPARATE_PERCENT * separately;
}

// Returns where a worker's share of all products begins, as a position of product i.
static int64_t boundary(const vd_partition *partition, int32_t i, int32_t worker) {
    const vd_product *product = &partition->products[i];
    int64_t cost = partition->cost * worker / partition->workers;
    for (int32_t before = 0; before < i; before++) {
        cost -= partition->products[before].jobs * partition->products[before].cost;
    }
    if (cost <= 0) {
        return 0;
    }
    int64_t jobs = vd_min(cost / product->cost, product->jobs);
    int64_t rest = jobs == product->jobs ? 0 : cost - jobs * product->cost;
    int64_t steps = (rest * product->steps + product->cost / 2) / product->cost;
    return jobs * product->steps + steps;
}

vd_range vd_partition_share(const vd_partition *partition, int32_t i, int32_t worker) {
    const vd_product *product = &partition->products[i];
    int32_t workers = partition->workers;
    if (!partition->together) {
        return (vd_range){product->jobs * worker / workers * product->steps,
                          product->jobs * (worker + 1) / workers * product->steps};
    }
    return (vd_range){boundary(partition, i, worker), boundary(partition, i, worker + 1)};
}

vd_range vd_product_outputs(const vd_product *product, int64_t begin, int64_t end) {
    return (vd_range){begin * product->width, vd_min(end * product->width, product->N)};
}

double vd_partition_cost(const vd_partition *partition, int32_t worker) {
    double cost = 0;
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        vd_range share = vd_partition_share(partition, i, worker);
        cost += (double)(share.end - share.begin) * (double)product->cost / (double)product->steps;
    }
    return cost;
}
