// The topology of machines that files describe: those that hwloc's tests record, with the sets of
// processors that hwloc finds, and small ones for single rules.
//
//   test_topology_linux          runs the test on the machines of the directory VD_TEST_MACHINES
//   test_topology_linux ROOT     prints the machine below a root directory, for bench/topology
#include "os/topology_linux.h"

#include <dirent.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/topology.h"
#include "os/topology.h"
#include "support/check.h"
#include "support/root_linux.h"

enum { LINE_BYTES = 8192 };

static vd_topology topology;

// ---- files ------------------------------------------------------------------------------------

static void write_processor(int id, const char *name, const char *text) {
    char path[2 * VD_PATH_BYTES];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", id, name);
    root_write(path, text);
}

static void write_mask(int id, const char *name, int first, int last) {
    char text[32];
    snprintf(text, sizeof text, "%llx\n", (2ULL << last) - (1ULL << first));
    write_processor(id, name, text);
}

static void read_machine(const char *below, const vd_processor_set *affinity) {
    memset(&topology, 0, sizeof topology);
    vd_topology_describe_below(below, affinity, &topology);
    vd_topology_complete(&topology);
}

// ---- recorded machines ------------------------------------------------------------------------

// Reads a set such as "0-3,8" and returns what follows it.
static const char *parse_set(const char *text, vd_processor_set *set) {
    *set = (vd_processor_set){0};
    for (;;) {
        char *end;
        long first = strtol(text, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        CHECK(end != text);
        for (long id = first; id <= last; id++) {
            vd_set_add(set, id);
        }
        text = end + (*end == ',');
        if (*end != ',') {
            return text;
        }
    }
}

// Expects that the allowed processors of each set, and no others, have a number in common.
static void expect_sets(const char *level, size_t offset, const char *text) {
    int32_t number_of[VD_PROCESSORS_MAX];
    int32_t sets = 0;
    memset(number_of, -1, sizeof number_of);
    while (*text == ' ') {
        vd_processor_set set;
        text = parse_set(text + 1, &set);
        for (int id = 0; id < VD_PROCESSORS_MAX; id++) {
            number_of[id] = vd_set_has(&set, id) ? sets : number_of[id];
        }
        sets++;
    }
    for (int32_t i = 0; i < topology.processors; i++) {
        const vd_processor *p = &topology.processor[i];
        for (int32_t j = 0; j < i; j++) {
            const vd_processor *q = &topology.processor[j];
            if (number_of[p->id] < 0 || number_of[q->id] < 0) {
                continue;  // not allowed, or without this level
            }
            int expected = number_of[p->id] == number_of[q->id];
            int actual = *(const int32_t *)((const char *)p + offset) ==
                         *(const int32_t *)((const char *)q + offset);
            if (expected != actual) {
                fail("processors %d and %d have a %s in common: expected %d, got %d", q->id, p->id,
                     level, expected, actual);
            }
        }
    }
}

static void expect_allowed(const char *text) {
    vd_processor_set allowed;
    parse_set(text, &allowed);
    int count = 0;
    for (int32_t i = 0; i < topology.processors; i++) {
        const vd_processor *p = &topology.processor[i];
        count += p->allowed;
        if (p->allowed != vd_set_has(&allowed, p->id)) {
            fail("processor %d allowed: %d", p->id, p->allowed);
        }
    }
    for (int id = 0; id < VD_PROCESSORS_MAX; id++) {
        count -= vd_set_has(&allowed, id);
    }
    CHECK(count == 0);
}

static void check_expectation(const char *line) {
    char level[16];
    int at = 0;
    CHECK(sscanf(line, "expect %15s%n", level, &at) == 1);
    const char *text = line + at;
    if (strcmp(level, "workers") == 0 || strcmp(level, "fast") == 0) {
        int32_t count = level[0] == 'w' ? topology.workers : topology.fast_cores;
        if (atoi(text) != count) {
            fail("%s: expected%s, got %d", level, text, count);
        }
    } else if (strcmp(level, "allowed") == 0) {
        expect_allowed(text + 1);
    } else {
        size_t offset = strcmp(level, "package") == 0 ? offsetof(vd_processor, package)
                        : strcmp(level, "node") == 0  ? offsetof(vd_processor, node)
                        : strcmp(level, "cache") == 0 ? offsetof(vd_processor, cache)
                                                      : offsetof(vd_processor, core);
        expect_sets(level, offset, text);
    }
}

// Writes the file or files of a line: "file PATH TEXT" or "cpus SET NAME TEXT".
static void write_files(const char *line) {
    char path[VD_PATH_BYTES], set_text[256], text[LINE_BYTES];
    int at = 0;
    int of_processors = sscanf(line, "cpus %255s %1000s %n", set_text, path, &at) == 2;
    CHECK(of_processors || sscanf(line, "file %1000s %n", path, &at) == 1);
    char *end = text;
    for (const char *p = line + at; *p != '\0' && *p != '\n'; p++) {
        int breaks = p[0] == '\\' && p[1] == 'n';
        *end++ = breaks ? '\n' : *p;
        p += breaks;
    }
    *end = '\0';
    if (!of_processors) {
        root_write(path, text);
        return;
    }
    vd_processor_set set;
    parse_set(set_text, &set);
    for (int id = 0; id < VD_PROCESSORS_MAX; id++) {
        if (vd_set_has(&set, id)) {
            write_processor(id, path, text);
        }
    }
}

static void check_machine(const char *directory, const char *name) {
    char path[VD_PATH_BYTES], line[LINE_BYTES];
    describe("%s", name);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    int described = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "expect", 6) == 0) {
            if (!described) {
                read_machine(root_path(), NULL);
                described = 1;
            }
            check_expectation(line);
        } else if (line[0] != '#') {
            write_files(line);
        }
    }
    CHECK(described);
    fclose(file);
    root_clear();
}

