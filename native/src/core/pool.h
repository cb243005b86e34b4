// The worker pool: the calling thread and the pool's own threads run one function together.
#ifndef VD_CORE_POOL_H
#define VD_CORE_POOL_H

#include <stdint.h>

#include "core/barrier.h"
#include "core/slices.h"
#include "vidrio.h"

enum {
    VD_SCRATCH_BYTES = 512 << 10,  // private memory of each worker
    VD_PANEL_BYTES = 896 << 10,    // more of it, for kernels that convert their operands
    VD_LIST_BYTES = 84 << 10       // more of it, for lists of an operation's work
};

typedef struct vd_worker {
    int32_t index;  // 0: the calling thread
    int32_t count;
    int32_t mixed;    // 1: workers of the pool are meant for cores of different speeds
    int32_t reserve;  // tiles at the end of an operation that this worker leaves to faster ones
    vd_pool *pool;
    void *scratch;  // VD_SCRATCH_BYTES, 64-byte aligned
    void *panels;   // VD_PANEL_BYTES, 64-byte aligned
    void *list;     // VD_LIST_BYTES, 64-byte aligned
} vd_worker;

typedef struct vd_range {
    int64_t begin;
    int64_t end;
} vd_range;

static inline int64_t vd_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t vd_min(int64_t a, int64_t limit) { return a < limit ? a : limit; }

typedef void vd_task(void *argument, const vd_worker *worker);

// Creates a pool for a machine with this topology: vd_pool_create for any machine.
vd_status vd_pool_create_on(const vd_topology *topology, int32_t workers, vd_pool **pool);

// Runs the task once on every worker and returns when all have finished. Concurrent calls are
// serialized. Returns VD_TRUNCATED if this or an earlier task has read after the end of a file.
vd_status vd_pool_run(vd_pool *pool, vd_task *task, void *argument);

int32_t vd_pool_workers(const vd_pool *pool);

// Returns the division of the workers by the nodes of the processors that they are meant for.
const vd_slices *vd_pool_slices(const vd_pool *pool);

// Waits until every worker of the running task has arrived.
void vd_barrier(const vd_worker *worker);

// Returns the worker's contiguous share of [0, total).
static inline vd_range vd_share(const vd_worker *worker, int64_t total) {
    return (vd_range){total * worker->index / worker->count,
                      total * (worker->index + 1) / worker->count};
}

// Returns the worker's share of d columns: whole vectors, except for the last one.
static inline vd_range vd_share_vectors(const vd_worker *worker, int64_t d) {
    vd_range vectors = vd_share(worker, vd_ceil_div(d, 16));
    return (vd_range){16 * vectors.begin, vd_min(16 * vectors.end, d)};
}

#endif
