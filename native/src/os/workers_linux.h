#ifndef VD_OS_WORKERS_LINUX_H
#define VD_OS_WORKERS_LINUX_H

#include <sched.h>
#include <stdint.h>

// Computes vd_default_workers for a process that may run on `allowed`, with the system's files
// below the directory `root`.
int32_t vd_workers_below(const char *root, const cpu_set_t *allowed);

#endif
