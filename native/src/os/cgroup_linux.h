// Limits of the control groups of this process, of version 1 or 2.
#ifndef VD_OS_CGROUP_LINUX_H
#define VD_OS_CGROUP_LINUX_H

#include "os/files_linux.h"

// Returns the smallest CPU quota of the process's group and its parents in processors, such as 2.5;
// 0: none.
double vd_cgroup_quota(const char *root);

// Returns the bytes that the process's group and its parents can still allocate, and obtain by
// dropping cached files; INT64_MAX if there is no limit.
int64_t vd_cgroup_memory(const char *root);

// Reads the processors that the process's cpuset allows. Returns 0 if there is none.
int vd_cgroup_cpuset(const char *root, vd_processor_set *set);

#endif
