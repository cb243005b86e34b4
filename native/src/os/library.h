// Shared libraries opened at run time.
#ifndef VD_OS_LIBRARY_H
#define VD_OS_LIBRARY_H

// Opens the library at a path (UTF-8). Returns null if it cannot be loaded.
void *vd_library_open(const char *path);
void vd_library_close(void *library);

// Copies the address of a function of the library into *function, which is a function pointer.
// Returns 1 if it exists, else 0 and null.
int vd_library_find(void *library, const char *name, void *function);

#endif
