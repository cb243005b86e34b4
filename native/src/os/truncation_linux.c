// A handler of SIGBUS that maps a page of zeros where a file has ended. It acts for threads that
// run kernels, which never execute code of others, and passes all other signals to the handler that
// the process had: the JVM has one for its own reads of mapped files.
#include "os/truncation.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// In the memory that each thread has from its start, since a signal handler must not allocate.
static _Thread_local atomic_int *report __attribute__((tls_model("initial-exec")));

static struct sigaction former;
static uintptr_t page_bytes;

// Calls the kernel itself: a handler must not enter the mmap of a sanitizer or a preloaded library.
static int map_zeros(void *address) {
    int error = errno;
    uintptr_t page = (uintptr_t)address & ~(page_bytes - 1);
    long mapped = syscall(SYS_mmap, page, page_bytes, PROT_READ,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = error;
    return (uintptr_t)mapped == page;
}

static void on_bus_error(int signal, siginfo_t *info, void *context) {
    if (report != NULL && info->si_code == BUS_ADRERR && map_zeros(info->si_addr)) {
        atomic_store(report, 1);
    } else if (former.sa_flags & SA_SIGINFO) {
        former.sa_sigaction(signal, info, context);
    } else if (former.sa_handler == SIG_DFL || former.sa_handler == SIG_IGN) {
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);  // raised again
    } else {
        former.sa_handler(signal);
    }
}

static void prepare(void) {
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    Dl_info self;
    // The process keeps the handler, so the library must stay.
    if (dladdr(&page_bytes, &self) != 0) {
        (void)dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
    sigaction(SIGBUS, NULL, &former);
    struct sigaction action = former;  // with its mask, for the former handler
    action.sa_sigaction = on_bus_error;
    action.sa_flags |= SA_SIGINFO;
    sigaction(SIGBUS, &action, NULL);
}

void vd_truncation_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
}

void vd_truncation_report(atomic_int *truncated) { report = truncated; }
