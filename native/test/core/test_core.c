#include <string.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    CHECK(strcmp(vd_version(), "0.1.0") == 0);
    return 0;
}
