// The division of a cache's heads among NUMA nodes: keys and values of a group of heads are stored
// and read by the workers of the nodes that hold them (docs/adr/031).
#ifndef VD_ATTENTION_HEAD_GROUPS_H
#define VD_ATTENTION_HEAD_GROUPS_H

#include "core/pool.h"

// The groups of a cache, or those that one worker computes together if its pool has fewer nodes.
typedef struct vd_head_groups {
    const vd_slices *slices;
    int32_t heads;  // of all groups
    int32_t count;
} vd_head_groups;

static inline vd_head_groups vd_head_groups_of(const vd_kv_cache *cache, const vd_pool *pool) {
    const vd_slices *slices = vd_pool_slices(pool);
    int32_t groups = cache->H_kv / cache->group_heads;
    return (vd_head_groups){.slices = slices,
                            .heads = cache->H_kv,
                            .count = groups < slices->count ? groups : slices->count};
}

// Returns the group of a worker.
static inline int32_t vd_head_group_of(const vd_head_groups *groups, int32_t worker) {
    return vd_slice_of(groups->slices, worker) * groups->count / groups->slices->count;
}

// Returns the heads of a group.
static inline vd_range vd_group_heads(const vd_head_groups *groups, int32_t group) {
    return (vd_range){(int64_t)groups->heads * group / groups->count,
                      (int64_t)groups->heads * (group + 1) / groups->count};
}

// Returns the workers of a group.
static inline vd_range vd_group_workers(const vd_head_groups *groups, int32_t group) {
    int64_t slices = groups->slices->count;
    int64_t begin = vd_ceil_div(group * slices, groups->count);
    int64_t end = vd_ceil_div((group + 1) * slices, groups->count);
    return (vd_range){groups->slices->begins[begin], groups->slices->begins[end]};
}

#endif
