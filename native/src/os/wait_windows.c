#include <windows.h>

#include "os/wait.h"

void vd_wait(atomic_uint *word, uint32_t value) {
    WaitOnAddress(word, &value, sizeof value, INFINITE);
}

void vd_wake_all(atomic_uint *word) { WakeByAddressAll(word); }
