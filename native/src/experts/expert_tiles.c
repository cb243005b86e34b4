// Each worker sorts the slots of all experts by itself, which is cheaper than waiting for one
// worker: a counting sort by expert.
#include "experts/expert_tiles.h"

#include <string.h>

enum { LISTED_SLOTS = 16384 };  // at a time

// Slots by expert, followed by those that name none.
typedef struct slot_list {
    int32_t ends[VD_EXPERTS_MAX + 1];
    int32_t slots[LISTED_SLOTS];
} slot_list;

static void list_slots(const vd_expert_tiling *tiling, vd_range slots, slot_list *list) {
    memset(list->ends, 0, (size_t)(tiling->E + 1) * sizeof *list->ends);
    for (int64_t slot = slots.begin; slot < slots.end; slot++) {
        list->ends[vd_expert_of(tiling->experts[slot], tiling->E)]++;
    }
    int32_t begin = 0;
    for (int32_t e = 0; e <= tiling->E; e++) {
        int32_t n = list->ends[e];
        list->ends[e] = begin;
        begin += n;
    }
    for (int64_t slot = slots.begin; slot < slots.end; slot++) {
        list->slots[list->ends[vd_expert_of(tiling->experts[slot], tiling->E)]++] = (int32_t)slot;
    }
}

// Returns the range in the list of an expert's slots, or for E of those that name none.
static vd_range listed(const slot_list *list, int32_t expert) {
    return (vd_range){expert > 0 ? list->ends[expert - 1] : 0, list->ends[expert]};
}

// Zeroes the worker's share of the slots that name no expert.
static void clear_others(const vd_expert_tiling *tiling, const vd_step *step,
                         const slot_list *list) {
    vd_range others = listed(list, tiling->E);
    vd_range share = vd_share(step->worker, others.end - others.begin);
    for (int64_t i = others.begin + share.begin; i < others.begin + share.end; i++) {
        memset(tiling->y + list->slots[i] * tiling->width, 0,
               (size_t)tiling->width * sizeof *tiling->y);
    }
}

void vd_run_expert_tiles(const vd_op *op, const vd_step *step, const vd_expert_tiling *tiling,
                         vd_run_expert_tile *run_tile) {
    slot_list list;
    int64_t all = step->rows * tiling->k;
    int64_t next_tile = vd_next_tile(step);
    int64_t before = 0;  // tiles of earlier slots and experts
    for (int64_t first = 0; first < all; first += LISTED_SLOTS) {
        list_slots(tiling, (vd_range){first, vd_min(first + LISTED_SLOTS, all)}, &list);
        clear_others(tiling, step, &list);
        for (int32_t e = 0; e < tiling->E; e++) {
            vd_range slots = listed(&list, e);
            int64_t rows = vd_ceil_div(slots.end - slots.begin, tiling->slots);
            for (; next_tile < before + rows * tiling->parts; next_tile = vd_next_tile(step)) {
                int64_t begin = slots.begin + (next_tile - before) % rows * tiling->slots;
                run_tile(op, step,
                         &(vd_expert_tile){.expert = e,
                                           .slots = list.slots + begin,
                                           .n = vd_min(slots.end - begin, tiling->slots),
                                           .part = (next_tile - before) / rows});
            }
            before += rows * tiling->parts;
        }
    }
}
