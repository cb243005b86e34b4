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

// Requests stacks of 1 MB if the default is smaller, as musl's 128 KB and macOS's 512 KB are.
static void reserve_stack(pthread_attr_t *attributes) {
    enum { STACK = 1 << 20 };
    size_t bytes;
    if (pthread_attr_getstacksize(attributes, &bytes) == 0 && bytes < STACK) {
        (void)pthread_attr_setstacksize(attributes, STACK);
    }
}

int vd_thread_start(vd_thread *thread) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    reserve_stack(&attributes);
    int error = pthread_create(&thread->handle, &attributes, thread_main, thread);
    (void)pthread_attr_destroy(&attributes);
    return error == 0;
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
