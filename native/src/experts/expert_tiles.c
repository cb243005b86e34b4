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

_Static_assert(sizeof(slot_list) <= VD_LIST_BYTES, "the list fits");

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
        memset(tiling->y + list->slots[i] * tiling->columns, 0,
               (size_t)tiling->columns * sizeof *tiling->y);
    }
}

// Tiles of a slice of columns, over all chunks of slots.
typedef struct slice_tiles {
    vd_range columns;
    int64_t parts;   // of the columns, one for each tile
    int64_t before;  // tiles of earlier slots and experts
    int64_t next;    // the tile that the worker has taken; -1: none yet
    int ended;       // the worker takes no more
} slice_tiles;

static slice_tiles tiles_of_slice(const vd_expert_tiling *tiling, int32_t slice) {
    slice_tiles tiles = {.columns = {0, tiling->columns}, .next = -1};
    if (tiling->slices != NULL) {
        int64_t units = vd_ceil_div(tiling->columns, tiling->unit);
        int64_t end = vd_slice_begin(tiling->slices, slice + 1, units) * tiling->unit;
        tiles.columns.begin = vd_slice_begin(tiling->slices, slice, units) * tiling->unit;
        tiles.columns.end = vd_min(end, tiling->columns);
    }
    tiles.parts = vd_ceil_div(tiles.columns.end - tiles.columns.begin, tiling->tile_columns);
    return tiles;
}

// Returns the number of tiles with the same columns that an expert's slots fill.
static int64_t slot_tiles(const vd_expert_tiling *tiling, const slot_list *list, int32_t expert) {
    vd_range slots = listed(list, expert);
    return vd_ceil_div(slots.end - slots.begin, tiling->tile_slots);
}

// Returns the number of tiles up to the end of the listed slots.
static int64_t count_tiles(const vd_expert_tiling *tiling, const slot_list *list,
                           const slice_tiles *tiles) {
    int64_t count = tiles->before;
    for (int32_t e = 0; e < tiling->E; e++) {
        count += slot_tiles(tiling, list, e) * tiles->parts;
    }
    return count;
}

// Runs the tiles of a slice for the listed slots. `limit` is the number of tiles for all slots, or
// INT64_MAX if more slots follow.
static void run_listed(const vd_op *op, const vd_step *step, const vd_expert_tiling *tiling,
                       const slot_list *list, int32_t slice, int64_t limit, slice_tiles *tiles,
                       vd_run_expert_tile *run_tile) {
    for (int32_t e = 0; e < tiling->E; e++) {
        vd_range slots = listed(list, e);
        int64_t rows = slot_tiles(tiling, list, e);
        while (!tiles->ended && tiles->next < tiles->before + rows * tiles->parts) {
            int64_t i = tiles->next - tiles->before;
            if (i >= 0) {
                int64_t begin = slots.begin + i % rows * tiling->tile_slots;
                int64_t column = tiles->columns.begin + i / rows * tiling->tile_columns;
                int64_t end = vd_min(column + tiling->tile_columns, tiles->columns.end);
                run_tile(op, step,
                         &(vd_expert_tile){.expert = e,
                                           .slots = list->slots + begin,
                                           .n = vd_min(slots.end - begin, tiling->tile_slots),
                                           .columns = {column, end}});
            }
            tiles->ended = !vd_take_tile(step, slice, limit, &tiles->next);
        }
        tiles->before += rows * tiles->parts;
    }
}

void vd_run_expert_tiles(const vd_op *op, const vd_step *step, const vd_expert_tiling *tiling,
                         vd_run_expert_tile *run_tile) {
    slot_list *list = step->worker->list;
    slice_tiles tiles[VD_SLICES_MAX];
    int32_t slices = tiling->slices == NULL ? 1 : tiling->slices->count;
    int32_t own = slices == 1 ? 0 : vd_slice_of(tiling->slices, step->worker->index);
    for (int32_t i = 0; i < slices; i++) {
        tiles[i] = tiles_of_slice(tiling, i);
    }
    int64_t all = step->rows * tiling->k;
    for (int64_t first = 0; first < all; first += LISTED_SLOTS) {
        list_slots(tiling, (vd_range){first, vd_min(first + LISTED_SLOTS, all)}, list);
        clear_others(tiling, step, list);
        for (int32_t i = 0; i < slices; i++) {
            int32_t slice = (own + i) % slices;
            int64_t limit =
                first + LISTED_SLOTS < all ? INT64_MAX : count_tiles(tiling, list, &tiles[slice]);
            run_listed(op, step, tiling, list, slice, limit, &tiles[slice], run_tile);
        }
    }
}
