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

// Returns whether workers can continue each other's jobs: the product is of integers, and if they
// are kept, those of all tokens fit a worker's memory.
static int has_parts(const vd_matmul *matmul, int64_t rows) {
    if (matmul->unpacked || !vd_multiplies_quantized(matmul->type, matmul->arithmetic)) {
        return 0;
    }
    if (rows > VD_REPLICATED_TOKENS) {
        return 1;
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
                          .waits = rows > VD_REPLICATED_TOKENS,
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

// Leaves jobs whole if their parts would wait for each other: there are fewer jobs than workers.
static void join_parts(vd_partition *partition) {
    for (int32_t i = 0; i < partition->count; i++) {
        vd_product *product = &partition->products[i];
        if (product->waits && partition->cost < partition->slices->workers * product->cost) {
            product->steps = 1;
        }
    }
}

void vd_partition_decide(vd_partition *partition, int32_t count, const vd_slices *slices) {
    int64_t workers = slices->workers;
    int64_t separately = 0;
    partition->count = count;
    partition->slices = slices;
    partition->cost = 0;
    for (int32_t i = 0; i < count; i++) {
        const vd_product *product = &partition->products[i];
        partition->cost += product->jobs * product->cost;
        separately += vd_ceil_div(product->jobs, workers) * product->cost * workers;
    }
    join_parts(partition);
    partition->together = 100.0 * (double)partition->cost < SEPARATE_PERCENT * (double)separately;
}

// Returns the position `cost` bytes after the beginning of these jobs of a product, or their end.
static int64_t position_at(const vd_product *product, vd_range jobs, int64_t cost) {
    if (cost <= 0) {
        return jobs.begin * product->steps;
    }
    int64_t job = vd_min(jobs.begin + cost / product->cost, jobs.end);
    int64_t rest = job == jobs.end ? 0 : cost % product->cost;
    int64_t steps = (rest * product->steps + product->cost / 2) / product->cost;
    return job * product->steps + steps;
}

// Divides each product by itself, in whole jobs.
static void share_jobs(const vd_partition *partition, int32_t worker, vd_range *shares) {
    int64_t workers = partition->slices->workers;
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        shares[i] = (vd_range){product->jobs * worker / workers * product->steps,
                               product->jobs * (worker + 1) / workers * product->steps};
    }
}

void vd_partition_shares(const vd_partition *partition, int32_t worker, vd_range *shares) {
    if (!partition->together) {
        share_jobs(partition, worker, shares);
        return;
    }
    const vd_slices *slices = partition->slices;
    int32_t slice = vd_slice_of(slices, worker);
    vd_range jobs[VD_PRODUCTS_MAX];
    int64_t costs[VD_PRODUCTS_MAX];
    int64_t cost = 0;
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        jobs[i] = (vd_range){vd_slice_begin(slices, slice, product->jobs),
                             vd_slice_begin(slices, slice + 1, product->jobs)};
        costs[i] = (jobs[i].end - jobs[i].begin) * product->cost;
        cost += costs[i];
    }
    int32_t workers = slices->begins[slice + 1] - slices->begins[slice];
    int64_t begin = cost * (worker - slices->begins[slice]) / workers;
    int64_t end = cost * (worker - slices->begins[slice] + 1) / workers;
    for (int32_t i = 0; i < partition->count; i++) {
        shares[i] = (vd_range){position_at(&partition->products[i], jobs[i], begin),
                               position_at(&partition->products[i], jobs[i], end)};
        begin -= costs[i];
        end -= costs[i];
    }
}

vd_range vd_product_outputs(const vd_product *product, int64_t begin, int64_t end) {
    return (vd_range){begin * product->width, vd_min(end * product->width, product->N)};
}

double vd_partition_cost(const vd_partition *partition, int32_t worker) {
    vd_range shares[VD_PRODUCTS_MAX];
    vd_partition_shares(partition, worker, shares);
    double cost = 0;
    for (int32_t i = 0; i < partition->count; i++) {
        const vd_product *product = &partition->products[i];
        double positions = (double)(shares[i].end - shares[i].begin);
        cost += positions * (double)product->cost / (double)product->steps;
    }
    return cost;
}

double vd_partition_remote(const vd_partition *partition, int32_t i) {
    const vd_slices *slices = partition->slices;
    const vd_product *product = &partition->products[i];
    double jobs = 0;
    for (int32_t slice = 1; slice < slices->count; slice++) {
        double begin = (double)product->jobs * slices->begins[slice] / slices->workers;
        jobs += begin - (double)vd_slice_begin(slices, slice, product->jobs);
    }
    return jobs * (double)product->cost;
}
