// Failures. A test program ends at the first one and prints the current case and the source line.
#ifndef VD_TEST_CHECK_H
#define VD_TEST_CHECK_H

// Ends the test unless the condition holds.
#define CHECK(condition) \
    ((condition) ? (void)0 : fail("%s:%d: not true: %s", __FILE__, __LINE__, #condition))

// Sets the current case, which failures and crashes print. Arguments as of printf.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Ends the test with the case and a message. Arguments as of printf.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Makes memory faults print the case before they end the program as usual.
void describe_faults(void);

// Returns 1 if a sanitizer or an emulator (VD_TEST_EMULATED is 1) slows the program down.
int instrumented(void);

// Returns 1 if sweeps take longer steps: with a sanitizer, an emulator or VD_TEST_SWEEPS=short.
int short_sweeps(void);

// Returns 1 with VD_TEST_SWEEPS=whole: sweeps over floats then skip none.
int whole_sweeps(void);

// Returns the step of sweeps: 1, or more if they are short. It is largest with an emulator and with
// the thread sanitizer, which finds no errors in the work of a single thread.
int sweep_step(void);

// Returns 1 with the thread sanitizer. Tests then skip single-threaded work.
int watches_threads(void);

#endif
