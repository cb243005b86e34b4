// Topologies of simple machines.
#ifndef VD_TEST_MACHINES_H
#define VD_TEST_MACHINES_H

#include "vidrio.h"

// Describes a machine with this number of nodes, caches of a node and cores of a cache, one
// processor per core, all allowed, numbered from `first`.
void machine_create(vd_topology *topology, int32_t nodes, int32_t caches, int32_t cores,
                    int32_t first);

// Describes a machine with one node and one cache. Its first `slow` cores have a speed below 1024,
// and `fast` have 1024.
void machine_create_mixed(vd_topology *topology, int32_t fast, int32_t slow, int32_t speed);

#endif
