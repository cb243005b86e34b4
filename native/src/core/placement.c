// Divides memory among NUMA nodes as products are divided among their workers.
#include "os/placement.h"
#include "core/pool.h"

static vd_status place_slices(const vd_slices *slices, char *memory, size_t bytes) {
    for (int32_t i = 0; i < slices->count; i++) {
        int64_t begin = vd_slice_begin(slices, i, (int64_t)bytes);
        int64_t end = vd_slice_begin(slices, i + 1, (int64_t)bytes);
        vd_status status =
            vd_place_on_node(memory + begin, (size_t)(end - begin), slices->nodes[i]);
        if (status != VD_OK) {
            return status;
        }
    }
    return VD_OK;
}

vd_status vd_place(const vd_pool *pool, vd_placement placement, void *memory, size_t bytes) {
    if (pool == NULL || memory == NULL || bytes == 0 ||
        bytes > (size_t)INT64_MAX / VD_WORKERS_MAX ||
        (placement != VD_PLACE_SLICES && placement != VD_PLACE_INTERLEAVED)) {
        return VD_INVALID_ARGUMENT;
    }
    const vd_slices *slices = vd_pool_slices(pool);
    if (slices->count == 1) {
        return VD_OK;
    }
    return placement == VD_PLACE_SLICES
               ? place_slices(slices, memory, bytes)
               : vd_place_on_nodes(memory, bytes, slices->nodes, slices->count);
}
