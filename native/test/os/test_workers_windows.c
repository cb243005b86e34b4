// vd_default_workers: within the processors that this process may use.
#include <windows.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    describe_faults();
    DWORD_PTR allowed, all;
    CHECK(GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all));
    int32_t processors = __builtin_popcountll(allowed);
    int32_t workers = vd_default_workers();
    describe("%d processors allowed, %d workers", processors, workers);
    CHECK(workers >= 1 && workers <= processors);
    CHECK(SetProcessAffinityMask(GetCurrentProcess(), allowed & -allowed));
    CHECK(vd_default_workers() == 1);
    return 0;
}
