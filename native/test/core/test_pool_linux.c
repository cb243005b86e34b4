// Pools on Linux: errors of thread creation, names, priorities and processors of workers; workers
// that are held up, and processors that are taken away.
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/pool.h"
#include "support/check.h"
#include "support/machines.h"
#include "support/rng.h"
#include "vidrio.h"

enum { WORKERS = 3 };

static void note_niceness(void *argument, const vd_worker *worker) {
    int *niceness = argument;
    niceness[worker->index] = getpriority(PRIO_PROCESS, 0);
}

static void *lowers_priority(void *argument) {
    (void)argument;
    describe("workers with a lower priority");
    int before[WORKERS], after[WORKERS];
    vd_pool *pool = NULL;
    CHECK(vd_pool_create(WORKERS, &pool) == VD_OK);
    vd_pool_run(pool, note_niceness, before);
    CHECK(vd_pool_lower_priority(pool) == VD_OK);
    CHECK(vd_pool_lower_priority(pool) == VD_OK);
    vd_pool_run(pool, note_niceness, after);
    for (int i = 0; i < WORKERS; i++) {
        CHECK(after[i] == (before[i] < 5 ? 5 : before[i]));
    }
    vd_pool_free(pool);
    CHECK(vd_pool_lower_priority(NULL) == VD_INVALID_ARGUMENT);
    return NULL;
}

enum { NAME = 16 };

static void note_name(void *argument, const vd_worker *worker) {
    char(*names)[NAME] = argument;
    CHECK(pthread_getname_np(pthread_self(), names[worker->index], NAME) == 0);
}

// Workers have names; the caller keeps its own.
static void *names_workers(void *argument) {
    (void)argument;
    describe("names of workers");
    CHECK(pthread_setname_np(pthread_self(), "caller") == 0);
    char names[WORKERS][NAME];
    vd_pool *pool = NULL;
    CHECK(vd_pool_create(WORKERS, &pool) == VD_OK);
    vd_pool_run(pool, note_name, names);
    vd_pool_free(pool);
    CHECK(strcmp(names[0], "caller") == 0);
    for (int i = 1; i < WORKERS; i++) {
        char expected[NAME];
        snprintf(expected, sizeof expected, "vidrio-work-%d", i % WORKERS);
        CHECK(strcmp(names[i], expected) == 0);
    }
    return NULL;
}

static void note_affinity(void *argument, const vd_worker *worker) {
    cpu_set_t *sets = argument;
    CHECK(sched_getaffinity(0, sizeof sets[0], &sets[worker->index]) == 0);
}

// Creates a pool for a machine with two processors, numbered from `first`, and pins it.
static vd_status pin(vd_topology *machine, int32_t workers, cpu_set_t sets[]) {
    vd_pool *pool = NULL;
    CHECK(vd_pool_create_on(machine, workers, &pool) == VD_OK);
    vd_status status = vd_pool_pin(pool);
    vd_pool_run(pool, note_affinity, sets);
    vd_pool_free(pool);
    return status;
}

static void *pins_workers_to_whole_nodes(void *argument) {
    (void)argument;
    static vd_topology machine;
    cpu_set_t before, sets[WORKERS];
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    if (!CPU_ISSET(0, &before) || !CPU_ISSET(1, &before)) {
        return NULL;
    }
    describe("two nodes of a processor each");
    machine_create(&machine, 2, 1, 1, 0);
    CHECK(pin(&machine, 2, sets) == VD_OK);
    CHECK(CPU_EQUAL(&sets[0], &before));  // the caller's thread
    CHECK(CPU_COUNT(&sets[1]) == 1 && CPU_ISSET(1, &sets[1]));
    describe("a part of a pool");
    vd_pool *whole, *part;
    CHECK(vd_pool_create_on(&machine, 2, &whole) == VD_OK);
    CHECK(vd_pool_create_part(whole, 1, &part) == VD_OK);
    CHECK(vd_pool_pin(part) == VD_OK);
    vd_pool_free(part);
    vd_pool_free(whole);
    describe("other numbers of workers");
    CHECK(pin(&machine, 1, sets) == VD_UNSUPPORTED);
    CHECK(pin(&machine, 3, sets) == VD_UNSUPPORTED);
    CHECK(CPU_EQUAL(&sets[1], &before) && CPU_EQUAL(&sets[2], &before));
    describe("a quota, or parts of nodes");
    machine.whole_nodes = 0;
    CHECK(pin(&machine, 2, sets) == VD_UNSUPPORTED);
    CHECK(CPU_EQUAL(&sets[1], &before));
    describe("a single cache");
    machine_create(&machine, 1, 1, 2, 0);
    CHECK(pin(&machine, 2, sets) == VD_UNSUPPORTED);
    CHECK(CPU_EQUAL(&sets[1], &before));
    describe("a processor that does not exist");
    machine_create(&machine, 2, 1, 1, VD_PROCESSORS_MAX - 2);
    CHECK(pin(&machine, 2, sets) == VD_UNSUPPORTED);
    CHECK(vd_pool_pin(NULL) == VD_INVALID_ARGUMENT);
    return NULL;
}

