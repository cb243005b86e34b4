// The worker pool: every worker runs every task once, barriers order accesses before and after
// them, and tasks of concurrent callers run one after the other. The data that workers exchange is
// not atomic, so that the thread sanitizer reports missing synchronization.
#include "core/pool.h"

#include <stdatomic.h>

#include "os/thread.h"
#include "support/check.h"
#include "support/machines.h"
#include "support/rng.h"

enum { WORKERS_MAX = 12, MANY_WORKERS_MAX = 192 };

// Creates a pool for this machine, or for another one.
static vd_pool *create_pool(const vd_topology *machine, int32_t workers) {
    vd_pool *pool;
    vd_status status = machine == NULL ? vd_pool_create(workers, &pool)
                                       : vd_pool_create_on(machine, workers, &pool);
    CHECK(status == VD_OK && vd_pool_workers(pool) == workers);
    return pool;
}

// ---- tasks ------------------------------------------------------------------------------------

typedef struct counts {
    int32_t workers;
    int32_t runs[MANY_WORKERS_MAX];  // of each worker
} counts;

static void count_run(void *argument, const vd_worker *worker) {
    counts *c = argument;
    CHECK(worker->count == c->workers);
    CHECK(worker->index >= 0 && worker->index < worker->count);
    c->runs[worker->index]++;
    char *scratch = worker->scratch;
    CHECK((uintptr_t)scratch % VD_CACHE_LINE == 0);
    scratch[0] = scratch[VD_SCRATCH_BYTES - 1] = (char)worker->index;
    char *panels = worker->panels;
    CHECK((uintptr_t)panels % VD_CACHE_LINE == 0);
    panels[0] = panels[VD_PANEL_BYTES - 1] = (char)worker->index;
}

static void runs_tasks_once_per_worker(const vd_topology *machine, int32_t workers, int32_t tasks) {
    describe("%d tasks on %d workers", tasks, workers);
    vd_pool *pool = create_pool(machine, workers);
    counts c = {.workers = workers};
    for (int32_t i = 1; i <= tasks; i++) {
        vd_pool_run(pool, count_run, &c);
        for (int32_t w = 0; w < workers; w++) {
            CHECK(c.runs[w] == i);
        }
    }
    vd_pool_free(pool);
}

// ---- barriers ---------------------------------------------------------------------------------

typedef struct phases {
    int32_t count;
    int32_t reached[MANY_WORKERS_MAX];  // the phase that each worker has written
} phases;

// Works for a random time, so that any worker may be the last.
static void work_randomly(rng *r) {
    volatile uint64_t sink = 0;
    int64_t rounds = rng_below(r, 16) == 0 ? 5000 : rng_below(r, 50);
    for (int64_t i = 0; i < rounds; i++) {
        sink = sink + (uint64_t)i;
    }
}

static void pass_barriers(void *argument, const vd_worker *worker) {
    phases *p = argument;
    rng r = {(uint64_t)worker->index};
    for (int32_t phase = 1; phase <= p->count; phase++) {
        p->reached[worker->index] = phase;
        work_randomly(&r);
        vd_barrier(worker);
        for (int32_t w = 0; w < worker->count; w++) {
            CHECK(p->reached[w] == phase);
        }
        work_randomly(&r);
        vd_barrier(worker);
    }
}

static void barriers_order_accesses(const vd_topology *machine, int32_t workers, int32_t count) {
    describe("%d barriers of %d workers", 2 * count, workers);
    vd_pool *pool = create_pool(machine, workers);
    for (int round = 0; round < 2; round++) {
        phases p = {.count = count};
        vd_pool_run(pool, pass_barriers, &p);
    }
    vd_pool_free(pool);
}

// ---- several callers --------------------------------------------------------------------------

typedef struct caller {
    vd_pool *pool;
    int32_t *total;  // of all callers; accessed only by tasks
    int32_t tasks;
} caller;

static void add_to_total(void *argument, const vd_worker *worker) {
    int32_t *total = argument;
    for (int32_t w = 0; w < worker->count; w++) {
        if (w == worker->index) {
            ++*total;
        }
        vd_barrier(worker);
    }
}

static void call(void *argument) {
    caller *c = argument;
    for (int32_t i = 0; i < c->tasks; i++) {
        vd_pool_run(c->pool, add_to_total, c->total);
    }
}

static void serves_concurrent_callers(const vd_topology *machine, int32_t workers, int32_t tasks) {
    enum { CALLERS = 3 };
    describe("%d callers of %d workers", CALLERS, workers);
    vd_pool *pool = create_pool(machine, workers);
    int32_t total = 0;
    caller c = {pool, &total, tasks};
    vd_thread threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        threads[i] = (vd_thread){.function = call, .argument = &c};
        CHECK(vd_thread_start(&threads[i]));
    }
    for (int i = 0; i < CALLERS; i++) {
        vd_thread_join(&threads[i]);
    }
    CHECK(total == CALLERS * tasks * workers);
    vd_pool_free(pool);
}

// ---- large machines ---------------------------------------------------------------------------