static void finds_sets_of_hwloc(void) {
    const char *path = getenv("VD_TEST_MACHINES");
    CHECK(path != NULL);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    int machines = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strstr(entry->d_name, ".txt") != NULL) {
            check_machine(path, entry->d_name);
            machines++;
        }
    }
    closedir(directory);
    CHECK(machines >= 19);
}

// ---- workers ----------------------------------------------------------------------------------

static void expect_workers(int32_t workers, int first, int last) {
    vd_processor_set affinity = {0};
    for (int id = first; id <= last; id++) {
        vd_set_add(&affinity, id);
    }
    read_machine(root_path(), &affinity);
    if (topology.workers != workers) {
        fail("processors %d to %d: expected %d workers, got %d", first, last, workers,
             topology.workers);
    }
}

// Each worker has a processor of its own, in topology order: first on `fast` cores, then on others.
static void expect_ordered_workers(int32_t fast) {
    int32_t next_fast = 0, next = fast;
    CHECK(topology.fast_cores == fast);
    for (int32_t i = 0; i < topology.processors; i++) {
        const vd_processor *p = &topology.processor[i];
        if (p->worker >= 0) {
            CHECK(p->allowed && p->worker == (p->worker < fast ? next_fast++ : next++));
        }
    }
    CHECK(next_fast == fast && next == topology.allowed_cores);
}

static void counts_allowed_cores(void) {
    describe("no files");
    expect_workers(8, 0, 7);
    describe("eight processors, two per core");
    root_write("/sys/devices/system/cpu/online", "0-7\n");
    for (int id = 0; id < 8; id++) {
        write_mask(id, "topology/core_cpus", id / 2 * 2, id / 2 * 2 + 1);
    }
    expect_workers(4, 0, 7);
    expect_ordered_workers(4);
    CHECK(topology.whole_nodes && topology.allowed_cores == 4);
    expect_workers(2, 1, 3);
    expect_ordered_workers(2);
    CHECK(!topology.whole_nodes && topology.allowed_cores == 2 && topology.cores == 4);
    expect_workers(1, 7, 7);
    root_clear();
}

