// Lengths that make every loop end at every possible remainder: all small ones, and those around
// multiples of vectors, tiles and blocks.
#ifndef VD_TEST_LENGTHS_H
#define VD_TEST_LENGTHS_H

#include <stdint.h>

enum { LENGTHS = 67 + 11, LONGEST = 1000 };

// Returns the i-th length in ascending order, i from 0 to LENGTHS - 1.
static inline int32_t length_at(int i) {
    static const int32_t beyond[LENGTHS - 67] = {95,  96,  97,  127, 128,    129,
                                                 255, 256, 257, 576, LONGEST};
    return i < 67 ? i + 1 : beyond[i - 67];
}

#endif
