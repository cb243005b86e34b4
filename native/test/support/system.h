// Operating system functions of the tests.
#ifndef VD_TEST_SYSTEM_H
#define VD_TEST_SYSTEM_H

#include <stddef.h>

// A library that every such system has and that is not OpenBLAS.
extern const char *const system_library;

size_t page_bytes(void);

// Maps whole pages between two inaccessible pages. Returns null if that fails.
void *map_between_guards(size_t bytes);
void unmap_between_guards(void *pages, size_t bytes);

// Allocates memory aligned to 64 bytes from the heap, where sanitizers check accesses.
void *allocate_aligned(size_t bytes);
void free_aligned(void *memory);

// Sets an environment variable, or removes it if the value is null.
void set_environment(const char *name, const char *value);

// Registers a function to call at a memory fault, before the program ends as usual.
void on_fault(void (*report)(void));

// Writes to standard error. May be called in a fault handler.
void put_error(const char *text);

#endif
