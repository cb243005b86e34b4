#ifndef VD_OS_TOPOLOGY_LINUX_H
#define VD_OS_TOPOLOGY_LINUX_H

#include "os/files_linux.h"

// Does the work of vd_topology_describe for a process with this affinity, or with null for one that
// may use all online processors, with the system's files below the directory `root`.
void vd_topology_describe_below(const char *root, const vd_processor_set *affinity,
                                vd_topology *topology);

#endif
