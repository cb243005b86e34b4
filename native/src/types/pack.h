#ifndef VD_TYPES_PACK_H
#define VD_TYPES_PACK_H

#include "core/pool.h"

// Packs groups of the matrix [N,K] as vd_pack does, the first of them to `packed`.
void vd_pack_groups(int32_t type, int64_t N, int64_t K, const void *source, vd_range groups,
                    void *packed);

#endif
