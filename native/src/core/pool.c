#include "core/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/barrier.h"
#include "core/topology.h"
#include "os/thread.h"
#include "os/truncation.h"

// To which processors vd_pool_pin binds a thread.
typedef enum binding {
    BIND_NONE,
    BIND_CORE,  // its own
    BIND_KIND   // those of the pool that are on its node and about as fast
} binding;

typedef struct thread_state {
    alignas(VD_CACHE_LINE) vd_worker worker;
    vd_thread thread;
    vd_meeting *meeting;  // the first one at a barrier; null if there is only one worker
    vd_processor site;    // the processor that the worker is meant for
    vd_spin at_start;
    vd_spin at_barrier;
} thread_state;

struct vd_pool {
    vd_signal start;  // advances when a task begins or the pool is freed
    alignas(VD_CACHE_LINE) vd_lock run_lock;
    vd_task *task;  // null: the pool is being freed
    void *argument;
    atomic_int truncated;  // a task has read after the end of a mapped file
    int32_t workers;
    int32_t started;
    int32_t runnable;  // workers that can run at once
    binding binding;
    vd_slices slices;
    char *scratch;
    thread_state threads[];  // followed by the meetings of the barrier
};

static size_t threads_bytes(int32_t workers) {
    return sizeof(vd_pool) + (size_t)workers * sizeof(thread_state);
}

static size_t pool_bytes(int32_t workers) {
    return threads_bytes(workers) + (size_t)workers * sizeof(vd_meeting);
}

// Returns the bytes of the workers' private memory.
static size_t scratch_bytes(int32_t workers) {
    return (size_t)workers * (VD_SCRATCH_BYTES + VD_PANEL_BYTES + VD_LIST_BYTES);
}

void vd_barrier(const vd_worker *worker) {
    thread_state *self = &worker->pool->threads[worker->index];
    if (self->meeting != NULL) {
        vd_barrier_arrive(self->meeting, &self->at_barrier);
    }
}

static void worker_main(void *argument) {
    thread_state *self = argument;
    vd_pool *pool = self->worker.pool;
    uint32_t seen = 0;
    for (;;) {
        vd_signal_await(&pool->start, seen, &self->at_start);
        seen++;
        if (pool->task == NULL) {
            return;
        }
        vd_truncation_report(&pool->truncated);
        pool->task(pool->argument, &self->worker);
        vd_barrier(&self->worker);
    }
}

vd_status vd_pool_run(vd_pool *pool, vd_task *task, void *argument) {
    vd_lock_acquire(&pool->run_lock);
    pool->task = task;
    pool->argument = argument;
    vd_signal_advance(&pool->start);
    vd_truncation_report(&pool->truncated);
    task(argument, &pool->threads[0].worker);
    vd_truncation_report(NULL);
    vd_barrier(&pool->threads[0].worker);
    vd_status status = atomic_load(&pool->truncated) ? VD_TRUNCATED : VD_OK;
    vd_lock_release(&pool->run_lock);
    return status;
}

static void lower_priority(void *argument, const vd_worker *worker) {
    (void)argument;
    (void)worker;
    vd_thread_lower_priority();
}

