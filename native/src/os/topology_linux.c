// The topology in /sys. Sets of processors are read from masks, since old kernels have no lists. A
// set is read from its first processor only, so that a large machine needs few files.
#include "os/topology_linux.h"

#include <dirent.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>

#include "os/cgroup_linux.h"
#include "os/topology.h"

#define CPU "/sys/devices/system/cpu/cpu%d"

// Reads the processors that have something in common with processor `id`. Returns 0 if unknown.
typedef int read_members(const char *root, int32_t id, vd_processor_set *members);

static int read_core(const char *root, int32_t id, vd_processor_set *members) {
    return vd_read_mask(members, root, CPU "/topology/core_cpus", id) ||
           vd_read_mask(members, root, CPU "/topology/thread_siblings", id);
}

static int read_package(const char *root, int32_t id, vd_processor_set *members) {
    return vd_read_mask(members, root, CPU "/topology/package_cpus", id) ||
           vd_read_mask(members, root, CPU "/topology/core_siblings", id);
}

// Reads the processors that share the last-level cache.
static int read_cache(const char *root, int32_t id, vd_processor_set *members) {
    enum { INDICES = 10 };
    int64_t last_level = 0;
    for (int i = 0; i < INDICES; i++) {
        int64_t level = vd_read_number(0, root, CPU "/cache/index%d/level", id, i);
        vd_processor_set sharing;
        if (level > last_level &&
            vd_read_mask(&sharing, root, CPU "/cache/index%d/shared_cpu_map", id, i)) {
            last_level = level;
            *members = sharing;
        }
    }
    return last_level > 0;
}

// Numbers sets of processors in an int32_t at `offset` of each, which is -1 before. A processor
// that is in several sets belongs to the first.
static void number_sets(const char *root, vd_topology *t, size_t offset, read_members *read) {
    int32_t sets = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor_set members;
        int32_t *own = (int32_t *)((char *)&t->processor[i] + offset);
        if (*own >= 0 || !read(root, t->processor[i].id, &members)) {
            continue;
        }
        *own = sets;
        for (int32_t j = i + 1; j < t->processors; j++) {
            int32_t *other = (int32_t *)((char *)&t->processor[j] + offset);
            if (*other < 0 && vd_set_has(&members, t->processor[j].id)) {
                *other = sets;
            }
        }
        sets++;
    }
}

// Reads the online processors. Old kernels do not list them, but an offline processor has no
// topology.
static void read_online(const char *root, vd_processor_set *online) {
    char path[VD_PATH_BYTES];
    if (vd_read_list(online, root, "/sys/devices/system/cpu/online")) {
        return;
    }
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu", root);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        int id;
        vd_processor_set members;
        if (sscanf(entry->d_name, "cpu%d", &id) == 1 &&
            (read_core(root, id, &members) || read_package(root, id, &members))) {
            vd_set_add(online, id);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

// Sets the memory node of each processor. If nodes overlap, as some firmware reports, the one with
// the smallest number counts.
static void read_nodes(const char *root, vd_topology *t) {
    char path[VD_PATH_BYTES];
    snprintf(path, sizeof path, "%s/sys/devices/system/node", root);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        int node;
        vd_processor_set members;
        if (sscanf(entry->d_name, "node%d", &node) != 1 ||
            !vd_read_mask(&members, root, "/sys/devices/system/node/node%d/cpumap", node)) {
            continue;
        }
        for (int32_t i = 0; i < t->processors; i++) {
            vd_processor *p = &t->processor[i];
            if (vd_set_has(&members, p->id) && (p->node < 0 || node < p->node)) {
                p->node = node;
            }
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    for (int32_t i = 0; i < t->processors; i++) {
        t->processor[i].node = t->processor[i].node < 0 ? 0 : t->processor[i].node;
    }
}

// Reads capacities (Arm), else maximum frequencies in kHz, into `speed`; 0: unknown. Returns the
// largest.
static int32_t read_measures(const char *root, vd_topology *t) {
    int32_t max = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        int64_t speed = vd_read_number(0, root, CPU "/cpu_capacity", p->id);
        speed = speed > 0 ? speed : vd_read_number(0, root, CPU "/cpufreq/cpuinfo_max_freq", p->id);
        p->speed = speed > 0 && speed < INT32_MAX ? (int32_t)speed : 0;
        max = p->speed > max ? p->speed : max;
    }
    return max;
}

// Sets the speeds. Frequencies of different kinds of cores are not comparable, so efficiency cores
// have a fixed speed: those that Linux (since 5.13) lists for Intel's hybrid processors, and those
// with a maximum frequency below four fifths of the highest one.
static void read_speeds(const char *root, vd_topology *t) {
    vd_processor_set efficient;
    vd_read_list(&efficient, root, "/sys/devices/cpu_atom/cpus");
    int64_t max = read_measures(root, t);
    int capacities = vd_read_number(0, root, CPU "/cpu_capacity", t->processor[0].id) > 0;
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        int64_t speed = p->speed == 0 ? VD_SPEED_MAX : VD_SPEED_MAX * (int64_t)p->speed / max;
        int slow = vd_set_has(&efficient, p->id) || 5 * speed < 4 * VD_SPEED_MAX;
        p->speed = slow && !capacities ? VD_SPEED_EFFICIENT : speed < 1 ? 1 : (int32_t)speed;
    }
}

// Containers may hide processors that the affinity has.
void vd_topology_describe_below(const char *root, const vd_processor_set *affinity,
                                vd_topology *topology) {
    vd_processor_set online = {0};
    vd_processor_set cpuset;
    read_online(root, &online);
    int limited = vd_cgroup_cpuset(root, &cpuset);
    for (int32_t id = 0; id < VD_PROCESSORS_MAX; id++) {
        int possible = affinity == NULL || vd_set_has(affinity, id);
        if (vd_set_has(&online, id) || (affinity != NULL && possible)) {
            topology->processor[topology->processors++] = (vd_processor){
                .id = id,
                .package = -1,
                .node = -1,
                .cache = -1,
                .core = -1,
                .allowed = possible && (!limited || vd_set_has(&cpuset, id)),
            };
        }
    }
    number_sets(root, topology, offsetof(vd_processor, package), read_package);
    number_sets(root, topology, offsetof(vd_processor, cache), read_cache);
    number_sets(root, topology, offsetof(vd_processor, core), read_core);
    read_nodes(root, topology);
    read_speeds(root, topology);
    topology->quota = vd_cgroup_quota(root);
}

void vd_topology_describe(vd_topology *topology) {
    vd_processor_set affinity = {0};
    if (sched_getaffinity(0, sizeof affinity, (cpu_set_t *)&affinity) == 0) {
        vd_topology_describe_below("", &affinity, topology);
    }
}
