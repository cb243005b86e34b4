// A barrier of threads that meet in a tree: those that share a last-level cache, then those of a
// NUMA node, then all. Cache lines of counters travel between neighbors, and groups wake in
// parallel.
#ifndef VD_CORE_BARRIER_H
#define VD_CORE_BARRIER_H

#include "core/signal.h"
#include "vidrio.h"

enum { VD_WORKERS_MAX = 1024 };

// A group of threads, or of groups, that meet.
typedef struct vd_meeting {
    alignas(VD_CACHE_LINE) atomic_uint arrived;
    uint32_t expected;
    struct vd_meeting *parent;  // null: the root
    vd_signal phase;            // advances when all threads of the barrier have arrived
} vd_meeting;

// Builds the tree of up to VD_WORKERS_MAX threads in zeroed memory for threads - 1 meetings. Thread
// i runs on or near *sites[i]; neighbors of a cache or node have adjacent numbers. Sets *firsts[i]
// to the meeting of thread i, which remains null for a single thread.
void vd_barrier_build(int32_t threads, const vd_processor *const *sites, vd_meeting **const *firsts,
                      vd_meeting *memory);

// Returns when all threads have arrived at their first meetings.
void vd_barrier_arrive(vd_meeting *meeting, vd_spin *spin);

#endif
