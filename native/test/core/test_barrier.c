// The tree of a barrier: who meets whom. That threads wait for each other is tested with pools.
#include "core/barrier.h"

#include <string.h>

#include "support/check.h"
#include "support/machines.h"

enum { FAN_IN = 16, DEPTH_MAX = 8 };

static vd_topology machine;
static vd_meeting meetings[VD_WORKERS_MAX];
static vd_meeting *first[VD_WORKERS_MAX];

static void build(int32_t threads) {
    const vd_processor *sites[VD_WORKERS_MAX];
    vd_meeting **firsts[VD_WORKERS_MAX];
    memset(meetings, 0, sizeof meetings);
    memset(first, 0, sizeof first);
    for (int32_t i = 0; i < threads; i++) {
        sites[i] = &machine.processor[i % machine.processors];
        firsts[i] = &first[i];
    }
    vd_barrier_build(threads, sites, firsts, meetings);
}

// Returns the number of meetings from the thread's first one to the root.
static int depth(int32_t thread) {
    int count = 0;
    for (const vd_meeting *m = first[thread]; m != NULL; m = m->parent) {
        count++;
    }
    return count;
}

// Each thread leads to the root, and each meeting expects its threads and meetings.
static void expect_tree(int32_t threads) {
    uint32_t children[VD_WORKERS_MAX] = {0};
    const vd_meeting *root = NULL;
    for (int32_t i = 0; i < threads; i++) {
        const vd_meeting *m = first[i];
        CHECK(m != NULL && depth(i) <= DEPTH_MAX);
        children[m - meetings]++;
        while (m->parent != NULL) {
            m = m->parent;
        }
        CHECK(root == NULL || root == m);
        root = m;
    }
    for (int32_t i = 0; i < threads - 1; i++) {
        if (meetings[i].parent != NULL) {
            children[meetings[i].parent - meetings]++;
        }
    }
    for (int32_t i = 0; i < threads - 1; i++) {
        CHECK(meetings[i].expected == children[i]);
        CHECK(meetings[i].expected == 0 || meetings[i].expected > 1);
        CHECK(meetings[i].expected <= FAN_IN);
    }
}

static void meets_by_cache_and_node(void) {
    describe("two nodes of two caches of four cores");
    machine_create(&machine, 2, 2, 4, 0);
    build(16);
    expect_tree(16);
    for (int32_t i = 0; i < 16; i++) {
        for (int32_t j = 0; j < 16; j++) {
            CHECK((first[i] == first[j]) == (i / 4 == j / 4));
            CHECK((first[i]->parent == first[j]->parent) == (i / 8 == j / 8));
        }
        CHECK(first[i]->expected == 4 && first[i]->parent->expected == 2);
        CHECK(first[i]->parent->parent->expected == 2 && depth(i) == 3);
    }
}

static void leaves_out_levels_of_one(void) {
    describe("one cache");
    machine_create(&machine, 1, 1, 2, 0);
    build(2);
    expect_tree(2);
    CHECK(first[0] == first[1] && depth(0) == 1);
    build(1);
    CHECK(first[0] == NULL);
    describe("a cache for each core");
    machine_create(&machine, 2, 4, 1, 0);
    build(8);
    expect_tree(8);
    CHECK(depth(0) == 2 && first[0] == first[3] && first[3] != first[4]);
}

static void divides_large_groups(void) {
    describe("one cache of 192 cores");
    machine_create(&machine, 1, 1, 192, 0);
    build(192);
    expect_tree(192);
    CHECK(depth(0) == 2 && first[0]->expected == 16 && first[0]->parent->expected == 12);
}

static void builds_trees_of_any_size(void) {
    for (int32_t nodes = 1; nodes <= 4; nodes++) {
        machine_create(&machine, nodes, 3, 20, 0);
        for (int32_t threads = 2; threads <= VD_WORKERS_MAX; threads += 1 + threads / 7) {
            describe("%d threads on %d nodes", threads, nodes);
            build(threads);
            expect_tree(threads);
        }
    }
}

int main(void) {
    describe_faults();
    meets_by_cache_and_node();
    leaves_out_levels_of_one();
    divides_large_groups();
    builds_trees_of_any_size();
    return 0;
}
