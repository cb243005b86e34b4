// vd_alloc: memory is aligned and zeroed; invalid sizes are rejected.
#include <stdint.h>
#include <string.h>

#include "support/check.h"
#include "vidrio.h"

enum { MIB = 1 << 20 };

static int is_zeroed(const unsigned char *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0) {
            return 0;
        }
    }
    return 1;
}

static void allocates_aligned_zeros(size_t bytes) {
    describe("vd_alloc of %zu bytes", bytes);
    void *p = NULL;
    CHECK(vd_alloc(bytes, &p) == VD_OK && p != NULL);
    CHECK((uintptr_t)p % (bytes >= 2 * MIB ? 2 * MIB : 64) == 0);
    CHECK(is_zeroed(p, bytes));
    memset(p, 0xff, bytes);  // all of it may be written
    vd_free(p, bytes);
}

// Checks that allocations held at the same time do not overlap.
static void allocates_disjoint_pieces(void) {
    enum { PIECES = 24 };
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    describe("vd_alloc of %d pieces at once", PIECES);
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = (size_t)(i % 3 == 0 ? 3 * MIB : i % 3 == 1 ? 2 * MIB : 4096 * (i + 1));
        void *p;
        CHECK(vd_alloc(sizes[i], &p) == VD_OK);
        pieces[i] = memset(p, i, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++) {
        CHECK(pieces[i][0] == i && memcmp(pieces[i], pieces[i] + 1, sizes[i] - 1) == 0);
        vd_free(pieces[i], sizes[i]);
    }
}

static void rejects_invalid_sizes(void) {
    describe("vd_alloc, invalid sizes");
    void *p = &p;
    CHECK(vd_alloc(0, &p) == VD_INVALID_ARGUMENT);
    CHECK(vd_alloc(64, NULL) == VD_INVALID_ARGUMENT);
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2, (size_t)1 << 62,
                                  (size_t)1 << 56};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        p = &p;
        CHECK(vd_alloc(huge[i], &p) == VD_NO_MEMORY && p == NULL);
    }
    vd_free(NULL, 64);
}

int main(void) {
    describe_faults();
    static const size_t sizes[] = {1,           63,          64,      4095,        4096,
                                   4097,        2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB - 4096,
                                   4 * MIB + 1, 9 * MIB};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            allocates_aligned_zeros(sizes[i]);
        }
    }
    allocates_disjoint_pieces();
    rejects_invalid_sizes();
    return 0;
}
