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

static int is_set(const char *variable) {
    const char *value = getenv(variable);
    return value != NULL && strcmp(value, "1") == 0;
}

static int emulated(void) { return is_set("VD_TEST_EMULATED"); }

int instrumented(void) { return ADDRESS_SANITIZER || THREAD_SANITIZER || emulated(); }

int watches_threads(void) { return THREAD_SANITIZER; }

int sweep_step(void) {
    if (THREAD_SANITIZER || emulated()) {
        return 11;
    }
    return ADDRESS_SANITIZER ? 5 : 1;
}

int full(void) { return is_set("VD_TEST_FULL"); }
