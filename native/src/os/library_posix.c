#include <dlfcn.h>
#include <string.h>

#include "os/library.h"

void *vd_library_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

void vd_library_close(void *library) { dlclose(library); }

// POSIX promises that the pointer of dlsym may hold a function, C does not let one be cast.
int vd_library_find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}
