// Each meeting is a sense-reversing barrier (Mellor-Crummey & Scott 1991): a counter of arrivals,
// and a phase that the last arrival advances, after it has itself passed the parent.
#include "core/barrier.h"

#include <stddef.h>

enum { FAN_IN = 16 };  // arrivals at a counter, one after the other

// A thread or a meeting that has no parent yet.
typedef struct vd_orphan {
    vd_meeting **parent;
    const vd_processor *site;
} vd_orphan;

typedef int near(const vd_processor *a, const vd_processor *b);

static int share_cache(const vd_processor *a, const vd_processor *b) {
    return a->node == b->node && a->cache == b->cache;
}

static int share_node(const vd_processor *a, const vd_processor *b) { return a->node == b->node; }

static int share_machine(const vd_processor *a, const vd_processor *b) {
    (void)a;
    (void)b;
    return 1;
}

// Lets `count` orphans meet. Returns the meeting as an orphan; a single one remains as it is.
static vd_orphan meet(const vd_orphan *orphans, int32_t count, vd_meeting **memory) {
    if (count == 1) {
        return orphans[0];
    }
    vd_meeting *meeting = (*memory)++;
    meeting->expected = (uint32_t)count;
    for (int32_t i = 0; i < count; i++) {
        *orphans[i].parent = meeting;
    }
    return (vd_orphan){&meeting->parent, orphans[0].site};
}

// Replaces orphans by few meetings of about equal size. Returns their number.
static int32_t meet_all(vd_orphan *orphans, int32_t count, vd_meeting **memory) {
    int32_t meetings = (count + FAN_IN - 1) / FAN_IN;
    for (int32_t i = 0; i < meetings; i++) {
        int32_t begin = count * i / meetings;
        int32_t end = count * (i + 1) / meetings;
        orphans[i] = meet(orphans + begin, end - begin, memory);
    }
    return meetings;
}

// Lets each run of near orphans meet, until one is left of each run. Returns their number.
static int32_t meet_near(vd_orphan *orphans, int32_t count, near *is_near, vd_meeting **memory) {
    int32_t left = 0;
    for (int32_t begin = 0, end; begin < count; begin = end) {
        end = begin + 1;
        while (end < count && is_near(orphans[begin].site, orphans[end].site)) {
            end++;
        }
        for (int32_t run = end - begin; run > 1;) {
            run = meet_all(orphans + begin, run, memory);
        }
        orphans[left++] = orphans[begin];
    }
    return left;
}

void vd_barrier_build(int32_t threads, const vd_processor *const *sites, vd_meeting **const *firsts,
                      vd_meeting *memory) {
    static near *const levels[] = {share_cache, share_node, share_machine};
    vd_orphan orphans[VD_WORKERS_MAX];
    int32_t count = threads;
    for (int32_t i = 0; i < threads; i++) {
        orphans[i] = (vd_orphan){firsts[i], sites[i]};
    }
    for (int i = 0; i < 3; i++) {
        count = meet_near(orphans, count, levels[i], &memory);
    }
}

void vd_barrier_arrive(vd_meeting *meeting, vd_spin *spin) {
    uint32_t phase = atomic_load_explicit(&meeting->phase.value, memory_order_acquire);
    uint32_t arrived = atomic_fetch_add_explicit(&meeting->arrived, 1, memory_order_acq_rel);
    if (arrived < meeting->expected - 1) {
        vd_signal_await(&meeting->phase, phase, spin);
        return;
    }
    if (meeting->parent != NULL) {
        vd_barrier_arrive(meeting->parent, spin);
    }
    atomic_store_explicit(&meeting->arrived, 0, memory_order_relaxed);
    vd_signal_advance(&meeting->phase);
}