// Threads may move among the cores of their kind.
static void *binds_workers_to_kinds_of_cores(void *argument) {
    (void)argument;
    static vd_topology machine;
    cpu_set_t before, sets[WORKERS];
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    if (!CPU_ISSET(0, &before) || !CPU_ISSET(1, &before)) {
        return NULL;
    }
    describe("a fast core and two slow ones");
    machine_create_mixed(&machine, 1, 2, 512 - 1);
    CHECK(pin(&machine, 3, sets) == VD_OK);
    CHECK(CPU_EQUAL(&sets[0], &before));  // the caller's thread
    for (int i = 1; i < 3; i++) {
        CHECK(CPU_COUNT(&sets[i]) == 2 && CPU_ISSET(0, &sets[i]) && CPU_ISSET(1, &sets[i]));
    }
    describe("slow cores only");
    machine_create_mixed(&machine, 0, 3, 512);
    CHECK(pin(&machine, 3, sets) == VD_UNSUPPORTED);
    CHECK(CPU_EQUAL(&sets[1], &before));
    return NULL;
}

static void reports_threads_that_do_not_start(void) {
    describe("stacks larger than the address space");
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

enum { MOST = 8, PHASES = 16 };

static void sleep_at_random(rng *r) {
    if (rng_below(r, 8) == 0) {
        struct timespec time = {0, (long)rng_below(r, 4) * 400000};  // workers spin less
        nanosleep(&time, NULL);
    }
}

typedef struct phases {
    uint64_t seed;
    int32_t reached[MOST];  // the phase that each worker has written
} phases;

static void pass_barriers(void *argument, const vd_worker *worker) {
    phases *p = argument;
    rng r = {p->seed + (uint64_t)worker->index};
    for (int32_t phase = 1; phase <= PHASES; phase++) {
        p->reached[worker->index] = phase;
        sleep_at_random(&r);
        vd_barrier(worker);
        for (int32_t w = 0; w < worker->count; w++) {
            CHECK(p->reached[w] == phase);
        }
        sleep_at_random(&r);
        vd_barrier(worker);
    }
}

static void pass_barriers_often(vd_pool *pool, rng *r) {
    for (int i = 0; i < 4; i++) {
        phases p = {.seed = (uint64_t)rng_below(r, 1 << 30)};
        vd_pool_run(pool, pass_barriers, &p);
        sleep_at_random(r);
    }
}

// Workers sleep before and after barriers, so that the others wait in the kernel.
static void *waits_for_stalled_workers(void *argument) {
    (void)argument;
    rng r = {5};
    for (int32_t workers = 2; workers <= MOST; workers += 3) {
        describe("%d workers that stall", workers);
        vd_pool *pool = NULL;
        CHECK(vd_pool_create(workers, &pool) == VD_OK);
        pass_barriers_often(pool, &r);
        vd_pool_free(pool);
    }
    return NULL;
}

// Limits all threads of this process to a set of processors.
static void bind_threads(const cpu_set_t *set) {
    DIR *threads = opendir("/proc/self/task");
    CHECK(threads != NULL);
    for (struct dirent *each = readdir(threads); each != NULL; each = readdir(threads)) {
        if (each->d_name[0] != '.') {
            CHECK(sched_setaffinity((pid_t)strtol(each->d_name, NULL, 10), sizeof *set, set) == 0);
        }
    }
    closedir(threads);
}

// A pool goes on if its workers outnumber the processors that are left.
static void *goes_on_with_fewer_processors(void *argument) {
    (void)argument;
    cpu_set_t before, one;
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
        }
    }
    rng r = {7};
    for (int32_t workers = 2; workers <= MOST; workers *= 2) {
        describe("%d workers that are left a processor", workers);
        vd_pool *pool = NULL;
        CHECK(vd_pool_create(workers, &pool) == VD_OK);
        pass_barriers_often(pool, &r);
        bind_threads(&one);
        pass_barriers_often(pool, &r);
        bind_threads(&before);
        pass_barriers_often(pool, &r);
        vd_pool_free(pool);
    }
    return NULL;
}

static void run_on_thread(void *check(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, check, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
    describe_faults();
    reports_threads_that_do_not_start();
    // On other threads, so that the name and priority of this one do not change.
    int niceness = getpriority(PRIO_PROCESS, 0);
    run_on_thread(names_workers);
    run_on_thread(lowers_priority);
    run_on_thread(pins_workers_to_whole_nodes);
    run_on_thread(binds_workers_to_kinds_of_cores);
    run_on_thread(waits_for_stalled_workers);
    run_on_thread(goes_on_with_fewer_processors);
    CHECK(getpriority(PRIO_PROCESS, 0) == niceness);
    return 0;
}
