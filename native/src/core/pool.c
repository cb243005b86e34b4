// Workers wait by spinning for a while and then sleep on a futex. The spin length adapts: a spin
// that ends in sleep halves the next one, a successful one doubles it. With a core for each worker,
// no thread sleeps within a step; with fewer cores, spinning delays the thread that is awaited, and
// stops. Every 64th wait spins for the full length, to recover after a disturbance.
//
// The barrier is sense-reversing (Mellor-Crummey & Scott 1991): a counter of arrivals, and a phase
// that the last arrival advances.
#include "core/pool.h"

#include <stdalign.h>
#include <stdio.h>

#include "os/thread.h"
#include "os/truncation.h"
#include "os/wait.h"

enum { SPIN_MIN = 64, SPIN_MAX = 8192, SPIN_PROBE = 64, WORKERS_MAX = 1024 };

// The adaptive spin length of one kind of wait in one thread.
typedef struct spin_state {
    uint32_t spin;
    uint32_t waits;
} spin_state;

// A word that waiters watch. Value and sleepers are on separate cache lines.
typedef struct signal_word {
    alignas(VD_CACHE_LINE) atomic_uint value;
    alignas(VD_CACHE_LINE) atomic_uint sleepers;
} signal_word;

typedef struct thread_state {
    alignas(VD_CACHE_LINE) vd_worker worker;
    vd_thread thread;
    spin_state at_start;
    spin_state at_barrier;
} thread_state;

struct vd_pool {
    signal_word start;  // advances when a task begins or the pool is freed
    signal_word phase;  // advances when all workers have reached a barrier
    alignas(VD_CACHE_LINE) atomic_uint arrived;
    alignas(VD_CACHE_LINE) vd_lock run_lock;
    vd_task *task;  // null: the pool is being freed
    void *argument;
    atomic_int truncated;  // a task has read after the end of a mapped file
    int32_t workers;
    int32_t started;
    char *scratch;
    thread_state threads[];
};

static size_t pool_bytes(int32_t workers) {
    return sizeof(vd_pool) + (size_t)workers * sizeof(thread_state);
}

// Returns the bytes of the workers' private memory.
static size_t scratch_bytes(int32_t workers) {
    return (size_t)workers * (VD_SCRATCH_BYTES + VD_PANEL_BYTES);
}

static void await_change(signal_word *word, uint32_t seen, spin_state *learned) {
    uint32_t spin = ++learned->waits % SPIN_PROBE == 0 ? SPIN_MAX : learned->spin;
    for (uint32_t i = 0; i < spin; i++) {
        if (atomic_load_explicit(&word->value, memory_order_acquire) != seen) {
            learned->spin = spin * 2 > SPIN_MAX ? SPIN_MAX : spin * 2;
            return;
        }
        vd_relax();
    }
    learned->spin = learned->spin / 2 < SPIN_MIN ? SPIN_MIN : learned->spin / 2;
    atomic_fetch_add(&word->sleepers, 1);
    while (atomic_load(&word->value) == seen) {
        vd_wait(&word->value, seen);
    }
    atomic_fetch_sub(&word->sleepers, 1);
}

static void advance(signal_word *word) {
    atomic_fetch_add(&word->value, 1);
    if (atomic_load(&word->sleepers) > 0) {
        vd_wake_all(&word->value);
    }
}

void vd_barrier(const vd_worker *worker) {
    vd_pool *pool = worker->pool;
    if (worker->count == 1) {
        return;
    }
    uint32_t phase = atomic_load_explicit(&pool->phase.value, memory_order_acquire);
    uint32_t count = (uint32_t)worker->count;
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) == count - 1) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        advance(&pool->phase);
    } else {
        await_change(&pool->phase, phase, &pool->threads[worker->index].at_barrier);
    }
}

static void worker_main(void *argument) {
    thread_state *self = argument;
    vd_pool *pool = self->worker.pool;
    uint32_t seen = 0;
    for (;;) {
        await_change(&pool->start, seen, &self->at_start);
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
    advance(&pool->start);
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

int32_t vd_pool_workers(const vd_pool *pool) { return pool->workers; }

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

vd_status vd_pool_create(int32_t workers, vd_pool **result) {
    if (result == NULL || workers < 1 || workers > WORKERS_MAX) {
        return VD_INVALID_ARGUMENT;
    }
    *result = NULL;
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
    *pool = (vd_pool){.run_lock = VD_LOCK_FREE, .workers = workers, .scratch = scratch};
    for (int32_t i = 0; i < workers; i++) {
        char *private = pool->scratch + scratch_bytes(i);
        pool->threads[i] = (thread_state){
            .worker = {.index = i,
                       .count = workers,
                       .pool = pool,
                       .scratch = private,
                       .panels = private + VD_SCRATCH_BYTES},
            .at_start = {.spin = SPIN_MAX},
            .at_barrier = {.spin = SPIN_MAX},
        };
    }
    status = start_threads(pool);
    if (status != VD_OK) {
        vd_pool_free(pool);
        return status;
    }
    *result = pool;
    return VD_OK;
}

void vd_pool_free(vd_pool *pool) {
    if (pool == NULL) {
        return;
    }
    vd_lock_acquire(&pool->run_lock);
    pool->task = NULL;
    advance(&pool->start);
    for (int32_t i = 1; i <= pool->started; i++) {
        vd_thread_join(&pool->threads[i].thread);
    }
    vd_lock_release(&pool->run_lock);
    vd_free(pool->scratch, scratch_bytes(pool->workers));
    vd_free(pool, pool_bytes(pool->workers));
}
