#include "support/system.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/check.h"

#if defined(__APPLE__)
const char *const system_library = "libSystem.B.dylib";
#else
const char *const system_library = "libm.so.6";
#endif

size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *map_between_guards(size_t bytes) {
    size_t page = page_bytes();
    char *all = mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        return NULL;
    }
    CHECK(bytes == 0 || mprotect(all + page, bytes, PROT_READ | PROT_WRITE) == 0);
    return all + page;
}

void unmap_between_guards(void *pages, size_t bytes) {
    CHECK(munmap((char *)pages - page_bytes(), bytes + 2 * page_bytes()) == 0);
}

void *allocate_aligned(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

void free_aligned(void *memory) { free(memory); }

void set_environment(const char *name, const char *value) {
    CHECK((value == NULL ? unsetenv(name) : setenv(name, value, 1)) == 0);
}

static struct sigaction usual[2];  // actions of SIGSEGV and SIGBUS
static void (*reporter)(void);

// After the return the instruction runs again, which ends the program or calls the sanitizer.
static void handle(int signal) {
    reporter();
    sigaction(signal, &usual[signal == SIGBUS], NULL);
}

void on_fault(void (*report)(void)) {
    reporter = report;
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGSEGV, &action, &usual[0]);
    sigaction(SIGBUS, &action, &usual[1]);
}

void put_error(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}
