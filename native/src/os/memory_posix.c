// Memory by mmap. Page faults are expensive, so large allocations use huge pages, and no page is
// returned before its owner frees it. In builds for debugging and with sanitizers, which do not see
// mapped memory, an inaccessible page follows each allocation: an access after its end is a fault.
#include <sys/mman.h>
#include <unistd.h>

#include "vidrio.h"

#ifndef VD_GUARD_PAGES
#define VD_GUARD_PAGES 0
#endif

enum { HUGE_PAGE = 2 << 20, ALIGNMENT = 64 };

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

// Returns the size of the page that follows an allocation.
static size_t guard_bytes(void) { return VD_GUARD_PAGES ? page_bytes() : 0; }

static char *map(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

// Maps one huge page more than needed and unmaps what precedes and follows the aligned part.
static char *map_huge(size_t bytes) {
    char *p = map(bytes + HUGE_PAGE + guard_bytes());
    if (p == NULL) {
        return NULL;
    }
    size_t before = (HUGE_PAGE - ((uintptr_t)p & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (before > 0) {
        munmap(p, before);
    }
    munmap(p + before + bytes + guard_bytes(), HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    madvise(p + before, bytes, MADV_HUGEPAGE);  // a hint: on failure small pages are used
#endif
    return p + before;
}

// Returns the size of an allocation's pages, without the one that follows.
static size_t mapped_bytes(size_t bytes) {
    return round_up(bytes, bytes >= HUGE_PAGE ? (size_t)HUGE_PAGE : page_bytes());
}

// Returns where an allocation begins in its pages: at their begin, or, if it is small and a guard
// page follows, so that it ends there.
static size_t offset(size_t bytes) {
    int at_end = VD_GUARD_PAGES && bytes < HUGE_PAGE;
    return at_end ? mapped_bytes(bytes) - round_up(bytes, ALIGNMENT) : 0;
}

vd_status vd_alloc(size_t bytes, void **memory) {
    if (memory == NULL || bytes == 0) {
        return VD_INVALID_ARGUMENT;
    }
    *memory = NULL;
    if (bytes > (size_t)INT64_MAX / 2) {
        return VD_NO_MEMORY;
    }
    size_t mapped = mapped_bytes(bytes);
    char *pages = bytes >= HUGE_PAGE ? map_huge(mapped) : map(mapped + guard_bytes());
    if (pages == NULL) {
        return VD_NO_MEMORY;
    }
    if (VD_GUARD_PAGES && mprotect(pages + mapped, guard_bytes(), PROT_NONE) != 0) {
        munmap(pages, mapped + guard_bytes());
        return VD_NO_MEMORY;
    }
    *memory = pages + offset(bytes);
    return VD_OK;
}

void vd_free(void *memory, size_t bytes) {
    if (memory != NULL) {
        munmap((char *)memory - offset(bytes), mapped_bytes(bytes) + guard_bytes());
    }
}
