#ifndef VD_OS_AVAILABLE_LINUX_H
#define VD_OS_AVAILABLE_LINUX_H

#include <stdint.h>

// Returns vd_available_memory as the files below a root directory describe it.
int64_t vd_available_memory_below(const char *root);

#endif
