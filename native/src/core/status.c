#include "vidrio.h"

const char *vd_status_name(vd_status status) {
    switch (status) {
        case VD_OK:
            return "VD_OK";
        case VD_INVALID_ARGUMENT:
            return "VD_INVALID_ARGUMENT";
        case VD_OUT_OF_RANGE:
            return "VD_OUT_OF_RANGE";
        case VD_UNSUPPORTED:
            return "VD_UNSUPPORTED";
        case VD_NO_MEMORY:
            return "VD_NO_MEMORY";
        case VD_NO_THREAD:
            return "VD_NO_THREAD";
        case VD_BLAS_MISSING:
            return "VD_BLAS_MISSING";
        case VD_TRUNCATED:
            return "VD_TRUNCATED";
    }
    return "VD_UNKNOWN";
}

const char *vd_version(void) { return VD_VERSION; }
