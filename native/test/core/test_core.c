#include <string.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    CHECK(strcmp(vd_version(), VD_VERSION) == 0);
    return 0;
}
