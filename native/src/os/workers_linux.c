// The default number of workers: the physical performance cores within the process's affinity mask,
// and no more processors than the quota of its cgroup grants. Rows are divided evenly, so a slower
// core would delay all others.
#include "os/workers_linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vidrio.h"

enum { PATH_BYTES = 1024, CAPACITY = 1024 };  // 1024: the capacity of a core if all are alike

static FILE *open_processor(const char *root, int cpu, const char *name) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/%s", root, cpu, name);
    return fopen(path, "re");
}

// Reads the first number in a processor's file, or returns `fallback`.
static int read_processor(const char *root, int cpu, const char *name, int fallback) {
    FILE *file = open_processor(root, cpu, name);
    int value = fallback;
    if (file != NULL) {
        if (fscanf(file, "%d", &value) != 1) {
            value = fallback;
        }
        fclose(file);
    }
    return value;
}

// Reads the efficiency cores of Intel's hybrid processors: comma-separated ranges.
static void read_efficient(const char *root, cpu_set_t *efficient) {
    char path[PATH_BYTES];
    CPU_ZERO(efficient);
    snprintf(path, sizeof path, "%s/sys/devices/cpu_atom/cpus", root);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    int first;
    while (fscanf(file, "%d", &first) == 1) {
        int last;
        last = fscanf(file, "-%d", &last) == 1 ? last : first;
        for (int cpu = first; cpu >= 0 && cpu <= last && cpu < CPU_SETSIZE; cpu++) {
            CPU_SET(cpu, efficient);
        }
        if (fgetc(file) != ',') {
            break;
        }
    }
    fclose(file);
}

// Returns the number of allowed cores that are at least half as fast as the fastest allowed. Arm
// processors report their capacity; the fastest core is often the only one of its kind.
static int32_t allowed_cores(const char *root, const cpu_set_t *allowed) {
    cpu_set_t efficient, cores;
    int capacity[CPU_SETSIZE];
    int max_capacity = 0;
    read_efficient(root, &efficient);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        capacity[cpu] = 0;
        if (CPU_ISSET(cpu, allowed)) {
            int reported = read_processor(root, cpu, "cpu_capacity", CAPACITY);
            capacity[cpu] = CPU_ISSET(cpu, &efficient) ? 1 : reported;
            max_capacity = capacity[cpu] > max_capacity ? capacity[cpu] : max_capacity;
        }
    }
    CPU_ZERO(&cores);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (capacity[cpu] > 0 && capacity[cpu] >= max_capacity / 2) {
            int core = read_processor(root, cpu, "topology/thread_siblings_list", cpu);
            CPU_SET(core >= 0 && core < CPU_SETSIZE ? core : cpu, &cores);
        }
    }
    return CPU_COUNT(&cores);
}

// Returns the number of whole processors that a cgroup's quota grants; 0: no quota.
static int32_t read_quota(const char *root, const char *group) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/cpu.max", root, group);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    long quota, period;
    int found = fscanf(file, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0;
    fclose(file);
    return found ? (int32_t)((quota + period - 1) / period) : 0;
}

// Returns the smallest quota of this cgroup and its parents (cgroup v2); 0: none.
static int32_t min_quota(const char *root) {
    char path[PATH_BYTES], group[512] = "";
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    int found = fscanf(file, "0::%500s", group);
    fclose(file);
    int32_t min = 0;
    while (found == 1) {
        int32_t quota = read_quota(root, group);
        min = quota > 0 && (min == 0 || quota < min) ? quota : min;
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
    }
    return min;
}

int32_t vd_workers_below(const char *root, const cpu_set_t *allowed) {
    int32_t cores = allowed_cores(root, allowed);
    int32_t quota = min_quota(root);
    int32_t workers = quota > 0 && quota < cores ? quota : cores;
    return workers < 1 ? 1 : workers;
}

int32_t vd_default_workers(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return 1;  // more than CPU_SETSIZE processors: the caller must set the number
    }
    return vd_workers_below("", &allowed);
}
