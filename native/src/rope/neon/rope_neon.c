#include "rope/rope_loop.h"

void vd_rope_neon(const vd_rope *op, const int32_t *positions, vd_range heads) {
    rope_heads(op, positions, heads);
}
