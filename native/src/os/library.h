// Shared libraries that are opened at run time.
#ifndef VD_OS_LIBRARY_H
#define VD_OS_LIBRARY_H

// The library of the file (UTF-8), or null.
void *vd_library_open(const char *path);
void vd_library_close(void *library);

// Copies the address of the library's function into *function, a pointer to a function. 1 when
// there is one, else 0 and null.
int vd_library_find(void *library, const char *name, void *function);

#endif
