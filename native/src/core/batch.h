#ifndef VD_CORE_BATCH_H
#define VD_CORE_BATCH_H

#include "vidrio.h"

// Checks a batch. Returns VD_OUT_OF_RANGE if it exceeds the limits, VD_INVALID_ARGUMENT if an array
// is missing.
vd_status vd_batch_check(const vd_limits *limits, const vd_batch *batch);

#endif
