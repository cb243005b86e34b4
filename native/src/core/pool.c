#include "core/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/barrier.h"
#include "os/thread.h"
#include "os/truncation.h"

typedef struct thread_state {
    alignas(VD_CACHE_LINE) vd_worker worker;
    vd_thread thread;
    vd_meeting *meeting;  // the first one at a barrier; null if there is only one worker
    vd_processor site;    // to which vd_pool_pin binds the thread
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
    int32_t pinnable;  // the workers are all that the topology assigns, or spread over those
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
    return (size_t)workers * (VD_SCRATCH_BYTES + VD_PANEL_BYTES);
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

static void bind_thread(void *argument, const vd_worker *worker) {
    atomic_int *failed = argument;
    int32_t processor = worker->pool->threads[worker->index].site.id;
    if (worker->index > 0 && !vd_thread_bind(processor)) {
        atomic_store(failed, 1);
    }
}

vd_status vd_pool_pin(vd_pool *pool) {
    if (pool == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    if (!pool->pinnable) {
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

// Returns the processor of the fast core with this number.
static const vd_processor *find_site(const vd_topology *t, int32_t core) {
    const vd_processor *site = &t->processor[0];
    while (site->worker != core) {
        site++;
    }
    return site;
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

static void prepare_threads(vd_pool *pool, const vd_processor *const *sites) {
    vd_meeting **firsts[VD_WORKERS_MAX];
    vd_spin spin = vd_spin_initial(pool->workers > pool->runnable);
    for (int32_t i = 0; i < pool->workers; i++) {
        char *private = pool->scratch + scratch_bytes(i);
        pool->threads[i] = (thread_state){
            .worker = {.index = i,
                       .count = pool->workers,
                       .pool = pool,
                       .scratch = private,
                       .panels = private + VD_SCRATCH_BYTES},
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

// Creates a pool with the workers, `runnable` and `pinnable` of `shape`, one worker for each site.
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

// Assigns workers to cores in topology order, several to a core if there are too few.
vd_status vd_pool_create_on(const vd_topology *t, int32_t workers, vd_pool **result) {
    if (result == NULL || t == NULL || t->fast_cores < 1 || workers < 1 ||
        workers > VD_WORKERS_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    const vd_processor *sites[VD_WORKERS_MAX];
    for (int32_t i = 0; i < workers; i++) {
        int64_t core = workers <= t->fast_cores ? i : (int64_t)i * t->fast_cores / workers;
        sites[i] = find_site(t, (int32_t)core);
    }
    const vd_processor *last = sites[workers - 1];
    int near = sites[0]->cache == last->cache && sites[0]->node == last->node;
    vd_pool shape = {.run_lock = VD_LOCK_FREE,
                     .workers = workers,
                     .runnable = runnable_workers(t),
                     .pinnable = t->whole_nodes && workers == t->fast_cores && !near};
    return create(&shape, sites, result);
}

vd_status vd_pool_create_part(const vd_pool *whole, int32_t workers, vd_pool **result) {
    if (result == NULL || whole == NULL || workers < 1 || workers > whole->workers) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
    const vd_processor *sites[VD_WORKERS_MAX];
    for (int32_t i = 0; i < workers; i++) {
        sites[i] = &whole->threads[(int64_t)i * whole->workers / workers].site;
    }
    vd_pool shape = {.run_lock = VD_LOCK_FREE,
                     .workers = workers,
                     .runnable = whole->runnable,
                     .pinnable = whole->pinnable};
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
