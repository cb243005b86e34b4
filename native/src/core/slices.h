// The division of a pool's workers by NUMA node. A slice is the share of the outputs of a matrix
// that the workers of one node compute; the node holds the weights of its slices (docs/adr/031).
#ifndef VD_CORE_SLICES_H
#define VD_CORE_SLICES_H

#include <stdint.h>

#include "vidrio.h"

enum { VD_SLICES_MAX = 64 };

// Consecutive workers on one node share a slice.
typedef struct vd_slices {
    int32_t workers;
    int32_t count;
    int32_t begins[VD_SLICES_MAX + 1];  // the first worker of each slice; last, `workers`
    int32_t nodes[VD_SLICES_MAX];       // as numbered by the operating system
} vd_slices;

// Divides workers by the nodes of their processors; into one slice if VD_SLICES_MAX do not suffice.
void vd_slices_by_site(vd_slices *slices, int32_t workers, const vd_processor *const *sites);

// Divides workers evenly among nodes 0 to nodes - 1. There are at most VD_SLICES_MAX nodes, and at
// least one worker for each.
void vd_slices_evenly(vd_slices *slices, int32_t workers, int32_t nodes);

// Returns the slice of a worker.
static inline int32_t vd_slice_of(const vd_slices *slices, int32_t worker) {
    int32_t slice = 0;
    while (worker >= slices->begins[slice + 1]) {
        slice++;
    }
    return slice;
}

// Returns the part of `total` that precedes a slice, rounded down.
static inline int64_t vd_slice_begin(const vd_slices *slices, int32_t slice, int64_t total) {
    return total * slices->begins[slice] / slices->workers;
}

#endif