static void counts_worthwhile_cores(void) {
    describe("four performance cores with two threads each, eight efficiency cores");
    root_write("/sys/devices/system/cpu/online", "0-15\n");
    root_write("/sys/devices/cpu_atom/cpus", "8-11,12,13-15\n");
    for (int id = 0; id < 16; id++) {
        write_mask(id, "topology/core_cpus", id < 8 ? id / 2 * 2 : id,
                   id < 8 ? id / 2 * 2 + 1 : id);
    }
    expect_workers(12, 0, 15);
    expect_ordered_workers(4);
    expect_workers(9, 7, 15);
    expect_ordered_workers(9);  // nine thirds are more than one
    expect_workers(4, 12, 15);
    expect_ordered_workers(4);
    describe("with a quota");
    root_write("/proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    root_write("/proc/self/cgroup", "0::/\n");
    root_write("/sys/fs/cgroup/cpu.max", "600000 100000\n");
    expect_workers(6, 0, 15);
    expect_ordered_workers(4);
    root_clear();
    describe("one core of capacity 1024, three of 870, four of 300");
    root_write("/sys/devices/system/cpu/online", "0-7\n");
    for (int id = 0; id < 8; id++) {
        write_processor(id, "cpu_capacity", id < 4 ? "300\n" : id < 7 ? "870\n" : "1024\n");
    }
    expect_workers(8, 0, 7);
    expect_ordered_workers(4);
    CHECK(topology.processor[0].speed == 870 && topology.processor[3].speed == 1024);
    CHECK(topology.processor[4].speed == 300 && topology.processor[4].id == 0);
    expect_workers(4, 0, 3);
    expect_ordered_workers(4);
    expect_workers(4, 3, 6);
    expect_ordered_workers(3);
    root_clear();
}

// ---- control groups ---------------------------------------------------------------------------

static void respects_quotas_of_version_2(void) {
    describe("a cgroup with a quota");
    root_write("/proc/mounts", "tmpfs /run tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    root_write("/proc/self/cgroup", "0::/pod/container\n");
    expect_workers(8, 0, 7);
    root_write("/sys/fs/cgroup/pod/container/cpu.max", "max 100000\n");
    expect_workers(8, 0, 7);
    CHECK(topology.quota == 0 && topology.whole_nodes);
    root_write("/sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
    expect_workers(3, 0, 7);
    CHECK(topology.quota == 2.5 && topology.fast_cores == 8 && !topology.whole_nodes);
    expect_workers(2, 0, 1);
    root_write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    expect_workers(1, 0, 7);
    root_clear();
}

static void respects_quotas_of_version_1(void) {
    describe("a container, with the path of its group outside it");
    root_write("/proc/mounts",
               "cgroup /cg/cpu,cpuacct cgroup ro,cpu,cpuacct 0 0\n"
               "cgroup2 /cg/unified cgroup2 rw 0 0\n");
    root_write("/proc/self/cgroup", "4:cpuacct,cpu:/docker/0123\n1:name=systemd:/\n0::/\n");
    root_write("/cg/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    root_write("/cg/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    expect_workers(8, 0, 7);
    root_write("/cg/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
    expect_workers(4, 0, 7);
    CHECK(topology.quota == 4.0);
    root_clear();
}

// ---- this machine -----------------------------------------------------------------------------

static int first_of(const cpu_set_t *set) {
    for (int id = 0; id < CPU_SETSIZE; id++) {
        if (CPU_ISSET(id, set)) {
            return id;
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
    CHECK(vd_topology_read(NULL) == VD_INVALID_ARGUMENT);
    CHECK(vd_topology_read(&topology) == VD_OK);
    CHECK(topology.workers == workers);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first_of(&allowed), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(vd_default_workers() == 1);
}

static void print_machine(const char *below) {
    read_machine(below, NULL);
    for (int32_t i = 0; i < topology.processors; i++) {
        const vd_processor *p = &topology.processor[i];
        printf("%d %d %d %d %d %d %d %d\n", p->id, p->package, p->node, p->cache, p->core, p->speed,
               p->allowed, p->worker);
    }
    printf("%d workers, %d fast, quota %.1f\n", topology.workers, topology.fast_cores,
           topology.quota);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        print_machine(argv[1]);
        return 0;
    }
    describe_faults();
    root_create();
    finds_sets_of_hwloc();
    counts_allowed_cores();
    counts_worthwhile_cores();
    respects_quotas_of_version_2();
    respects_quotas_of_version_1();
    root_remove();
    respects_affinity();
    return 0;
}
