#include "core/slices.h"

void vd_slices_by_site(vd_slices *slices, int32_t workers, const vd_processor *const *sites) {
    *slices = (vd_slices){.workers = workers};
    for (int32_t i = 0; i < workers; i++) {
        int32_t node = sites[i]->node;
        if (slices->count > 0 && slices->nodes[slices->count - 1] == node) {
            continue;
        }
        if (slices->count == VD_SLICES_MAX) {
            slices->count = 1;
            break;
        }
        slices->begins[slices->count] = i;
        slices->nodes[slices->count++] = node;
    }
    slices->begins[slices->count] = workers;
}

void vd_slices_evenly(vd_slices *slices, int32_t workers, int32_t nodes) {
    *slices = (vd_slices){.workers = workers, .count = nodes};
    for (int32_t i = 0; i <= nodes; i++) {
        slices->begins[i] = (int32_t)((int64_t)workers * i / nodes);
    }
    for (int32_t i = 0; i < nodes; i++) {
        slices->nodes[i] = i;
    }
}
