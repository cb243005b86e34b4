#include "os/library.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

void *vd_library_open(const char *path) {
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    wchar_t *wide = units > 0 ? calloc((size_t)units, sizeof(wchar_t)) : NULL;
    if (wide == NULL) {
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, units);
    HMODULE library = LoadLibraryW(wide);
    free(wide);
    return library;
}

void vd_library_close(void *library) { FreeLibrary(library); }

int vd_library_find(void *library, const char *name, void *function) {
    FARPROC symbol = GetProcAddress(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}
