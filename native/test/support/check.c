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

int instrumented(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 1;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return 0;
#endif
}

int full(void) {
    const char *wish = getenv("VD_TEST_FULL");
    return wish != NULL && strcmp(wish, "1") == 0;
}
