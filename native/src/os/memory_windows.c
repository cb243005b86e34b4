// Memory by VirtualAlloc. Large pages need a privilege that few accounts have; without it, an
// allocation is aligned like one at the cost of address space.
#include <windows.h>

#include "vidrio.h"

enum { HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Reserves one huge page more than needed and commits the aligned part.
static void *map_aligned(size_t bytes) {
    char *reserved = VirtualAlloc(NULL, bytes + HUGE_PAGE, MEM_RESERVE, PAGE_NOACCESS);
    if (reserved == NULL) {
        return NULL;
    }
    char *aligned = (char *)round_up((uintptr_t)reserved, HUGE_PAGE);
    void *p = VirtualAlloc(aligned, bytes, MEM_COMMIT, PAGE_READWRITE);
    if (p == NULL) {
        VirtualFree(reserved, 0, MEM_RELEASE);
    }
    return p;
}

static void *map_huge(size_t bytes) {
    void *p = NULL;
    if (GetLargePageMinimum() == HUGE_PAGE) {
        p = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE);
    }
    return p != NULL ? p : map_aligned(bytes);
}

vd_status vd_alloc(size_t bytes, void **memory) {
    if (memory == NULL || bytes == 0) {
        return VD_INVALID_ARGUMENT;
    }
    *memory = NULL;
    if (bytes > (size_t)INT64_MAX / 2) {
        return VD_NO_MEMORY;
    }
    *memory = bytes >= HUGE_PAGE
                  ? map_huge(round_up(bytes, HUGE_PAGE))
                  : VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    return *memory == NULL ? VD_NO_MEMORY : VD_OK;
}

void vd_free(void *memory, size_t bytes) {
    (void)bytes;  // VirtualQuery finds the size
    MEMORY_BASIC_INFORMATION piece;
    if (memory != NULL && VirtualQuery(memory, &piece, sizeof piece) != 0) {
        VirtualFree(piece.AllocationBase, 0, MEM_RELEASE);
    }
}
