#include <string.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    describe_faults();
    static const char *const names[] = {
        "VD_OK",        "VD_INVALID_ARGUMENT", "VD_OUT_OF_RANGE", "VD_UNSUPPORTED",
        "VD_NO_MEMORY", "VD_NO_THREAD",        "VD_BLAS_MISSING", "VD_TRUNCATED",
    };
    enum { NAMES = sizeof names / sizeof names[0] };
    for (int i = 0; i < NAMES; i++) {
        describe("the name of status %d", i);
        CHECK(strcmp(vd_status_name((vd_status)i), names[i]) == 0);
    }
    CHECK(strcmp(vd_status_name((vd_status)NAMES), "VD_UNKNOWN") == 0);
    CHECK(strcmp(vd_status_name((vd_status)-1), "VD_UNKNOWN") == 0);
    CHECK(strcmp(vd_version(), VD_VERSION) == 0);
    return 0;
}