vd_status vd_pool_lower_priority(vd_pool *pool) {
    if (pool == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    return vd_pool_run(pool, lower_priority, NULL);
}

// Returns whether a core is faster than another one by more than the clock of one kind differs.
static int is_faster(const vd_processor *a, const vd_processor *b) {
    return 4 * a->speed > 5 * b->speed;
}

static int is_own_kind(const vd_pool *pool, const vd_processor *site, const vd_processor *other) {
    if (pool->binding == BIND_CORE) {
        return site->id == other->id;
    }
    return site->node == other->node && !is_faster(site, other) && !is_faster(other, site);
}

static void bind_thread(void *argument, const vd_worker *worker) {
    atomic_int *failed = argument;
    const vd_pool *pool = worker->pool;
    int32_t processors[VD_WORKERS_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < pool->workers; i++) {
        const vd_processor *other = &pool->threads[i].site;
        if (is_own_kind(pool, &pool->threads[worker->index].site, other)) {
            processors[count++] = other->id;
        }
    }
    if (worker->index > 0 && !vd_thread_bind(processors, count)) {
        atomic_store(failed, 1);
    }
}

vd_status vd_pool_pin(vd_pool *pool) {
    if (pool == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    if (pool->binding == BIND_NONE) {
        return VD_UNSUPPORTED;
    }
    atomic_int failed = 0;
    vd_status status = vd_pool_run(pool, bind_thread, &failed);
    return status == VD_OK && atomic_load(&failed) ? VD_UNSUPPORTED : status;
}

int32_t vd_pool_workers(const vd_pool *pool) { return pool->workers; }

const vd_slices *vd_pool_slices(const vd_pool *pool) { return &pool->slices; }

int32_t vd_pool_nodes(const vd_pool *pool) { return pool == NULL ? 0 : pool->slices.count; }

static vd_status start_threads(vd_pool *pool) {
    for (int32_t i = 1; i < pool->workers; i++) {
        thread_state *state = &pool->threads[i];
        state->thread = (vd_thread){.function = worker_main, .argument = state};
        snprintf(state->thread.name, VD_THREAD_NAME, "vidrio-work-%d", i);
        if (!vd_thread_start(&state->thread)) {
            return VD_NO_THREAD;
        }
        pool->started++;
    }
    return VD_OK;
}

// Finds the processors that the first `workers` workers are meant for, in topology order; all if
// there are fewer. Returns their number.
static int32_t find_sites(const vd_topology *t, int32_t workers,
                          const vd_processor *sites[VD_WORKERS_MAX]) {
    int32_t count = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        const vd_processor *p = &t->processor[i];
        if (p->worker >= 0 && p->worker < workers) {
            sites[count++] = p;
        }
    }
    return count;
}

// Spreads `workers` workers evenly over `count` sites.
static void spread(const vd_processor *const *from, int32_t count, int32_t workers,
                   const vd_processor **sites) {
    for (int32_t i = 0; i < workers; i++) {
        sites[i] = from[(int64_t)i * count / workers];
    }
}

// Returns the number of workers that can run at once.
static int32_t runnable_workers(const vd_topology *t) {
    int32_t processors = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        processors += t->processor[i].allowed;
    }
    int32_t granted = (int32_t)t->quota + (t->quota > (int32_t)t->quota);
    return granted > 0 && granted < processors ? granted : processors;
}

// Returns the number of tiles that faster workers can complete before the one at `site` completes
// one. It does not begin a tile if only these are left, so that no operation ends later than
// without this worker. Speeds are not exact, so a ratio of speeds up to 1/16 above an integer is
// that integer.
static int32_t find_reserve(const vd_processor *const *sites, int32_t workers,
                            const vd_processor *site) {
    int32_t tiles = 0;
    for (int32_t i = 0; i < workers; i++) {
        if (is_faster(sites[i], site)) {
            tiles += (16 * sites[i]->speed - site->speed - 1) / (16 * site->speed);
        }
    }
    return tiles;
}

static int is_mixed(const vd_processor *const *sites, int32_t workers) {
    for (int32_t i = 1; i < workers; i++) {
        if (is_faster(sites[0], sites[i]) || is_faster(sites[i], sites[0])) {
            return 1;
        }
    }
    return 0;
}

static void prepare_threads(vd_pool *pool, const vd_processor *const *sites) {
    vd_meeting **firsts[VD_WORKERS_MAX];
    int32_t mixed = is_mixed(sites, pool->workers);
    vd_spin spin = vd_spin_initial(pool->workers > pool->runnable);
    for (int32_t i = 0; i < pool->workers; i++) {
        char *private = pool->scratch + scratch_bytes(i);
        pool->threads[i] = (thread_state){
            .worker = {.index = i,
                       .count = pool->workers,
                       .mixed = mixed,
                       .reserve = find_reserve(sites, pool->workers, sites[i]),
                       .pool = pool,
                       .scratch = private,
                       .panels = private + VD_SCRATCH_BYTES,
                       .list = private + VD_SCRATCH_BYTES + VD_PANEL_BYTES},
            .site = *sites[i],
            .at_start = spin,
            .at_barrier = spin,
        };
        firsts[i] = &pool->threads[i].meeting;
    }
    void *meetings = (char *)pool + threads_bytes(pool->workers);
    vd_barrier_build(pool->workers, sites, firsts, meetings);
    vd_slices_by_site(&pool->slices, pool->workers, sites);
}

