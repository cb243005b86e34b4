// Derives the order, the numbers and the workers of a topology from the system's description.
#ifndef VD_CORE_TOPOLOGY_H
#define VD_CORE_TOPOLOGY_H

#include "os/topology.h"
#include "vidrio.h"

// Completes a topology that vd_topology_describe has filled in. Without processors, it becomes that
// of a machine with one.
void vd_topology_complete(vd_topology *topology);

// Returns whether a core has less than four fifths of the speed of the fastest one of the machine.
// Smaller differences are those of the clock, between cores of one kind.
static inline int vd_is_slow(const vd_processor *processor) {
    return 5 * processor->speed < 4 * VD_SPEED_MAX;
}

#endif
