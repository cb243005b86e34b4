#include "support/guarded.h"

#include <string.h>

#include "support/check.h"
#include "support/system.h"

enum { REGIONS = 64 };

// Pages between two guard pages; kept and used again, since mapping is slow.
typedef struct region {
    unsigned char *start;  // of the usable bytes; null: not mapped
    size_t size;           // of the usable bytes
    size_t offset;         // of the data
    size_t bytes;          // of the data
    int used;
} region;

static region regions[REGIONS];

static void map(region *r, size_t size) {
    if (r->start != NULL) {
        unmap_between_guards(r->start, r->size);
    }
    r->start = map_between_guards(size);
    CHECK(r->start != NULL);
    r->size = size;
}

// A free region of the size, else a slot never used, else any free one.
static region *find(size_t size) {
    region *best = NULL;
    for (int i = 0; i < REGIONS; i++) {
        region *r = &regions[i];
        if (!r->used && r->start != NULL && r->size == size) {
            return r;
        }
        if (!r->used && (best == NULL || (best->start != NULL && r->start == NULL))) {
            best = r;
        }
    }
    CHECK(best != NULL);
    map(best, size);
    return best;
}

void *guarded_alloc(size_t bytes, placement where) {
    size_t size = (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
    region *r = find(size);
    r->used = 1;
    r->bytes = bytes;
    r->offset = where == AT_END ? size - bytes : 0;
    memset(r->start, CANARY, size);
    return r->start + r->offset;
}

void *guarded_copy(const void *from, size_t bytes, placement where) {
    return memcpy(guarded_alloc(bytes, where), from, bytes);
}

size_t canaries(const void *memory, size_t bytes) {
    const unsigned char *p = memory;
    // All are, where the first is and each is as the next.
    if (bytes == 0 || (p[0] == CANARY && memcmp(p, p + 1, bytes - 1) == 0)) {
        return bytes;
    }
    size_t count = 0;
    while (p[count] == CANARY) {
        count++;
    }
    return count;
}

static void check_outside(const region *r, size_t begin, size_t end) {
    size_t whole = canaries(r->start + begin, end - begin);
    if (whole < end - begin) {
        fail("byte %td of a buffer of %zu bytes was written",
             (ptrdiff_t)(begin + whole) - (ptrdiff_t)r->offset, r->bytes);
    }
}

void guarded_free_all(void) {
    for (int i = 0; i < REGIONS; i++) {
        region *r = &regions[i];
        if (r->used) {
            check_outside(r, 0, r->offset);
            check_outside(r, r->offset + r->bytes, r->size);
        }
        r->used = 0;
    }
}
