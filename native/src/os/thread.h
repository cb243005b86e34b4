// Threads, a lock and a clock of the operating system.
#ifndef VD_OS_THREAD_H
#define VD_OS_THREAD_H

#include <stdint.h>

// windows.h defines common words as macros, so this header does not include it.
#if defined(_WIN32)
typedef void *vd_thread_handle;
typedef struct vd_lock {
    void *word;
} vd_lock;
#define VD_LOCK_FREE {0}
#else
#include <pthread.h>
typedef pthread_t vd_thread_handle;
typedef pthread_mutex_t vd_lock;
#define VD_LOCK_FREE PTHREAD_MUTEX_INITIALIZER
#endif

typedef void vd_thread_main(void *argument);

enum { VD_THREAD_NAME = 24 };  // Linux keeps 15 characters of a name

// 1 if threads can be bound to processors, else 0.
#if defined(__linux__)
enum { VD_THREADS_BIND = 1 };
#else
enum { VD_THREADS_BIND = 0 };
#endif

typedef struct vd_thread {
    vd_thread_main *function;
    void *argument;
    char name[VD_THREAD_NAME];  // ASCII, for debuggers and profilers; may be empty
    vd_thread_handle handle;
} vd_thread;

// Runs thread->function on a new thread. *thread must not move until it is joined. Returns 1 on
// success, else 0.
int vd_thread_start(vd_thread *thread);

// Waits until the thread's function has returned.
void vd_thread_join(vd_thread *thread);

// Lowers the priority of the calling thread below the default, unless that would bind it to slower
// cores. Repeated calls have no further effect.
void vd_thread_lower_priority(void);

// Binds the calling thread to `count` processors, by the numbers that vd_topology has. Returns 1 on
// success, 0 on failure and where VD_THREADS_BIND is 0.
int vd_thread_bind(const int32_t *processors, int32_t count);

// Locks are initialized with VD_LOCK_FREE, are not recursive, and need no destruction.
void vd_lock_acquire(vd_lock *lock);
void vd_lock_release(vd_lock *lock);

// Returns the seconds of a monotonic clock.
double vd_now(void);

#endif
