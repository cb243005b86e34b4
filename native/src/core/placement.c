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

static int memory_valid(const void *memory, size_t bytes) {
    return memory != NULL && bytes > 0 && bytes <= (size_t)INT64_MAX / VD_WORKERS_MAX;
}

vd_status vd_place(const vd_pool *pool, vd_placement placement, void *memory, size_t bytes) {
    if (pool == NULL || !memory_valid(memory, bytes) ||
        (placement != VD_PLACE_SLICES && placement != VD_PLACE_INTERLEAVED)) {
        return VD_INVALID_ARGUMENT;
    }
    const vd_slices *slices = vd_pool_slices(pool);
    if (placement == VD_PLACE_INTERLEAVED) {
        return vd_place_group(pool, 0, 1, memory, bytes);
    }
    return slices->count == 1 ? VD_OK : place_slices(slices, memory, bytes);
}

vd_status vd_place_group(const vd_pool *pool, int32_t group, int32_t groups, void *memory,
                         size_t bytes) {
    if (pool == NULL || !memory_valid(memory, bytes) || groups < 1 || group < 0 ||
        group >= groups || vd_pool_slices(pool)->count % groups != 0) {
        return VD_INVALID_ARGUMENT;
    }
    const vd_slices *slices = vd_pool_slices(pool);
    int32_t nodes = slices->count / groups;
    return slices->count == 1
               ? VD_OK
               : vd_place_on_nodes(memory, bytes, slices->nodes + group * nodes, nodes);
}
