// The order in which a run executes the operations of a plan, and how products are divided.
#include "core/op_impl.h"
#include "core/plan.h"

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

int vd_find_products(const vd_plan_run_state *run, int32_t i, int32_t workers,
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
    vd_partition_decide(&group->partition, n, workers);
    return n > 0;
}

// Adds the work of products that are divided together.
static void add_products(const vd_partition *partition, vd_balance *balance) {
    double longest = 0;
    for (int32_t worker = 0; worker < partition->workers; worker++) {
        double cost = vd_partition_cost(partition, worker);
        longest = cost > longest ? cost : longest;
    }
    balance->bytes += (double)partition->cost;
    balance->longest += longest;
}

vd_status vd_plan_balance(const vd_plan *plan, int32_t tokens, int32_t workers,
                          vd_balance *balance) {
    if (plan == NULL || balance == NULL || tokens < 1 || tokens > VD_FEW_ROWS || workers < 1) {
        return VD_INVALID_ARGUMENT;
    }
    vd_batch batch = {.n_tokens = tokens, .n_logits = tokens};
    vd_plan_run_state run = {.plan = plan, .batch = &batch, .end = plan->n_ops};
    *balance = (vd_balance){0};
    for (int32_t i = 0; i < plan->n_ops;) {
        vd_product_group group;
        balance->barriers += i > 0 && vd_needs_barrier(&run, i);
        if (vd_find_products(&run, i, workers, &group)) {
            add_products(&group.partition, balance);
            i = group.end;
        } else {
            i += vd_count_epilogue(&run, i) + 1;
        }
    }
    return VD_OK;
}
