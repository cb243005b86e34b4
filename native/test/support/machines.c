#include "support/machines.h"

#include <string.h>

#include "core/topology.h"

void machine_create(vd_topology *topology, int32_t nodes, int32_t caches, int32_t cores,
                    int32_t first) {
    memset(topology, 0, sizeof *topology);
    topology->processors = nodes * caches * cores;
    for (int32_t i = 0; i < topology->processors; i++) {
        topology->processor[i] = (vd_processor){
            .id = first + i,
            .package = i / cores / caches,
            .node = i / cores / caches,
            .cache = i / cores,
            .core = i,
            .speed = 1024,
            .allowed = 1,
        };
    }
    vd_topology_complete(topology);
}

void machine_create_mixed(vd_topology *topology, int32_t fast, int32_t slow, int32_t speed) {
    machine_create(topology, 1, 1, fast + slow, 0);
    for (int32_t i = 0; i < slow; i++) {
        topology->processor[i].speed = speed;
    }
    vd_topology_complete(topology);
}
