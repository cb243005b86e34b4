// The topology: within the processors that this process may use.
#include <windows.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    describe_faults();
    static vd_topology topology;
    DWORD_PTR allowed, all;
    CHECK(GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all));
    int32_t processors = __builtin_popcountll(allowed);
    int32_t workers = vd_default_workers();
    describe("%d processors allowed, %d workers", processors, workers);
    CHECK(workers >= 1 && workers <= processors);
    CHECK(vd_topology_read(&topology) == VD_OK);
    CHECK(topology.workers == workers && topology.processors >= processors);
    CHECK(topology.packages >= 1 && topology.nodes >= 1 && topology.caches >= 1);
    CHECK(SetProcessAffinityMask(GetCurrentProcess(), allowed & -allowed));
    CHECK(vd_default_workers() == 1);
    return 0;
}