// Far more workers than this machine has processors, and more than the described one has.
static void serves_large_machines(void) {
    static const int32_t shapes[][3] = {{1, 1, 192}, {4, 4, 12}, {8, 1, 24}, {2, 96, 1}, {3, 2, 8}};
    static vd_topology machine;
    size_t step = instrumented() ? 4 : short_sweeps() ? 2 : 1;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i += step) {
        machine_create(&machine, shapes[i][0], shapes[i][1], shapes[i][2], 0);
        for (int32_t workers = 64; workers <= MANY_WORKERS_MAX; workers += 64) {
            runs_tasks_once_per_worker(&machine, workers, 3);
            barriers_order_accesses(&machine, workers, 3);
            serves_concurrent_callers(&machine, workers, 1);
        }
    }
}

// ---- nodes ------------------------------------------------------------------------------------

static void expect_slices(const vd_pool *pool, int32_t count, const int32_t *begins,
                          const int32_t *nodes) {
    const vd_slices *slices = vd_pool_slices(pool);
    CHECK(slices->workers == vd_pool_workers(pool) && slices->count == count);
    CHECK(vd_pool_nodes(pool) == count);
    for (int32_t i = 0; i < count; i++) {
        CHECK(slices->begins[i] == begins[i] && slices->nodes[i] == nodes[i]);
    }
    CHECK(slices->begins[count] == slices->workers);
}

static void divides_workers_by_node(void) {
    describe("slices of 12 workers");
    static vd_topology machine;
    machine_create(&machine, 3, 2, 2, 0);
    vd_pool *whole, *part;
    CHECK(vd_pool_create_on(&machine, 12, &whole) == VD_OK);
    expect_slices(whole, 3, (int32_t[]){0, 4, 8}, (int32_t[]){0, 1, 2});
    describe("parts of a pool are spread over its nodes");
    CHECK(vd_pool_create_part(whole, 6, &part) == VD_OK);
    expect_slices(part, 3, (int32_t[]){0, 2, 4}, (int32_t[]){0, 1, 2});
    counts c = {.workers = 6};
    vd_pool_run(part, count_run, &c);
    vd_pool_free(part);
    CHECK(vd_pool_create_part(whole, 2, &part) == VD_OK);
    expect_slices(part, 2, (int32_t[]){0, 1}, (int32_t[]){0, 1});
    vd_pool_free(part);
    CHECK(vd_pool_create_part(whole, 0, &part) == VD_INVALID_ARGUMENT);
    CHECK(vd_pool_create_part(whole, 13, &part) == VD_INVALID_ARGUMENT);
    CHECK(vd_pool_create_part(NULL, 1, &part) == VD_INVALID_ARGUMENT);
    vd_pool_free(whole);
    CHECK(vd_pool_nodes(NULL) == 0);
    describe("fewer workers than cores");
    CHECK(vd_pool_create_on(&machine, 5, &whole) == VD_OK);
    expect_slices(whole, 2, (int32_t[]){0, 4}, (int32_t[]){0, 1});
    vd_pool_free(whole);
    describe("more nodes than slices");
    machine_create(&machine, VD_SLICES_MAX + 1, 1, 1, 0);
    CHECK(vd_pool_create_on(&machine, VD_SLICES_MAX + 1, &whole) == VD_OK);
    expect_slices(whole, 1, (int32_t[]){0}, (int32_t[]){0});
    vd_pool_free(whole);
}

// ---- life -------------------------------------------------------------------------------------

static void creates_and_frees_pools(void) {
    describe("creating and freeing pools");
    vd_pool *pool;
    CHECK(vd_pool_create(1, NULL) == VD_INVALID_ARGUMENT);
    static const int32_t bad[] = {0, -1, INT32_MIN, 1025, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(vd_pool_create(bad[i], &pool) == VD_INVALID_ARGUMENT);
    }
    for (int32_t i = 0; i < (short_sweeps() ? 50 : 300); i++) {
        CHECK(vd_pool_create(1 + i % 6, &pool) == VD_OK);
        vd_pool_free(pool);
    }
    if (!instrumented()) {
        CHECK(vd_pool_create(1024, &pool) == VD_OK);
        vd_pool_free(pool);
    }
    vd_pool_free(NULL);
}

static void shares_cover_the_range(void) {
    describe("shares");
    for (int32_t count = 1; count <= 7; count++) {
        for (int64_t total = 0; total < 30; total++) {
            int64_t next = 0;
            for (int32_t index = 0; index < count; index++) {
                vd_worker worker = {.index = index, .count = count};
                vd_range share = vd_share(&worker, total);
                CHECK(share.begin == next && share.end >= share.begin);
                CHECK(share.end - share.begin <= total / count + 1);
                next = share.end;
            }
            CHECK(next == total);
        }
    }
}

int main(void) {
    describe_faults();
    int32_t many = short_sweeps() ? 300 : 3000;
    shares_cover_the_range();
    creates_and_frees_pools();
    for (int32_t workers = 1; workers <= WORKERS_MAX; workers += workers < 4 ? 1 : 4) {
        runs_tasks_once_per_worker(NULL, workers, many / workers);
        barriers_order_accesses(NULL, workers, many / workers);
        serves_concurrent_callers(NULL, workers, many / workers / 8);
    }
    serves_large_machines();
    divides_workers_by_node();
    return 0;
}
