#include "os/placement.h"

vd_status vd_place_on_node(void *memory, size_t bytes, int32_t node) {
    (void)memory;
    (void)bytes;
    (void)node;
    return VD_UNSUPPORTED;
}

vd_status vd_place_on_nodes(void *memory, size_t bytes, const int32_t *nodes, int32_t count) {
    (void)memory;
    (void)bytes;
    (void)nodes;
    (void)count;
    return VD_UNSUPPORTED;
}
