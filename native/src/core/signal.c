// The spin length adapts: a spin that ends in sleep halves the next one, a successful one doubles
// it. With a core for each worker, no thread sleeps within a step; with fewer cores, spinning
// delays the thread that is awaited, and stops. Every 64th wait spins for the full length, to
// recover after a disturbance.
#include "core/signal.h"

#include "os/wait.h"

enum { LENGTH_MIN = 64, LENGTH_MAX = 8192, PROBE = 64 };

static uint32_t min(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t max(uint32_t a, uint32_t b) { return a > b ? a : b; }

vd_spin vd_spin_initial(int crowded) {
    uint32_t length = crowded ? 0 : LENGTH_MAX;
    return (vd_spin){.length = length, .max = length};
}

static int spin_for(vd_signal *signal, uint32_t seen, uint32_t rounds) {
    for (uint32_t i = 0; i < rounds; i++) {
        if (atomic_load_explicit(&signal->value, memory_order_acquire) != seen) {
            return 1;
        }
        vd_relax();
    }
    return 0;
}

void vd_signal_await(vd_signal *signal, uint32_t seen, vd_spin *spin) {
    uint32_t rounds = ++spin->waits % PROBE == 0 ? spin->max : spin->length;
    if (spin_for(signal, seen, rounds)) {
        spin->length = min(rounds * 2, spin->max);
        return;
    }
    spin->length = min(max(spin->length / 2, LENGTH_MIN), spin->max);
    atomic_fetch_add(&signal->sleepers, 1);
    while (atomic_load(&signal->value) == seen) {
        vd_wait(&signal->value, seen);
    }
    atomic_fetch_sub(&signal->sleepers, 1);
}

void vd_signal_advance(vd_signal *signal) {
    atomic_fetch_add(&signal->value, 1);
    if (atomic_load(&signal->sleepers) > 0) {
        vd_wake_all(&signal->value);
    }
}
