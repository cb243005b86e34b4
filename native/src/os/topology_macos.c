// macOS reports numbers of cores by kind, and has neither affinity masks, NUMA nor quotas.
#include <stdio.h>
#include <sys/sysctl.h>

#include "os/topology.h"

static int32_t read_count(const char *name) {
    int32_t count = 0;
    size_t bytes = sizeof count;
    return sysctlbyname(name, &count, &bytes, NULL, 0) == 0 ? count : 0;
}

static int32_t read_level(int level, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "hw.perflevel%d.%s", level, name);
    return read_count(path);
}

// Adds `cores` cores, `sharing` of them with a last-level cache each.
static void add_cores(vd_topology *t, int32_t cores, int32_t threads, int32_t sharing,
                      int32_t speed) {
    int32_t first = t->processors;
    for (int32_t i = 0; i < cores * threads && t->processors < VD_PROCESSORS_MAX; i++) {
        t->processor[t->processors++] = (vd_processor){
            .id = first + i,
            .cache = first + i / (sharing * threads),
            .core = first + i / threads,
            .speed = speed,
            .allowed = 1,
        };
    }
}

// Level 0 is the fastest. Processors of Intel have no levels.
void vd_topology_describe(vd_topology *topology) {
    int32_t levels = read_count("hw.nperflevels");
    for (int32_t level = 0; level < levels; level++) {
        int32_t cores = read_level(level, "physicalcpu");
        int32_t sharing = read_level(level, "cpusperl2");
        add_cores(topology, cores, 1, sharing > 0 ? sharing : cores,
                  level == 0 ? VD_SPEED_MAX : VD_SPEED_EFFICIENT);
    }
    int32_t cores = read_count("hw.physicalcpu");
    if (topology->processors == 0 && cores > 0) {
        int32_t threads = read_count("hw.logicalcpu") / cores;
        add_cores(topology, cores, threads < 1 ? 1 : threads, cores, VD_SPEED_MAX);
    }
}
