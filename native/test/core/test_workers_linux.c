// vd_default_workers stays within the processors that this process may use.
#include <sched.h>
#include <unistd.h>

#include "support/check.h"
#include "vidrio.h"

static int first_of(const cpu_set_t *set) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, set)) {
            return cpu;
        }
    }
    fail("no processor is allowed");
}

int main(void) {
    describe_faults();
    cpu_set_t allowed;
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    int32_t workers = vd_default_workers();
    describe("%d processors allowed, %d workers", CPU_COUNT(&allowed), workers);
    CHECK(workers >= 1 && workers <= CPU_COUNT(&allowed));
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first_of(&allowed), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(vd_default_workers() == 1);
    return 0;
}
