#include "support/guarded.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/system.h"

// Once a test has mapped this many regions, free ones of another size are remapped before more are
// added.
enum { REGIONS_KEPT = 64 };

// Pages between two guard pages. They stay mapped for reuse, since mapping is slow.
typedef struct region {
    unsigned char *start;  // of the usable bytes
    size_t size;           // of the usable bytes
    size_t offset;         // of the data
    size_t bytes;          // of the data
    int used;
} region;

// Grows as needed: the number of buffers of a test may depend on the instruction sets of the
// machine.
static region *regions;
static int n_regions, capacity;

static region *add_region(void) {
    if (n_regions == capacity) {
        capacity = capacity == 0 ? REGIONS_KEPT : 2 * capacity;
        regions = realloc(regions, (size_t)capacity * sizeof *regions);
        CHECK(regions != NULL);
    }
    regions[n_regions] = (region){0};
    return &regions[n_regions++];
}

static void map(region *r, size_t size) {
    if (r->start != NULL) {
        unmap_between_guards(r->start, r->size);
    }
    r->start = map_between_guards(size);
    CHECK(r->start != NULL);
    r->size = size;
}

// Returns a free region of the size.
static region *find(size_t size) {
    region *other = NULL;
    for (int i = 0; i < n_regions; i++) {
        region *r = &regions[i];
        if (!r->used && r->size == size) {
            return r;
        }
        if (!r->used) {
            other = r;
        }
    }
    region *r = other == NULL || n_regions < REGIONS_KEPT ? add_region() : other;
    map(r, size);
    return r;
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
    // All bytes are CANARY if the first one is and each equals the next.
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
        fail("byte %td outside a buffer of %zu bytes was written",
             (ptrdiff_t)(begin + whole) - (ptrdiff_t)r->offset, r->bytes);
    }
}

void guarded_free_all(void) {
    for (int i = 0; i < n_regions; i++) {
        region *r = &regions[i];
        if (r->used) {
            check_outside(r, 0, r->offset);
            check_outside(r, r->offset + r->bytes, r->size);
        }
        r->used = 0;
    }
}
