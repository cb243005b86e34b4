// Pools of workers on cores of different speeds: which cores they have, and which tiles they leave
// to faster workers. The time of an operation is simulated, by the speeds of the described cores.
#include <math.h>

#include "core/op_impl.h"
#include "core/pool.h"
#include "support/check.h"
#include "support/machines.h"
#include "support/rng.h"

enum { WORKERS_MAX = 32 };

// The workers of a pool, with the speeds of their cores relative to the fastest one.
typedef struct crew {
    int32_t count;
    double speeds[WORKERS_MAX];
    vd_worker workers[WORKERS_MAX];
} crew;

static void note_worker(void *argument, const vd_worker *worker) {
    crew *c = argument;
    c->workers[worker->index] = *worker;
}

// Creates a pool of all cores of a machine, and notes its workers.
static crew crew_of(const vd_topology *machine) {
    crew c = {.count = machine->allowed_cores};
    int32_t worker = 0;
    for (int32_t i = 0; i < machine->processors; i++) {
        const vd_processor *p = &machine->processor[i];
        if (p->worker >= 0) {
            c.speeds[worker++] = p->speed / 1024.0;
        }
    }
    vd_pool *pool;
    CHECK(worker == c.count && c.count <= WORKERS_MAX);
    CHECK(vd_pool_create_on(machine, c.count, &pool) == VD_OK);
    CHECK(vd_pool_run(pool, note_worker, &c) == VD_OK);
    vd_pool_free(pool);
    return c;
}

// Returns the time in which workers take n tiles from one counter. A tile takes 1 at the highest
// speed. Slow workers come first if several are free.
static double simulate(const crew *c, int64_t n, int only_fast) {
    atomic_uint next = 0;
    double free_at[WORKERS_MAX] = {0};
    double end = 0;
    int64_t tiles = 0;
    for (;;) {
        int32_t first = -1;
        for (int32_t i = 0; i < c->count; i++) {
            int idle = free_at[i] == HUGE_VAL || (only_fast && c->workers[i].reserve > 0);
            if (!idle && (first < 0 || free_at[i] <= free_at[first])) {
                first = i;
            }
        }
        if (first < 0) {
            break;
        }
        vd_step step = {.worker = &c->workers[first], .next = &next};
        int64_t tile;
        if (!vd_take_tile(&step, 0, n, &tile)) {
            free_at[first] = HUGE_VAL;
            continue;
        }
        tiles++;
        free_at[first] += 1 / c->speeds[first];
        end = free_at[first] > end ? free_at[first] : end;
    }
    CHECK(tiles == n);  // the fast workers leave none
    return end;
}

static void takes_no_longer_than_fast_workers(rng *r) {
    static vd_topology machine;
    double ratios = 0;
    enum { ROUNDS = 200 };
    for (int32_t round = 0; round < ROUNDS; round++) {
        int32_t fast = (int32_t)rng_between(r, 1, 8), slow = (int32_t)rng_between(r, 1, 16);
        int32_t speed = (int32_t)rng_between(r, 150, 800);
        int64_t n = rng_between(r, 1, 300);
        describe("%lld tiles, %d fast cores, %d of speed %d", (long long)n, fast, slow, speed);
        machine_create_mixed(&machine, fast, slow, speed);
        crew c = crew_of(&machine);
        double own = simulate(&c, n, 1);
        double all = simulate(&c, n, 0);
        CHECK(all <= own + 0.25);  // reserves round ratios of speeds
        ratios += all * (fast + slow * speed / 1024.0) / (double)n;
    }
    double mean = ratios / (double)ROUNDS;
    describe("%d random cases on average: %.3f of the ideal time", ROUNDS, mean);
    CHECK(mean < 1.3);
}

static void reserves_tiles_for_faster_workers(void) {
    static vd_topology machine;
    describe("six fast cores, eight of a third of the speed");
    machine_create_mixed(&machine, 6, 8, 341);
    CHECK(machine.fast_cores == 6 && machine.allowed_cores == 14);
    crew c = crew_of(&machine);
    for (int32_t i = 0; i < c.count; i++) {
        CHECK(c.workers[i].mixed && c.workers[i].reserve == (i < 6 ? 0 : 12));
    }
    describe("200 tiles on six fast cores: %.1f, and eight slow ones: %.1f", simulate(&c, 200, 1),
             simulate(&c, 200, 0));
    CHECK(simulate(&c, 200, 1) == 34 && simulate(&c, 200, 0) < 24.1);
    describe("speeds of one kind");
    machine_create_mixed(&machine, 2, 6, 900);
    c = crew_of(&machine);
    for (int32_t i = 0; i < c.count; i++) {
        CHECK(!c.workers[i].mixed && c.workers[i].reserve == 0);
    }
    describe("three kinds");
    machine_create_mixed(&machine, 1, 7, 300);
    for (int32_t i = 1; i < 4; i++) {
        machine.processor[i].speed = 600;
    }
    c = crew_of(&machine);
    CHECK(c.workers[0].reserve == 0 && c.workers[1].reserve == 1);
    CHECK(c.workers[4].reserve == 3 + 3 * 1);
}

// Notes whether workers are on cores of different speeds.
static int is_mixed(vd_pool *pool) {
    crew c;
    CHECK(vd_pool_run(pool, note_worker, &c) == VD_OK);
    return c.workers[0].mixed;
}

static void smaller_pools_have_fast_cores(void) {
    static vd_topology machine;
    machine_create_mixed(&machine, 6, 8, 341);
    vd_pool *whole, *part;
    for (int32_t workers = 1; workers <= 14; workers++) {
        describe("pool of %d workers for six fast cores and eight slow ones", workers);
        CHECK(vd_pool_create_on(&machine, workers, &whole) == VD_OK);
        CHECK(is_mixed(whole) == (workers > 6));
        for (int32_t i = 1; i <= workers; i++) {
            CHECK(vd_pool_create_part(whole, i, &part) == VD_OK);
            CHECK(is_mixed(part) == (i > 6));
            vd_pool_free(part);
        }
        vd_pool_free(whole);
    }
}

int main(void) {
    describe_faults();
    rng r = {38};
    reserves_tiles_for_faster_workers();
    takes_no_longer_than_fast_workers(&r);
    smaller_pools_have_fast_cores();
    return 0;
}
