// The NUMA nodes of memory. Both functions concern the pages that begin in [memory, memory + bytes)
// and that nothing has been written to. If a node is full, the system takes another one. They
// return VD_UNSUPPORTED if the system does not place memory, or not for this process.
#ifndef VD_OS_PLACEMENT_H
#define VD_OS_PLACEMENT_H

#include "vidrio.h"

// Places pages on a node, by the number that vd_topology has.
vd_status vd_place_on_node(void *memory, size_t bytes, int32_t node);

// Places pages on `count` nodes in turn.
vd_status vd_place_on_nodes(void *memory, size_t bytes, const int32_t *nodes, int32_t count);

#endif
