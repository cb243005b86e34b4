// Memory through which workers share the chunks of a tile of attention, or of a row of top-k.
#ifndef VD_CORE_SPLIT_H
#define VD_CORE_SPLIT_H

#include <stdatomic.h>
#include <stdint.h>

#include "vidrio.h"

enum { VD_SPLIT_ROWS = 8 };  // tokens over all positions whose parts there is room for

typedef struct vd_split {
    float *parts;
    atomic_uint *done;  // what is finished of each tile; 0 between operations
    int64_t floats;     // of parts
    int64_t tiles;
} vd_split;

// How much an operation wants; pointers are null.
vd_split vd_attention_split(const vd_op *op, const vd_limits *limits);
vd_split vd_top_k_split(void);

#endif
