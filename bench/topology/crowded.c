// Measures how much two threads that wait for each other get done beside processes that compute:
//
//   cc -O2 -pthread -Inative/include -Inative/src -o build/crowded bench/topology/crowded.c
//       native/src/core/barrier.c native/src/core/signal.c native/src/os/wait_linux.c
//   build/crowded [SECONDS]
//
// The threads compute for 20 µs, then meet at a barrier of the library, as the workers of a step
// do. Prints the share of the time in which both computed, for each number of other processes and
// each way to wait. A step of a model cannot get more done than the best of these. Linux only.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/barrier.h"

enum { PROCESSES = 4, WAYS = 4, ENDLESS = 1 << 30 };

typedef struct way {
    const char *name;
    vd_spin spin;  // of a thread that has not waited yet
} way;

// Two threads that meet.
typedef struct pair {
    vd_meeting meeting;
    vd_spin spin;
    uint32_t work;           // multiplications between two meetings
    double end;              // by the monotonic clock
    _Atomic(uint64_t) last;  // the number of meetings after which both threads end
} pair;

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

// Runs a thread until meeting number `last`, which the first thread sets one meeting ahead, so that
// neither waits for the other after its end. Returns the number of meetings.
static uint64_t run(pair *p, int first) {
    vd_spin spin = p->spin;
    uint64_t meetings = 0;
    while (meetings < atomic_load(&p->last)) {
        compute(p->work);
        if (first && meetings + 1 < atomic_load(&p->last) && now() >= p->end) {
            atomic_store(&p->last, meetings + 2);
        }
        vd_barrier_arrive(&p->meeting, &spin);
        meetings++;
    }
    return meetings;
}

static void *run_second(void *argument) {
    (void)run(argument, 0);
    return NULL;
}

// Returns the share of `seconds` in which both threads computed.
static double measure(const way *way, uint32_t work, double work_seconds, double seconds) {
    double begin = now();
    pair p = {.meeting = {.expected = 2},
              .spin = way->spin,
              .work = work,
              .end = begin + seconds,
              .last = UINT64_MAX};
    pthread_t second;
    if (pthread_create(&second, NULL, run_second, &p) != 0) {
        perror("pthread_create");
        exit(1);
    }
    uint64_t meetings = run(&p, 1);
    double elapsed = now() - begin;
    pthread_join(second, NULL);
    return (double)meetings * work_seconds / elapsed;
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
    const way ways[WAYS] = {{"sleep", vd_spin_initial(1)},
                            {"spin 64", {.length = 64, .max = 64}},
                            {"workers", vd_spin_initial(0)},
                            {"spin", {.length = ENDLESS, .max = ENDLESS}}};
    pid_t others[PROCESSES];
    printf("other processes");
    for (int i = 0; i < WAYS; i++) {
        printf("%10s", ways[i].name);
    }
    printf("\n");
    for (int count = 0; count <= PROCESSES; count++) {
        printf("%15d", count);
        for (int i = 0; i < WAYS; i++) {
            printf("%10.2f", measure(&ways[i], work, work * multiplication, seconds));
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
