// Words that threads watch for a change: by spinning for a while, then asleep on a futex.
#ifndef VD_CORE_SIGNAL_H
#define VD_CORE_SIGNAL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

enum { VD_CACHE_LINE = 64 };

// A counter. Value and sleepers are on separate cache lines.
typedef struct vd_signal {
    alignas(VD_CACHE_LINE) atomic_uint value;
    alignas(VD_CACHE_LINE) atomic_uint sleepers;
} vd_signal;

// The adaptive spin length of one kind of wait in one thread.
typedef struct vd_spin {
    uint32_t length;  // rounds of the next wait
    uint32_t max;     // 0: never spins
    uint32_t waits;
} vd_spin;

// Returns the state of a thread that has not waited yet. A crowded thread, which has to share its
// processor, does not spin.
vd_spin vd_spin_initial(int crowded);

// Returns when the value is no longer `seen`.
void vd_signal_await(vd_signal *signal, uint32_t seen, vd_spin *spin);

// Changes the value and wakes all threads that await it.
void vd_signal_advance(vd_signal *signal);

#endif
