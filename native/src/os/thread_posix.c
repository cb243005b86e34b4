#include "os/thread.h"

#include <stddef.h>
#include <time.h>

#include "vidrio.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#endif

// Names the calling thread. On Linux it inherits the name of its creator.
static void set_name(const char *name) {
    if (name[0] == '\0') {
        return;
    }
#if defined(__linux__)
    (void)prctl(PR_SET_NAME, name);
#elif defined(__APPLE__)
    (void)pthread_setname_np(name);
#endif
}

static void *thread_main(void *argument) {
    vd_thread *thread = argument;
    set_name(thread->name);
    thread->function(thread->argument);
    return NULL;
}

int vd_thread_start(vd_thread *thread) {
    return pthread_create(&thread->handle, NULL, thread_main, thread) == 0;
}

void vd_thread_join(vd_thread *thread) { pthread_join(thread->handle, NULL); }

// POSIX has one niceness per process, Linux one per thread.
void vd_thread_lower_priority(void) {
#if defined(__linux__)
    enum { NICE = 5 };  // a third of the default weight
    if (getpriority(PRIO_PROCESS, 0) < NICE) {
        (void)setpriority(PRIO_PROCESS, 0, NICE);
    }
#endif
}

int vd_thread_bind(const int32_t *processors, int32_t count) {
#if defined(__linux__)
    enum { WORD_BITS = 8 * sizeof(unsigned long) };
    unsigned long set[VD_PROCESSORS_MAX / WORD_BITS] = {0};
    for (int32_t i = 0; i < count; i++) {
        set[processors[i] / WORD_BITS] |= 1UL << (processors[i] % WORD_BITS);
    }
    return sched_setaffinity(0, sizeof set, (const cpu_set_t *)set) == 0;
#else
    (void)processors;
    (void)count;
    return 0;
#endif
}

void vd_lock_acquire(vd_lock *lock) { pthread_mutex_lock(lock); }

void vd_lock_release(vd_lock *lock) { pthread_mutex_unlock(lock); }

double vd_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
