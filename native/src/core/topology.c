#include "core/topology.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "os/thread.h"
#include "os/topology.h"

// Shares the cache of processors without a known one among those of a package and node.
static void complete_caches(vd_topology *t) {
    int32_t next = t->processors;
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        if (p->cache >= 0) {
            continue;
        }
        p->cache = next;
        for (int32_t j = i + 1; j < t->processors; j++) {
            vd_processor *other = &t->processor[j];
            if (other->cache < 0 && other->package == p->package && other->node == p->node) {
                other->cache = next;
            }
        }
        next++;
    }
}

// A processor without a known core or package has one of its own, or the first.
static void complete_cores(vd_topology *t) {
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        p->core = p->core < 0 ? t->processors + i : p->core;
        p->package = p->package < 0 ? 0 : p->package;
    }
}

static int compare(const void *left, const void *right) {
    const vd_processor *a = left;
    const vd_processor *b = right;
    const int32_t differences[] = {
        a->package - b->package, a->node - b->node, vd_is_slow(a) - vd_is_slow(b),
        a->cache - b->cache,     a->core - b->core, a->id - b->id};
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (differences[i] != 0) {
            return differences[i];
        }
    }
    return 0;
}

// Replaces the numbers in an int32_t at `offset` of each processor by 0, 1, 2 ... in the order of
// their first appearance. Returns how many there are.
static int32_t renumber(vd_topology *t, size_t offset) {
    int32_t old[VD_PROCESSORS_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        int32_t *number = (int32_t *)((char *)&t->processor[i] + offset);
        int32_t k = 0;
        while (k < count && old[count - 1 - k] != *number) {
            k++;
        }
        if (k == count) {
            old[count++] = *number;
            k = 0;
        }
        *number = count - 1 - k;
    }
    return count;
}

// Allows all processors if none is allowed: the descriptions contradict each other.
static void complete_allowed(vd_topology *t) {
    int allowed = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        allowed |= t->processor[i].allowed;
    }
    for (int32_t i = 0; i < t->processors && !allowed; i++) {
        t->processor[i].allowed = 1;
    }
}

static int32_t count_nodes(const vd_topology *t) {
    int32_t count = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        int32_t j = 0;
        while (t->processor[j].node != t->processor[i].node) {
            j++;
        }
        count += j == i;
    }
    return count;
}

static int has_whole_nodes(const vd_topology *t) {
    for (int32_t i = 0; i < t->processors; i++) {
        for (int32_t j = 0; j < i; j++) {
            if (t->processor[i].node == t->processor[j].node &&
                t->processor[i].allowed != t->processor[j].allowed) {
                return 0;
            }
        }
    }
    return t->quota == 0;
}

// Returns whether processor i is the first allowed one of its core. Cores are runs of processors.
static int leads_core(const vd_topology *t, int32_t i) {
    if (!t->processor[i].allowed) {
        return 0;
    }
    for (int32_t j = i - 1; j >= 0 && t->processor[j].core == t->processor[i].core; j--) {
        if (t->processor[j].allowed) {
            return 0;
        }
    }
    return 1;
}

static int32_t cores_of_speed(const vd_topology *t, int32_t speed) {
    int32_t count = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        count += leads_core(t, i) && t->processor[i].speed >= speed;
    }
    return count;
}

// Returns the speed of the slowest core that is worth an equal share. The time of a step is then
// that of its slowest share, so n cores are worth n times the speed of the slowest one.
static int32_t worthwhile_speed(const vd_topology *t) {
    int32_t best = VD_SPEED_MAX;
    int64_t best_worth = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        int32_t speed = t->processor[i].speed;
        if (leads_core(t, i) && (speed != best || best_worth == 0)) {
            int64_t worth = (int64_t)speed * cores_of_speed(t, speed);
            if (worth > best_worth || (worth == best_worth && speed > best)) {
                best = speed;
                best_worth = worth;
            }
        }
    }
    return best;
}

// Assigns the first workers to the fast cores. Where threads cannot be bound to kinds of cores,
// other cores are not used by default.
static void assign_workers(vd_topology *t) {
    int32_t speed = worthwhile_speed(t);
    t->fast_cores = cores_of_speed(t, speed);
    int32_t fast = 0;
    int32_t slow = t->fast_cores;
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        p->worker = !leads_core(t, i) ? -1 : p->speed >= speed ? fast++ : slow++;
    }
    int32_t cores = VD_THREADS_BIND ? t->allowed_cores : t->fast_cores;
    int32_t granted = (int32_t)t->quota + (t->quota > (int32_t)t->quota);
    t->workers = granted > 0 && granted < cores ? granted : cores;
    t->workers = t->workers < 1 ? 1 : t->workers;
}

void vd_topology_complete(vd_topology *t) {
    if (t->processors == 0) {
        t->processors = 1;
        t->processor[0] = (vd_processor){.speed = VD_SPEED_MAX, .allowed = 1};
    }
    complete_allowed(t);
    complete_cores(t);
    complete_caches(t);
    qsort(t->processor, (size_t)t->processors, sizeof t->processor[0], compare);
    t->packages = renumber(t, offsetof(vd_processor, package));
    t->caches = renumber(t, offsetof(vd_processor, cache));
    t->cores = renumber(t, offsetof(vd_processor, core));
    t->nodes = count_nodes(t);
    t->allowed_cores = cores_of_speed(t, 0);
    t->whole_nodes = has_whole_nodes(t);
    assign_workers(t);
}

vd_status vd_topology_read(vd_topology *topology) {
    if (topology == NULL) {
        return VD_INVALID_ARGUMENT;
    }
    memset(topology, 0, sizeof *topology);
    vd_topology_describe(topology);
    vd_topology_complete(topology);
    return VD_OK;
}

int32_t vd_default_workers(void) {
    vd_topology *topology = malloc(sizeof *topology);
    int32_t workers = vd_topology_read(topology) == VD_OK ? topology->workers : 1;
    free(topology);
    return workers;
}
