#include "support/system.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "support/check.h"

const char *const system_library = "kernel32.dll";

size_t page_bytes(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
}

// Pages that are reserved but not committed are inaccessible.
void *map_between_guards(size_t bytes) {
    size_t page = page_bytes();
    char *all = VirtualAlloc(NULL, bytes + 2 * page, MEM_RESERVE, PAGE_NOACCESS);
    if (all == NULL) {
        return NULL;
    }
    return VirtualAlloc(all + page, bytes, MEM_COMMIT, PAGE_READWRITE);
}

void unmap_between_guards(void *pages, size_t bytes) {
    (void)bytes;
    CHECK(VirtualFree((char *)pages - page_bytes(), 0, MEM_RELEASE));
}

void *allocate_aligned(size_t bytes) { return _aligned_malloc(bytes, 64); }

void free_aligned(void *memory) { _aligned_free(memory); }

void set_environment(const char *name, const char *value) {
    CHECK(_putenv_s(name, value == NULL ? "" : value) == 0);  // an empty value removes the variable
}

static void (*reporter)(void);

static LONG WINAPI handle(EXCEPTION_POINTERS *fault) {
    if (fault->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION) {
        reporter();
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

void on_fault(void (*report)(void)) {
    reporter = report;
    SetUnhandledExceptionFilter(handle);
}

void put_error(const char *text) {
    DWORD ignored;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &ignored, NULL);
}
