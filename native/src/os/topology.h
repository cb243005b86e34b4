// The processors of the machine as the operating system describes them.
#ifndef VD_OS_TOPOLOGY_H
#define VD_OS_TOPOLOGY_H

#include "vidrio.h"

// Speeds of the fastest processors, and of cores that the system calls efficient without a measure:
// half the width of vectors at two thirds of the clock.
enum { VD_SPEED_MAX = 1024, VD_SPEED_EFFICIENT = 341 };

// Fills in the quota and the processors of a zeroed topology, from `id` to `allowed`, in any order.
// Packages, caches and cores have any numbers, -1 if unknown. Leaves no processor if the system
// reports none.
void vd_topology_describe(vd_topology *topology);

#endif
