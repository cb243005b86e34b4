// The test programs end at the first failure, with the case that ran and the place in the source.
#ifndef VD_TEST_CHECK_H
#define VD_TEST_CHECK_H

// Ends the test unless the condition holds.
#define CHECK(condition) \
    ((condition) ? (void)0 : fail("%s:%d: not true: %s", __FILE__, __LINE__, #condition))

// Says which case runs from here on; a failure or a crash repeats it. Arguments as of printf.
void describe(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Ends the test with the case and a message. Arguments as of printf.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Makes memory faults name the case before they end the program as usual.
void describe_faults(void);

// 1 when sanitizers or an emulator (then VD_TEST_EMULATED is 1) slow the program down: sweeps take
// longer steps then.
int instrumented(void);

// 1, or more under sanitizers, most under the thread sanitizer, which has little to see in what one
// thread does, and under an emulator.
int sweep_step(void);

// 1 under the thread sanitizer, which sees nothing in what one thread computes alone.
int watches_threads(void);

// 1 when the environment variable VD_TEST_FULL asks for sweeps without gaps.
int full(void);

#endif
