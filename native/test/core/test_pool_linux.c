// Threads as Linux has them: those whose stacks no address space holds do not start, and workers
// step aside.
#include <pthread.h>
#include <sys/resource.h>

#include "core/pool.h"
#include "support/check.h"
#include "vidrio.h"

enum { WORKERS = 3 };

static void note_niceness(void *argument, const vd_worker *worker) {
    int *niceness = argument;
    niceness[worker->index] = getpriority(PRIO_PROCESS, 0);
}

static void *check_step_aside(void *argument) {
    (void)argument;
    describe("workers that step aside");
    int before[WORKERS], after[WORKERS];
    vd_pool *pool = NULL;
    CHECK(vd_pool_create(WORKERS, &pool) == VD_OK);
    vd_pool_run(pool, note_niceness, before);
    CHECK(vd_pool_step_aside(pool) == VD_OK);
    CHECK(vd_pool_step_aside(pool) == VD_OK);
    vd_pool_run(pool, note_niceness, after);
    for (int i = 0; i < WORKERS; i++) {
        CHECK(after[i] == (before[i] < 5 ? 5 : before[i]));
    }
    vd_pool_free(pool);
    CHECK(vd_pool_step_aside(NULL) == VD_INVALID_ARGUMENT);
    return NULL;
}

static void check_threads_that_do_not_start(void) {
    describe("threads that do not start");
    pthread_attr_t usual, giant;
    CHECK(pthread_getattr_default_np(&usual) == 0);
    CHECK(pthread_attr_init(&giant) == 0);
    CHECK(pthread_attr_setstacksize(&giant, (size_t)1 << 52) == 0);
    CHECK(pthread_setattr_default_np(&giant) == 0);
    vd_pool *pool = NULL;
    CHECK(vd_pool_create(3, &pool) == VD_NO_THREAD);
    CHECK(pool == NULL);
    CHECK(pthread_setattr_default_np(&usual) == 0);
    CHECK(pthread_attr_destroy(&giant) == 0);
    CHECK(pthread_attr_destroy(&usual) == 0);
}

int main(void) {
    describe_faults();
    check_threads_that_do_not_start();
    // On a thread of its own: this one's priority stays.
    pthread_t thread;
    int niceness = getpriority(PRIO_PROCESS, 0);
    CHECK(pthread_create(&thread, NULL, check_step_aside, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(getpriority(PRIO_PROCESS, 0) == niceness);
    return 0;
}
