#ifndef VD_CORE_BATCH_H
#define VD_CORE_BATCH_H

#include "vidrio.h"

// VD_OUT_OF_RANGE: the batch does not fit the limits. VD_INVALID_ARGUMENT: an array is missing.
vd_status vd_batch_check(const vd_limits *limits, const vd_batch *batch);

#endif
