// Waiting for a 32-bit word to change, the primitive of pool and barrier.
#ifndef VD_OS_WAIT_H
#define VD_OS_WAIT_H

#include <stdatomic.h>
#include <stdint.h>

// Sleeps while *word == value; may also return early.
void vd_wait(atomic_uint *word, uint32_t value);

// Wakes every thread that sleeps on word.
void vd_wake_all(atomic_uint *word);

// Hints to the processor that this is a spin loop.
static inline void vd_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
