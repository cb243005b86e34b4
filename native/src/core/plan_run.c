// The plan runner: every worker walks the list of operations and computes its share of each.
// Workers meet at barriers before operations that need the results of all.
#include <stdlib.h>

#include "core/batch.h"
#include "core/op_impl.h"
#include "core/plan.h"
#include "core/replicated.h"
#include "simd/stream.h"

// Returns whether one of n operations has replicated operands.
static int any_replicated(const vd_op *ops, int32_t n) {
    int32_t flags = 0;
    for (int32_t i = 0; i < n; i++) {
        flags |= ops[i].replicated;
    }
    return flags != 0;
}

// Runs shares of an operation that workers of different speeds take from its counter, each as if
// this worker were one of several times as many.
static void run_shares(const vd_op *op, const vd_step *step) {
    enum { SHARES = 4 };  // for each worker
    vd_worker worker = *step->worker;
    vd_step share = *step;
    share.worker = &worker;
    worker.count = SHARES * step->worker->count;
    for (int64_t i; vd_take_tile(step, 0, worker.count, &i);) {
        worker.index = (int32_t)i;
        vd_op_impls[op->kind].run(op, &share);
    }
}

// Runs the worker's share of operation i and its epilogue. `columns` and `part` are those of a
// product of few rows.
static void run_op(const vd_plan_run_state *run, const vd_worker *worker, int32_t i,
                   int32_t epilogue_ops, vd_range columns, const vd_job_part *part) {
    const vd_op *op = &run->plan->ops[i];
    vd_op own[VD_EPILOGUE_MAX + 1];
    vd_worker alone = *worker;
    vd_step step = {
        .batch = run->batch,
        .worker = worker,
        .isa = run->plan->isa,
        .rows = vd_rows_of(run, i),
        .next = &run->next[i - run->begin],
        .next_stride = run->next_stride,
        .split = &run->plan->split,
        .epilogue_ops = epilogue_ops,
        .columns = columns,
        .part = part,
    };
    if (step.rows == 0) {
        return;
    }
    if (vd_is_replicated(run) && any_replicated(op, epilogue_ops + 1)) {
        if (op->replicated & VD_REPLICATED_WRITE) {
            alone.index = 0;
            alone.count = 1;
            alone.mixed = 0;
            step.worker = &alone;
        }
        vd_replicated_ops(op, epilogue_ops + 1, worker, own);
        op = own;
    }
    const vd_op_impl *impl = &vd_op_impls[op->kind];
    if (step.worker->mixed && !impl->tiles) {
        run_shares(op, &step);
    } else {
        impl->run(op, &step);
    }
}

// Runs whole jobs of product i of a group.
static void run_jobs(const vd_plan_run_state *run, const vd_worker *worker,
                     const vd_product_group *group, int32_t i, vd_range jobs) {
    const vd_product *product = &group->partition.products[i];
    vd_range columns = vd_product_outputs(product, jobs.begin, jobs.end);
    run_op(run, worker, group->ops[i], group->epilogue_ops[i], columns, NULL);
}

// Runs positions of product i that are a part of one job.
static void run_part(const vd_plan_run_state *run, const vd_worker *worker,
                     const vd_product_group *group, int32_t i, vd_range positions,
                     vd_handoffs *handoffs) {
    const vd_product *product = &group->partition.products[i];
    int64_t job = positions.begin / product->steps;
    vd_job_part part = {.product = product,
                        .from = positions.begin - job * product->steps,
                        .to = positions.end - job * product->steps,
                        .handoffs = handoffs};
    vd_range columns = vd_product_outputs(product, job, job + 1);
    run_op(run, worker, group->ops[i], group->epilogue_ops[i], columns, &part);
}

