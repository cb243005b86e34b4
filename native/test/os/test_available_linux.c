// Available memory, by the descriptions of the system and of control groups.
#include "os/available_linux.h"

#include <stdint.h>

#include "support/check.h"
#include "support/root_linux.h"
#include "vidrio.h"

static void expect(int64_t bytes) { CHECK(vd_available_memory_below(root_path()) == bytes); }

static void reads_the_system(void) {
    describe("no description");
    expect(INT64_MAX);
    describe("a system without groups");
    root_write("/proc/meminfo",
               "MemTotal:       16384 kB\nMemFree:         1000 kB\nMemAvailable:    8192 kB\n");
    expect(8192 * 1024);
    root_clear();
}

static void reads_groups_of_version_2(void) {
    describe("a group of version 2");
    root_write("/proc/meminfo", "MemAvailable: 1000 kB\n");
    root_write("/proc/mounts", "cgroup2 /cg cgroup2 rw 0 0\n");
    root_write("/proc/self/cgroup", "0::/pod/container\n");
    root_write("/cg/pod/container/memory.max", "max\n");
    expect(1024000);
    describe("a limit of its parent, with a cache that can be dropped");
    root_write("/cg/pod/memory.max", "500000\n");
    root_write("/cg/pod/memory.current", "400000\n");
    root_write("/cg/pod/memory.stat", "anon 100000\nfile 250000\ninactive_file 200000\n");
    expect(300000);
    describe("a group that exceeds its limit");
    root_write("/cg/pod/memory.current", "800000\n");
    expect(0);
    root_clear();
}

static void reads_groups_of_version_1(void) {
    describe("a group of version 1, with a path outside the container");
    root_write("/proc/meminfo", "MemAvailable: 1000 kB\n");
    root_write("/proc/mounts", "cgroup /cg/memory cgroup rw,memory 0 0\n");
    root_write("/proc/self/cgroup", "9:memory:/docker/0123\n");
    root_write("/cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    root_write("/cg/memory/memory.usage_in_bytes", "300000\n");
    expect(1024000);
    root_write("/cg/memory/memory.limit_in_bytes", "600000\n");
    root_write("/cg/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 100000\n");
    expect(400000);
    root_clear();
}

static void reads_this_machine(void) {
    describe("this machine");
    CHECK(vd_available_memory() > 1 << 20);
}

int main(void) {
    describe_faults();
    root_create();
    reads_the_system();
    reads_groups_of_version_2();
    reads_groups_of_version_1();
    root_remove();
    reads_this_machine();
    return 0;
}
