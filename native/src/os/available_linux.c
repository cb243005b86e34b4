// Linux grants more memory than it has, and ends a process when pages run out.
#include "os/available_linux.h"

#include <stdio.h>

#include "os/cgroup_linux.h"
#include "os/files_linux.h"
#include "vidrio.h"

// Returns what the system has, with the page cache that it can drop.
static int64_t read_system(const char *root) {
    char line[128];
    int64_t bytes = INT64_MAX;
    FILE *file = vd_open_below(root, "/proc/meminfo");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        long long kib;
        if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1) {
            bytes = kib * 1024;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

int64_t vd_available_memory_below(const char *root) {
    int64_t system = read_system(root);
    int64_t group = vd_cgroup_memory(root);
    return system < group ? system : group;
}

int64_t vd_available_memory(void) { return vd_available_memory_below(""); }