// Runs the worker's share of products that are divided together: first the part of a job that it
// passes to the next worker, then whole jobs, and last the part of a job that it continues. The
// two ends of a job are thus rarely computed at one time (McNaughton 1959).
static void run_together(const vd_plan_run_state *run, const vd_worker *worker,
                         const vd_product_group *group, vd_handoffs *handoffs) {
    vd_range shares[VD_PRODUCTS_MAX], jobs[VD_PRODUCTS_MAX];
    int32_t n = group->partition.count;
    vd_partition_shares(&group->partition, worker->index, shares);
    for (int32_t i = 0; i < n; i++) {
        int64_t steps = group->partition.products[i].steps;
        jobs[i] = (vd_range){vd_ceil_div(shares[i].begin, steps), shares[i].end / steps};
        vd_range passed = {jobs[i].end * steps, shares[i].end};
        if (passed.begin < passed.end && passed.begin >= shares[i].begin) {
            run_part(run, worker, group, i, passed, handoffs);
        }
    }
    for (int32_t i = 0; i < n; i++) {
        if (jobs[i].begin < jobs[i].end) {
            run_jobs(run, worker, group, i, jobs[i]);
        }
    }
    for (int32_t i = 0; i < n; i++) {
        int64_t first = jobs[i].begin * group->partition.products[i].steps;
        if (shares[i].begin < first) {  // also an empty share, which passes on what it receives
            vd_range continued = {shares[i].begin, vd_min(first, shares[i].end)};
            run_part(run, worker, group, i, continued, handoffs);
        }
    }
}

static void run_products(const vd_plan_run_state *run, const vd_worker *worker,
                         const vd_product_group *group, vd_handoffs *handoffs) {
    if (group->partition.together) {
        run_together(run, worker, group, handoffs);
        return;
    }
    for (int32_t i = 0; i < group->partition.count; i++) {
        run_jobs(run, worker, group, i, vd_share(worker, group->partition.products[i].jobs));
    }
}

static void run_worker(void *argument, const vd_worker *worker) {
    const vd_plan_run_state *run = argument;
    vd_handoffs handoffs = {.of_workers = run->handoffs};
    const vd_slices *slices = vd_pool_slices(worker->pool);
    for (int32_t i = run->begin; i < run->end;) {
        vd_product_group group;
        if (vd_needs_barrier(run, i) && i > run->begin) {
            vd_barrier(worker);
        }
        if (vd_find_products(run, i, slices, &group)) {
            run_products(run, worker, &group, &handoffs);
            i = group.end;
        } else {
            int32_t epilogue_ops = vd_count_epilogue(run, i);
            run_op(run, worker, i, epilogue_ops, (vd_range){0}, NULL);
            i += epilogue_ops + 1;
        }
    }
    vd_stream_end();  // of taps, which no operation reads
}

// Returns the number of counters, one for each operation, after which those of another slice are on
// cache lines of their own.
static int64_t counters_of_slice(int32_t n_ops) {
    int64_t line = VD_CACHE_LINE / (int64_t)sizeof(atomic_uint);
    return (vd_ceil_div(n_ops, line) + 1) * line;
}

vd_status vd_plan_run(const vd_plan *plan, vd_pool *pool, const vd_batch *batch, int32_t begin,
                      int32_t end) {
    if (plan == NULL || pool == NULL || batch == NULL || begin < 0 || begin > end ||
        end > plan->n_ops) {
        return VD_INVALID_ARGUMENT;
    }
    vd_status status = vd_batch_check(&plan->limits, batch);
    if (status != VD_OK || begin == end) {
        return status;
    }
    int64_t next_stride = counters_of_slice(end - begin);
    size_t counters = (size_t)(vd_pool_slices(pool)->count * next_stride);
    atomic_uint *next = calloc(counters, sizeof(atomic_uint));
    vd_handoff *handoffs = calloc((size_t)vd_pool_workers(pool), sizeof(vd_handoff));
    vd_plan_run_state run = {.plan = plan,
                             .batch = batch,
                             .next = next,
                             .next_stride = next_stride,
                             .handoffs = handoffs,
                             .begin = begin,
                             .end = end};
    status = next == NULL || handoffs == NULL ? VD_NO_MEMORY : vd_pool_run(pool, run_worker, &run);
    free(handoffs);
    free(next);
    return status;
}
