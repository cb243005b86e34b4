// What the tests ask of the operating system.
#ifndef VD_TEST_SYSTEM_H
#define VD_TEST_SYSTEM_H

#include <stddef.h>

// The file of a library that every such system has, and which is not OpenBLAS.
extern const char *const system_library;

size_t page_bytes(void);

// Whole pages between two pages that nobody may touch; null: none to be had.
void *map_between_guards(size_t bytes);
void unmap_between_guards(void *pages, size_t bytes);

// Memory aligned to 64 bytes, from where a sanitizer watches it.
void *allocate_aligned(size_t bytes);
void free_aligned(void *memory);

// Sets an environment variable; null removes it.
void set_environment(const char *name, const char *value);

// Has the function called at a memory fault, before the program ends as usual.
void on_fault(void (*report)(void));

// Writes to standard error, even while a fault is handled.
void put_error(const char *text);

#endif
