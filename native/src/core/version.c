#include "vidrio.h"

const char* vd_version(void) {
    return "0.1.0";
}
