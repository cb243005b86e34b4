// Threads, a lock and a clock, as the operating system has them.
#ifndef VD_OS_THREAD_H
#define VD_OS_THREAD_H

// Its header windows.h defines common words as macros, so that it stays out of headers.
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

typedef struct vd_thread {
    vd_thread_main *function;
    void *argument;
    char name[VD_THREAD_NAME];  // ASCII, for whoever watches the process; may be empty
    vd_thread_handle handle;
} vd_thread;

// Runs thread->function on a thread of its own; *thread stays in place until joined. 1 when it
// started, else 0.
int vd_thread_start(vd_thread *thread);

// Waits until the thread's function has returned.
void vd_thread_join(vd_thread *thread);

// Gives the calling thread a lower priority than threads have in the beginning, where that does not
// bind it to slower cores; once, however often it is called.
void vd_thread_lower_priority(void);

// A lock begins as VD_LOCK_FREE and needs no end. Not recursive.
void vd_lock_acquire(vd_lock *lock);
void vd_lock_release(vd_lock *lock);

// Seconds since some moment in the past, steadily.
double vd_now(void);

#endif
