#include "os/cgroup_linux.h"

#include <string.h>

// A controller of version 1 has a hierarchy of its own; in version 2 all have one in common.
typedef struct hierarchy {
    const char *controller;  // null: version 2
    char mount[512];         // directory below the root
    char group[512];         // path of the group below the mount
} hierarchy;

// Returns whether a comma-separated list has this element.
static int list_has(const char *list, const char *element) {
    size_t length = strlen(element);
    for (const char *p = list; *p != '\0'; p += *p == ',') {
        size_t size = strcspn(p, ",");
        if (size == length && memcmp(p, element, length) == 0) {
            return 1;
        }
        p += size;
    }
    return 0;
}

// Linux before 2.6.24 mounts cpusets with a file system of that name.
static int is_mount_of(const hierarchy *h, const char *type, const char *options) {
    if (h->controller == NULL) {
        return strcmp(type, "cgroup2") == 0;
    }
    return (strcmp(type, "cgroup") == 0 && list_has(options, h->controller)) ||
           (strcmp(type, "cpuset") == 0 && strcmp(h->controller, type) == 0);
}

static int find_mount(const char *root, hierarchy *h) {
    char line[VD_PATH_BYTES], type[32], options[256];
    FILE *file = vd_open_below(root, "/proc/mounts");
    int found = 0;
    while (!found && file != NULL && fgets(line, sizeof line, file) != NULL) {
        found = sscanf(line, "%*s %500s %31s %255s", h->mount, type, options) == 3 &&
                is_mount_of(h, type, options);
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

// Lines of /proc/self/cgroup are number:controllers:path, of version 2 0::path.
static int find_group(const char *root, hierarchy *h) {
    char line[VD_PATH_BYTES];
    FILE *file = vd_open_below(root, "/proc/self/cgroup");
    int found = 0;
    while (!found && file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(++controllers, ':');
        if (path != NULL) {
            *path++ = '\0';
            found = h->controller == NULL ? *controllers == '\0' && line[0] == '0'
                                          : list_has(controllers, h->controller);
            snprintf(h->group, sizeof h->group, "%.*s", (int)strcspn(path, "\n"), path);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

// Shortens the group's path to that of its parent; the last one, the mount itself, is empty. In a
// container the path may be that outside it, which does not exist below the mount.
static int go_to_parent(hierarchy *h) {
    char *slash = strrchr(h->group, '/');
    if (slash == NULL) {
        return 0;
    }
    *slash = '\0';
    return 1;
}

static double read_quota(const char *root, const hierarchy *h) {
    long long quota = 0;
    long long period = 0;
    if (h->controller == NULL) {
        FILE *file = vd_open_below(root, "%s%s/cpu.max", h->mount, h->group);
        if (file == NULL) {
            return 0;
        }
        quota = fscanf(file, "%lld %lld", &quota, &period) == 2 ? quota : 0;
        fclose(file);
    } else {
        quota = vd_read_number(0, root, "%s%s/cpu.cfs_quota_us", h->mount, h->group);
        period = vd_read_number(0, root, "%s%s/cpu.cfs_period_us", h->mount, h->group);
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

double vd_cgroup_quota(const char *root) {
    hierarchy hierarchies[] = {{.controller = NULL}, {.controller = "cpu"}};
    double min = 0;
    for (int i = 0; i < 2; i++) {
        hierarchy *h = &hierarchies[i];
        for (int found = find_mount(root, h) && find_group(root, h); found;
             found = go_to_parent(h)) {
            double quota = read_quota(root, h);
            min = quota > 0 && (min == 0 || quota < min) ? quota : min;
        }
    }
    return min;
}

// Returns the value of a line "name value" of a group's memory.stat, or 0.
static int64_t read_statistic(const char *root, const hierarchy *h, const char *name) {
    char line[64];
    long long value;
    int64_t found = 0;
    FILE *file = vd_open_below(root, "%s%s/memory.stat", h->mount, h->group);
    while (file != NULL && fscanf(file, "%63s %lld", line, &value) == 2) {
        if (strcmp(line, name) == 0) {
            found = value;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

// Without a limit, the file of version 2 has a word, that of version 1 a number beyond any memory.
static int64_t read_memory(const char *root, const hierarchy *h) {
    int v2 = h->controller == NULL;
    const char *limits = v2 ? "memory.max" : "memory.limit_in_bytes";
    const char *usages = v2 ? "memory.current" : "memory.usage_in_bytes";
    const char *cached = v2 ? "inactive_file" : "total_inactive_file";
    int64_t limit = vd_read_number(-1, root, "%s%s/%s", h->mount, h->group, limits);
    if (limit < 0) {
        return INT64_MAX;
    }
    int64_t used = vd_read_number(0, root, "%s%s/%s", h->mount, h->group, usages) -
                   read_statistic(root, h, cached);
    return used < limit ? limit - (used > 0 ? used : 0) : 0;
}

int64_t vd_cgroup_memory(const char *root) {
    hierarchy hierarchies[] = {{.controller = NULL}, {.controller = "memory"}};
    int64_t min = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        hierarchy *h = &hierarchies[i];
        for (int found = find_mount(root, h) && find_group(root, h); found;
             found = go_to_parent(h)) {
            int64_t memory = read_memory(root, h);
            min = memory < min ? memory : min;
        }
    }
    return min;
}

// The file's name depends on the version and, in version 1, on an option of the mount.
static int read_cpuset(const char *root, const hierarchy *h, vd_processor_set *set) {
    static const char *const names[] = {"cpuset.cpus.effective", "cpuset.cpus", "cpus"};
    for (int i = 0; i < 3; i++) {
        if (vd_read_list(set, root, "%s%s/%s", h->mount, h->group, names[i])) {
            return 1;
        }
    }
    return 0;
}

int vd_cgroup_cpuset(const char *root, vd_processor_set *set) {
    hierarchy hierarchies[] = {{.controller = "cpuset"}, {.controller = NULL}};
    for (int i = 0; i < 2; i++) {
        hierarchy *h = &hierarchies[i];
        FILE *file = find_mount(root, h) ? vd_open_below(root, "/proc/self/cpuset") : NULL;
        if (file == NULL) {
            continue;
        }
        int found = fscanf(file, "%500s", h->group) == 1;
        fclose(file);
        for (; found; found = go_to_parent(h)) {
            if (read_cpuset(root, h, set)) {
                return 1;
            }
        }
    }
    return 0;
}
