#include "os/thread.h"

#include <windows.h>

_Static_assert(sizeof(vd_lock) == sizeof(SRWLOCK), "a lock is an SRWLOCK, which is free when null");

// Names the calling thread.
static void set_name(const char *name) {
    wchar_t wide[VD_THREAD_NAME];
    if (name[0] != '\0' && MultiByteToWideChar(CP_UTF8, 0, name, -1, wide, VD_THREAD_NAME) > 0) {
        (void)SetThreadDescription(GetCurrentThread(), wide);
    }
}

static DWORD WINAPI thread_main(void *argument) {
    vd_thread *thread = argument;
    set_name(thread->name);
    thread->function(thread->argument);
    return 0;
}

int vd_thread_start(vd_thread *thread) {
    thread->handle = CreateThread(NULL, 0, thread_main, thread, 0, NULL);
    return thread->handle != NULL;
}

void vd_thread_join(vd_thread *thread) {
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}

void vd_thread_lower_priority(void) {
    SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_BELOW_NORMAL);
}

int vd_thread_bind(const int32_t *processors, int32_t count) {
    (void)processors;
    (void)count;
    return 0;
}

void vd_lock_acquire(vd_lock *lock) { AcquireSRWLockExclusive((SRWLOCK *)&lock->word); }

void vd_lock_release(vd_lock *lock) { ReleaseSRWLockExclusive((SRWLOCK *)&lock->word); }

double vd_now(void) {
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    return (double)ticks.QuadPart / (double)per_second.QuadPart;
}
