// Memory through which workers share the chunks of an attention tile, or of a row of top-k.
#ifndef VD_CORE_SPLIT_H
#define VD_CORE_SPLIT_H

#include <stdatomic.h>
#include <stdint.h>

enum { VD_SPLIT_ROWS = 8 };  // tokens over all positions with partial results that fit

typedef struct vd_split {
    float *parts;       // partial results
    atomic_uint *done;  // finished chunks of each tile; 0 between operations
    int64_t floats;     // of parts
    int64_t tiles;
} vd_split;

#endif
