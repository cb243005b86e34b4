// vd_default_workers: within the allowed processors of this machine, and on machines described by
// files.
#include "os/workers_linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"
#include "vidrio.h"

enum { PATH_BYTES = 256, FILES_MAX = 100 };

static char root[] = "workers-XXXXXX";
static char files[FILES_MAX][PATH_BYTES];
static int n_files;

// Writes a file below the root and creates its directories.
static void write_file(const char *path, const char *text) {
    char *name = files[n_files++];
    snprintf(name, PATH_BYTES, "%s%s", root, path);
    for (char *slash = strchr(name + sizeof root, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(name, 0700);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void write_processor(int cpu, const char *name, const char *text) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", cpu, name);
    write_file(path, text);
}

// Removes the files, and the directories that have become empty.
static void clear_root(void) {
    while (n_files > 0) {
        char *name = files[--n_files];
        CHECK(unlink(name) == 0);
        for (char *slash = strrchr(name, '/'); slash > name + sizeof root - 1;
             slash = strrchr(name, '/')) {
            *slash = '\0';
            if (rmdir(name) != 0) {
                break;
            }
        }
    }
}

static void expect_workers(int32_t workers, int first, int last) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    for (int cpu = first; cpu <= last; cpu++) {
        CPU_SET(cpu, &allowed);
    }
    int32_t actual = vd_workers_below(root, &allowed);
    if (actual != workers) {
        fail("processors %d to %d: expected %d workers, got %d", first, last, workers, actual);
    }
}

static void counts_cores(void) {
    describe("eight processors, two per core");
    expect_workers(8, 0, 7);  // no topology
    for (int cpu = 0; cpu < 8; cpu++) {
        char list[32];
        snprintf(list, sizeof list, "%d,%d\n", cpu % 4, cpu % 4 + 4);
        write_processor(cpu, "topology/thread_siblings_list", list);
    }
    expect_workers(4, 0, 7);
    expect_workers(3, 1, 3);
    expect_workers(4, 2, 5);
    expect_workers(1, 7, 7);
    clear_root();
}

static void counts_performance_cores(void) {
    describe("four performance cores with two threads each, eight efficiency cores");
    for (int cpu = 0; cpu < 8; cpu++) {
        char list[32];
        snprintf(list, sizeof list, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        write_processor(cpu, "topology/thread_siblings_list", list);
    }
    write_file("/sys/devices/cpu_atom/cpus", "8-11,12,13-15\n");
    expect_workers(4, 0, 15);
    expect_workers(1, 7, 15);
    expect_workers(4, 12, 15);  // only efficiency cores are allowed
    clear_root();
    describe("one core of capacity 1024, three of 870, four of 300");
    for (int cpu = 0; cpu < 8; cpu++) {
        write_processor(cpu, "cpu_capacity", cpu < 4 ? "300\n" : cpu < 7 ? "870\n" : "1024\n");
    }
    expect_workers(4, 0, 7);
    expect_workers(4, 0, 3);
    expect_workers(3, 2, 6);
    clear_root();
}

static void respects_cgroup_quotas(void) {
    describe("a cgroup with a quota");
    write_file("/proc/self/cgroup", "0::/pod/container\n");
    expect_workers(8, 0, 7);
    write_file("/sys/fs/cgroup/pod/container/cpu.max", "max 100000\n");
    expect_workers(8, 0, 7);
    write_file("/sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
    expect_workers(3, 0, 7);
    expect_workers(2, 0, 1);
    write_file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    expect_workers(1, 0, 7);
    clear_root();
}

static int first_of(const cpu_set_t *set) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, set)) {
            return cpu;
        }
    }
    fail("no processor allowed");
}

static void respects_affinity(void) {
    cpu_set_t allowed;
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    int32_t workers = vd_default_workers();
    describe("%d processors allowed, %d workers", CPU_COUNT(&allowed), workers);
    CHECK(workers >= 1 && workers <= CPU_COUNT(&allowed));
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first_of(&allowed), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(vd_default_workers() == 1);
}

int main(void) {
    describe_faults();
    CHECK(mkdtemp(root) != NULL);
    counts_cores();
    counts_performance_cores();
    respects_cgroup_quotas();
    CHECK(rmdir(root) == 0 || access(root, F_OK) != 0);
    respects_affinity();
    return 0;
}
