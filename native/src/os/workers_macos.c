// The default number of workers: the physical cores of the fastest kind. Rows are divided evenly,
// so a slower core would delay all others. macOS has neither affinity masks nor cgroups.
#include <sys/sysctl.h>

#include "vidrio.h"

static int32_t read_count(const char *name) {
    int32_t count = 0;
    size_t bytes = sizeof count;
    return sysctlbyname(name, &count, &bytes, NULL, 0) == 0 ? count : 0;
}

int32_t vd_default_workers(void) {
    int32_t cores = read_count("hw.perflevel0.physicalcpu");
    cores = cores > 0 ? cores : read_count("hw.physicalcpu");
    return cores > 0 ? cores : 1;
}
