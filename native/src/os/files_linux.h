// Reads the small text files of /sys and /proc below a root directory. Each function formats the
// path as printf does.
#ifndef VD_OS_FILES_LINUX_H
#define VD_OS_FILES_LINUX_H

#include <stdint.h>
#include <stdio.h>

#include "vidrio.h"

enum { VD_PATH_BYTES = 1024 };

// Processors by their numbers in the operating system.
typedef struct vd_processor_set {
    uint64_t words[VD_PROCESSORS_MAX / 64];
} vd_processor_set;

static inline int vd_set_has(const vd_processor_set *set, int64_t id) {
    return id >= 0 && id < VD_PROCESSORS_MAX && (set->words[id / 64] >> (id % 64) & 1);
}

static inline void vd_set_add(vd_processor_set *set, int64_t id) {
    if (id >= 0 && id < VD_PROCESSORS_MAX) {
        set->words[id / 64] |= UINT64_C(1) << (id % 64);
    }
}

// Opens a file for reading, or returns null.
FILE *vd_open_below(const char *root, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Returns the first number in a file, or `fallback`.
int64_t vd_read_number(int64_t fallback, const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Reads comma-separated numbers and ranges, such as "0-3,8". Returns 1 on success, else 0 and an
// empty set.
int vd_read_list(vd_processor_set *set, const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Reads hexadecimal words from the highest to the lowest, such as "1,0000000f". Returns 1 on
// success, else 0 and an empty set.
int vd_read_mask(vd_processor_set *set, const char *root, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