// Creates a pool with the workers, `runnable` and `binding` of `shape`, one worker for each site.
static vd_status create(const vd_pool *shape, const vd_processor *const *sites, vd_pool **result) {
    int32_t workers = shape->workers;
    vd_truncation_prepare();
    void *memory = NULL;
    void *scratch = NULL;
    vd_status status = vd_alloc(pool_bytes(workers), &memory);
    status = status == VD_OK ? vd_alloc(scratch_bytes(workers), &scratch) : status;
    if (status != VD_OK) {
        vd_free(memory, pool_bytes(workers));
        return status;
    }
    vd_pool *pool = memory;
    *pool = *shape;
    pool->scratch = scratch;
    prepare_threads(pool, sites);
    status = start_threads(pool);
    if (status != VD_OK) {
        vd_pool_free(pool);
        return status;
    }
    *result = pool;
    return VD_OK;
}

static int is_near(const vd_processor *a, const vd_processor *b) {
    return a->cache == b->cache && a->node == b->node;
}

// Assigns workers to cores in topology order, several to a core if there are too few.
vd_status vd_pool_create_on(const vd_topology *t, int32_t workers, vd_pool **result) {
    if (result == NULL || t == NULL || t->fast_cores < 1 || workers < 1 ||
        workers > VD_WORKERS_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    const vd_processor *cores[VD_WORKERS_MAX], *sites[VD_WORKERS_MAX];
    int32_t count = find_sites(t, workers, cores);
    spread(cores, count, workers, sites);
    int complete = workers == t->fast_cores || workers == t->allowed_cores;
    int pins = t->whole_nodes && complete && !is_near(sites[0], sites[workers - 1]);
    vd_pool shape = {.run_lock = VD_LOCK_FREE,
                     .workers = workers,
                     .runnable = runnable_workers(t),
                     .binding = pins                       ? BIND_CORE
                                : is_mixed(sites, workers) ? BIND_KIND
                                                           : BIND_NONE};
    return create(&shape, sites, result);
}

// Finds the processors of workers that are not meant for slow cores. Returns their number.
static int32_t find_fast(const vd_pool *pool, const vd_processor **sites) {
    int32_t count = 0;
    for (int32_t i = 0; i < pool->workers; i++) {
        const vd_processor *site = &pool->threads[i].site;
        if (!vd_is_slow(site)) {
            sites[count++] = site;
        }
    }
    return count;
}

vd_status vd_pool_create_part(const vd_pool *whole, int32_t workers, vd_pool **result) {
    if (result == NULL || whole == NULL || workers < 1 || workers > whole->workers) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    const vd_processor *cores[VD_WORKERS_MAX], *sites[VD_WORKERS_MAX];
    int32_t count = find_fast(whole, cores);
    if (count < workers) {
        count = whole->workers;
        for (int32_t i = 0; i < count; i++) {
            cores[i] = &whole->threads[i].site;
        }
    }
    spread(cores, count, workers, sites);
    vd_pool shape = {.run_lock = VD_LOCK_FREE,
                     .workers = workers,
                     .runnable = whole->runnable,
                     .binding = whole->binding};
    return create(&shape, sites, result);
}

vd_status vd_pool_create(int32_t workers, vd_pool **result) {
    if (result == NULL || workers < 1 || workers > VD_WORKERS_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    vd_topology *topology = malloc(sizeof *topology);
    if (topology == NULL) {
        return VD_NO_MEMORY;
    }
    vd_status status = vd_topology_read(topology);
    status = status == VD_OK ? vd_pool_create_on(topology, workers, result) : status;
    free(topology);
    return status;
}

void vd_pool_free(vd_pool *pool) {
    if (pool == NULL) {
        return;
    }
    vd_lock_acquire(&pool->run_lock);
    pool->task = NULL;
    vd_signal_advance(&pool->start);
    for (int32_t i = 1; i <= pool->started; i++) {
        vd_thread_join(&pool->threads[i].thread);
    }
    vd_lock_release(&pool->run_lock);
    vd_free(pool->scratch, scratch_bytes(pool->workers));
    vd_free(pool, pool_bytes(pool->workers));
}
