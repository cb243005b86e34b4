// Memory by mmap. Page faults are expensive, so large allocations use huge pages, and no page is
// returned before its owner frees it.
#include <sys/mman.h>
#include <unistd.h>

#include "vidrio.h"

enum { HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static void *map(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

// Maps one huge page more than needed and unmaps what precedes and follows the aligned part.
static void *map_huge(size_t bytes) {
    char *p = map(bytes + HUGE_PAGE);
    if (p == NULL) {
        return NULL;
    }
    size_t before = (HUGE_PAGE - ((uintptr_t)p & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (before > 0) {
        munmap(p, before);
    }
    munmap(p + before + bytes, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    madvise(p + before, bytes, MADV_HUGEPAGE);  // a hint: on failure small pages are used
#endif
    return p + before;
}

static size_t mapped_bytes(size_t bytes) {
    return bytes >= HUGE_PAGE ? round_up(bytes, HUGE_PAGE)
                              : round_up(bytes, (size_t)sysconf(_SC_PAGESIZE));
}

vd_status vd_alloc(size_t bytes, void **memory) {
    if (memory == NULL || bytes == 0) {
        return VD_INVALID_ARGUMENT;
    }
    *memory = NULL;
    if (bytes > (size_t)INT64_MAX / 2) {
        return VD_NO_MEMORY;
    }
    *memory = bytes >= HUGE_PAGE ? map_huge(mapped_bytes(bytes)) : map(mapped_bytes(bytes));
    return *memory == NULL ? VD_NO_MEMORY : VD_OK;
}

void vd_free(void *memory, size_t bytes) {
    if (memory != NULL) {
        munmap(memory, mapped_bytes(bytes));
    }
}
