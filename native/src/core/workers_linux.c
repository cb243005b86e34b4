// How many workers this process should run: the physical cores within its affinity mask, and no
// more than the processors that its cgroup's quota pays for.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vidrio.h"

static int first_sibling(int cpu) {
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    int first = cpu;
    if (file != NULL) {
        if (fscanf(file, "%d", &first) != 1) {
            first = cpu;
        }
        fclose(file);
    }
    return first;
}

static int32_t allowed_cores(void) {
    cpu_set_t allowed;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return 1;  // more than CPU_SETSIZE processors: the caller has to say how many
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            int core = first_sibling(cpu);
            CPU_SET(core >= 0 && core < CPU_SETSIZE ? core : cpu, &cores);
        }
    }
    return CPU_COUNT(&cores);
}

// The least quota among this cgroup and its parents (cgroup v2), in whole processors; 0: none.
static int32_t quota_processors(void) {
    char group[512] = "";
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) {
        return 0;
    }
    int found = fscanf(file, "0::%500s", group);
    fclose(file);
    if (found != 1) {
        return 0;
    }
    int32_t least = 0;
    for (;;) {
        char path[600];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        long quota, period;
        file = fopen(path, "re");
        if (file != NULL) {
            if (fscanf(file, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0) {
                int32_t processors = (int32_t)((quota + period - 1) / period);
                least = least == 0 || processors < least ? processors : least;
            }
            fclose(file);
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return least;
        }
        *slash = '\0';
    }
}

int32_t vd_default_workers(void) {
    int32_t cores = allowed_cores();
    int32_t quota = quota_processors();
    int32_t workers = quota > 0 && quota < cores ? quota : cores;
    return workers < 1 ? 1 : workers;
}
