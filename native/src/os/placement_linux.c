// Placement by the system call mbind, since few systems have libnuma installed.
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/placement.h"

enum {
    NODES_MAX = 1024,  // the maximum of Linux
    WORD_BITS = 8 * sizeof(unsigned long),
    PREFERRED = 1,  // MPOL_PREFERRED
    INTERLEAVE = 3  // MPOL_INTERLEAVE
};

// A set of nodes.
typedef struct node_set {
    unsigned long words[NODES_MAX / WORD_BITS];
} node_set;

static int add(node_set *set, int32_t node) {
    if (node < 0 || node >= NODES_MAX) {
        return 0;
    }
    set->words[node / WORD_BITS] |= 1UL << (node % WORD_BITS);
    return 1;
}

static uintptr_t page_at_or_after(const void *memory) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    return ((uintptr_t)memory + page - 1) / page * page;
}

static vd_status set_policy(void *memory, size_t bytes, int policy, const node_set *set) {
    uintptr_t begin = page_at_or_after(memory);
    uintptr_t end = page_at_or_after((char *)memory + bytes);
    if (begin == end) {
        return VD_OK;
    }
    // Linux reads one bit less than the number that it is given.
    if (syscall(SYS_mbind, begin, end - begin, policy, set->words, NODES_MAX + 1, 0) == 0) {
        return VD_OK;
    }
    return errno == ENOMEM ? VD_NO_MEMORY : VD_UNSUPPORTED;
}

vd_status vd_place_on_node(void *memory, size_t bytes, int32_t node) {
    node_set set = {0};
    return add(&set, node) ? set_policy(memory, bytes, PREFERRED, &set) : VD_UNSUPPORTED;
}

vd_status vd_place_on_nodes(void *memory, size_t bytes, const int32_t *nodes, int32_t count) {
    node_set set = {0};
    for (int32_t i = 0; i < count; i++) {
        if (!add(&set, nodes[i])) {
            return VD_UNSUPPORTED;
        }
    }
    return set_policy(memory, bytes, INTERLEAVE, &set);
}
