#include "support/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/system.h"

static char description[512] = "(no case described)";

void describe(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(description, sizeof description, format, arguments);
    va_end(arguments);
}

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "case: %s\n", description);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void report_fault(void) {
    put_error("memory fault in case: ");
    put_error(description);
    put_error("\n");
}

void describe_faults(void) { on_fault(report_fault); }

#if defined(__has_feature)
#define CLANG_HAS(feature) __has_feature(feature)
#else
#define CLANG_HAS(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || CLANG_HAS(thread_sanitizer)
enum { THREAD_SANITIZER = 1 };
#else
enum { THREAD_SANITIZER = 0 };
#endif

#if defined(__SANITIZE_ADDRESS__) || CLANG_HAS(address_sanitizer)
enum { ADDRESS_SANITIZER = 1 };
#else
enum { ADDRESS_SANITIZER = 0 };
#endif

static int emulated(void) {
    const char *value = getenv("VD_TEST_EMULATED");
    return value != NULL && strcmp(value, "1") == 0;
}

int instrumented(void) { return ADDRESS_SANITIZER || THREAD_SANITIZER || emulated(); }

int watches_threads(void) { return THREAD_SANITIZER; }

int sweep_step(void) {
    if (THREAD_SANITIZER || emulated()) {
        return 11;
    }
    return short_sweeps() ? 5 : 1;
}

// Returns whether VD_TEST_SWEEPS has a value.
static int wants_sweeps(const char *value) {
    const char *given = getenv("VD_TEST_SWEEPS");
    if (given == NULL || *given == '\0') {
        return 0;
    }
    if (strcmp(given, "short") != 0 && strcmp(given, "whole") != 0) {
        fail("VD_TEST_SWEEPS: unknown value: %s; supported: short, whole", given);
    }
    return strcmp(given, value) == 0;
}

int short_sweeps(void) { return instrumented() || wants_sweeps("short"); }

int whole_sweeps(void) { return wants_sweeps("whole"); }
