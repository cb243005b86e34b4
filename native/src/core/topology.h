// Derives the order, the numbers and the workers of a topology from the system's description.
#ifndef VD_CORE_TOPOLOGY_H
#define VD_CORE_TOPOLOGY_H

#include "vidrio.h"

// Completes a topology that vd_topology_describe has filled in. Without processors, it becomes that
// of a machine with one.
void vd_topology_complete(vd_topology *topology);

#endif
