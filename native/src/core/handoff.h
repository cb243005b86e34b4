// Passes work from each worker to the next one within a run of a plan.
#ifndef VD_CORE_HANDOFF_H
#define VD_CORE_HANDOFF_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/pool.h"
#include "os/wait.h"

enum { VD_HANDOFF_SPIN = 2048 };

// The number of parts that a worker has passed, on a cache line of its own.
typedef struct vd_handoff {
    atomic_uint passed;
    atomic_uint sleepers;
    char rest[VD_CACHE_LINE - 2 * sizeof(atomic_uint)];
} vd_handoff;

// The worker's view of the run's handoffs.
typedef struct vd_handoffs {
    vd_handoff *of_workers;  // [workers]
    uint32_t received;       // parts from the worker before this one
} vd_handoffs;

// Passes a part to the worker after this one.
static inline void vd_hand_over(const vd_handoffs *handoffs, const vd_worker *worker) {
    vd_handoff *own = &handoffs->of_workers[worker->index];
    atomic_fetch_add(&own->passed, 1);
    if (atomic_load(&own->sleepers) > 0) {
        vd_wake_all(&own->passed);
    }
}

// Waits for the next part of the worker before this one. It computes parts to pass first, so that
// this rarely waits.
static inline void vd_receive(vd_handoffs *handoffs, const vd_worker *worker) {
    vd_handoff *other = &handoffs->of_workers[worker->index - 1];
    uint32_t part = ++handoffs->received;
    for (int i = 0; i < VD_HANDOFF_SPIN; i++) {
        if (atomic_load_explicit(&other->passed, memory_order_acquire) >= part) {
            return;
        }
        vd_relax();
    }
    atomic_fetch_add(&other->sleepers, 1);
    for (uint32_t passed; (passed = atomic_load(&other->passed)) < part;) {
        vd_wait(&other->passed, passed);
    }
    atomic_fetch_sub(&other->sleepers, 1);
}

#endif
