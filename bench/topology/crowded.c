// Measures how much two threads that wait for each other get done beside processes that compute:
//
//   cc -O2 -pthread -o build/crowded bench/topology/crowded.c && build/crowded
//
// The threads compute for 20 µs, then meet, as the workers of a step do. Prints the share of the
// time in which both computed, for each number of other processes and each way to wait. A step of a
// model cannot get more done than the best of these. Linux only.
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 4, WAYS = 4, CACHE_LINE = 64 };

// How a thread waits: it spins for at most `rounds`, then sleeps. If `adapts`, a spin that ends in
// sleep halves the next one and a successful one doubles it, as in native/src/core/signal.c.
typedef struct way {
    const char *name;
    uint32_t rounds;
    int adapts;
} way;

static const way ways[WAYS] = {
    {"sleep", 0, 0}, {"spin 64", 64, 0}, {"adapt to 8192", 8192, 1}, {"spin", UINT32_MAX, 0}};

// The meeting of two threads.
typedef struct meeting {
    _Alignas(CACHE_LINE) atomic_uint phase;
    _Alignas(CACHE_LINE) atomic_uint arrived;
    _Alignas(CACHE_LINE) atomic_uint sleepers;
    _Alignas(CACHE_LINE) atomic_int stop;
    const way *way;
    uint32_t work;  // multiplications between two meetings
} meeting;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void compute(uint32_t multiplications) {
    volatile uint64_t x = 1;
    for (uint32_t i = 0; i < multiplications; i++) {
        x = x * 6364136223846793005u + 1;
    }
}

static int spin(meeting *m, uint32_t seen, uint32_t rounds) {
    for (uint32_t i = 0; i < rounds && !atomic_load(&m->stop); i++) {
        if (atomic_load_explicit(&m->phase, memory_order_acquire) != seen) {
            return 1;
        }
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return 0;
}

static void sleep_while(meeting *m, uint32_t seen) {
    const struct timespec limit = {0, 100 * 1000 * 1000};
    atomic_fetch_add(&m->sleepers, 1);
    while (atomic_load(&m->phase) == seen && !atomic_load(&m->stop)) {
        syscall(SYS_futex, &m->phase, FUTEX_WAIT_PRIVATE, seen, &limit, NULL, 0);
    }
    atomic_fetch_sub(&m->sleepers, 1);
}

static void meet(meeting *m, uint32_t *rounds) {
    uint32_t seen = atomic_load(&m->phase);
    if (atomic_fetch_add(&m->arrived, 1) == 1) {
        atomic_store(&m->arrived, 0);
        atomic_fetch_add(&m->phase, 1);
        if (atomic_load(&m->sleepers) > 0) {
            syscall(SYS_futex, &m->phase, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        }
    } else if (spin(m, seen, *rounds)) {
        *rounds = m->way->adapts && *rounds < m->way->rounds ? *rounds * 2 : *rounds;
    } else {
        *rounds = m->way->adapts && *rounds > 64 ? *rounds / 2 : *rounds;
        sleep_while(m, seen);
    }
}

static void *run(void *argument) {
    meeting *m = argument;
    uint32_t rounds = m->way->rounds;
    uintptr_t meetings = 0;
    while (!atomic_load(&m->stop)) {
        compute(m->work);
        meet(m, &rounds);
        meetings++;
    }
    return (void *)meetings;
}

// Returns the share of `seconds` in which both threads computed.
static double measure(const way *way, uint32_t work, double work_seconds, double seconds) {
    meeting m = {.way = way, .work = work};
    pthread_t threads[2];
    void *meetings;
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, run, &m) != 0) {
            perror("pthread_create");
            exit(1);
        }
    }
    double begin = now();
    usleep((useconds_t)(1e6 * seconds));
    atomic_store(&m.stop, 1);
    double elapsed = now() - begin;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &meetings);
    }
    return (double)(uintptr_t)meetings * work_seconds / elapsed;
}

// Returns the seconds of one multiplication: the least of some measurements.
static double time_multiplication(void) {
    enum { COUNT = 1000 * 1000 };
    double best = 1;
    for (int i = 0; i < 20; i++) {
        double begin = now();
        compute(COUNT);
        double seconds = (now() - begin) / COUNT;
        best = seconds < best ? seconds : best;
    }
    return best;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    double multiplication = time_multiplication();
    uint32_t work = (uint32_t)(20e-6 / multiplication);
    pid_t others[PROCESSES];
    printf("other processes");
    for (int i = 0; i < WAYS; i++) {
        printf("%16s", ways[i].name);
    }
    printf("\n");
    for (int count = 0; count <= PROCESSES; count++) {
        printf("%15d", count);
        for (int i = 0; i < WAYS; i++) {
            printf("%16.2f", measure(&ways[i], work, work * multiplication, seconds));
            fflush(stdout);
        }
        printf("\n");
        fflush(stdout);
        if (count < PROCESSES && (others[count] = fork()) == 0) {
            for (;;) {
                compute(UINT32_MAX);
            }
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        kill(others[i], SIGKILL);
        waitpid(others[i], NULL, 0);
    }
    return 0;
}
