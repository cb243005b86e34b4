// The order in which a run executes the operations of a plan, and how products are divided.
#include "core/op_impl.h"
#include "core/plan.h"
#include "matmul/matmul.h"

// Bytes per element of int8 activations, with their scales and sums (vd_quantized).
#define QUANTIZED_BYTES (1 + 4 / 16.0 + 8 / 32.0)

int64_t vd_rows_of(const vd_plan_run_state *run, int32_t i) {
    return run->plan->ops[i].rows == VD_ROWS_LOGITS ? run->batch->n_logits : run->batch->n_tokens;
}

int vd_is_replicated(const vd_plan_run_state *run) {
    return run->batch->n_tokens <= VD_REPLICATED_TOKENS;
}

int vd_needs_barrier(const vd_plan_run_state *run, int32_t i) {
    const vd_op *op = &run->plan->ops[i];
    return op->barrier == VD_BARRIER_ALWAYS || op->epilogue ||
           (op->barrier == VD_BARRIER_UNLESS_REPLICATED && !vd_is_replicated(run));
}

int32_t vd_count_epilogue(const vd_plan_run_state *run, int32_t i) {
    int32_t n = 0;
    if (!run->plan->ops[i].epilogue) {
        while (i + n + 1 < run->end && run->plan->ops[i + n + 1].epilogue) {
            n++;
        }
    }
    return n;
}

int vd_find_products(const vd_plan_run_state *run, int32_t i, const vd_slices *slices,
                     vd_product_group *group) {
    int64_t rows = vd_rows_of(run, i);
    int32_t n = 0;
    int32_t at = i;
    while (rows > 0 && rows <= VD_FEW_ROWS && n < VD_PRODUCTS_MAX && at < run->end &&
           run->plan->ops[at].kind == VD_OP_MATMUL && vd_rows_of(run, at) == rows &&
           (at == i || !vd_needs_barrier(run, at))) {
        int32_t epilogue_ops = vd_count_epilogue(run, at);
        group->ops[n] = at;
        group->epilogue_ops[n] = epilogue_ops;
        group->partition.products[n] = vd_product_of(&run->plan->ops[at], epilogue_ops, rows);
        n++;
        at += epilogue_ops + 1;
    }
    group->end = at;
    vd_partition_decide(&group->partition, n, slices);
    return n > 0;
}

// Returns the bytes of product i that workers read from the memory of other nodes. Matrices that
// are not packed are in memory that the file is cached in, on any node.
static double remote_bytes(const vd_plan_run_state *run, const vd_product_group *group, int32_t i) {
    const vd_matmul *matmul = &run->plan->ops[group->ops[i]].as.matmul;
    const vd_slices *slices = group->partition.slices;
    if (vd_is_quantized(matmul->type) && !matmul->unpacked) {
        return vd_partition_remote(&group->partition, i);
    }
    const vd_product *product = &group->partition.products[i];
    return (double)(product->jobs * product->cost) * (slices->count - 1) / slices->count;
}

// Returns the bytes of a product's input that each node reads, or of the activations from which its
// workers replicate the input.
static double input_bytes(const vd_plan_run_state *run, int32_t i) {
    const vd_op *op = &run->plan->ops[i];
    const vd_matmul *matmul = &op->as.matmul;
    int replicated = vd_is_replicated(run) && (op->replicated & VD_REPLICATED_READ) != 0;
    int quantized = vd_multiplies_quantized(matmul->type, matmul->arithmetic) && !replicated;
    return (double)vd_rows_of(run, i) * matmul->K * (quantized ? QUANTIZED_BYTES : 4);
}

static int shares_input(const vd_plan_run_state *run, int32_t i, int32_t j) {
    const vd_matmul *a = &run->plan->ops[i].as.matmul;
    const vd_matmul *b = &run->plan->ops[j].as.matmul;
    return a->x == b->x && a->xq.q == b->xq.q;
}

// Adds the work of products that are divided together.
static void add_products(const vd_plan_run_state *run, const vd_product_group *group,
                         vd_balance *balance) {
    const vd_partition *partition = &group->partition;
    double longest = 0;
    for (int32_t worker = 0; worker < partition->slices->workers; worker++) {
        double cost = vd_partition_cost(partition, worker);
        longest = cost > longest ? cost : longest;
    }
    balance->bytes += (double)partition->cost;
    balance->longest += longest;
    for (int32_t i = 0; i < partition->count; i++) {
        balance->remote += remote_bytes(run, group, i);
        if (i == 0 || !shares_input(run, group->ops[i - 1], group->ops[i])) {
            balance->inputs += (partition->slices->count - 1) * input_bytes(run, group->ops[i]);
        }
    }
}

vd_status vd_plan_balance(const vd_plan *plan, int32_t tokens, int32_t workers, int32_t nodes,
                          vd_balance *balance) {
    if (plan == NULL || balance == NULL || tokens < 1 || tokens > VD_FEW_ROWS || workers < 1 ||
        nodes < 1 || nodes > workers || nodes > VD_SLICES_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    vd_slices slices;
    vd_slices_evenly(&slices, workers, nodes);
    vd_batch batch = {.n_tokens = tokens, .n_logits = tokens};
    vd_plan_run_state run = {.plan = plan, .batch = &batch, .end = plan->n_ops};
    *balance = (vd_balance){0};
    for (int32_t i = 0; i < plan->n_ops;) {
        vd_product_group group;
        balance->barriers += i > 0 && vd_needs_barrier(&run, i);
        if (vd_find_products(&run, i, &slices, &group)) {
            add_products(&run, &group, balance);
            i = group.end;
        } else {
            i += vd_count_epilogue(&run, i) + 1;
        }
    }
    return VD_OK;
}
