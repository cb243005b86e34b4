#include <dlfcn.h>
#include <string.h>

#include "os/library.h"

void *vd_library_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

void vd_library_close(void *library) { dlclose(library); }

// POSIX allows the pointer of dlsym to hold a function; C does not allow the cast.
int vd_library_find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}
