#include "support/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static struct sigaction usual[2];  // of SIGSEGV and SIGBUS

static void put(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

// Returning runs the instruction again, which now ends the program, or calls the sanitizer.
static void report_fault(int signal) {
    put("memory fault in case: ");
    put(description);
    put("\n");
    sigaction(signal, &usual[signal == SIGBUS], NULL);
}

void describe_faults(void) {
    struct sigaction action = {.sa_handler = report_fault};
    sigaction(SIGSEGV, &action, &usual[0]);
    sigaction(SIGBUS, &action, &usual[1]);
}

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

static int asked_for(const char *variable) {
    const char *wish = getenv(variable);
    return wish != NULL && strcmp(wish, "1") == 0;
}

static int emulated(void) { return asked_for("VD_TEST_EMULATED"); }

int instrumented(void) { return ADDRESS_SANITIZER || THREAD_SANITIZER || emulated(); }

int sweep_step(void) { return THREAD_SANITIZER || emulated() ? 7 : 1; }

int full(void) { return asked_for("VD_TEST_FULL"); }
