// Windows numbers processors within groups of at most 64.
#include <stdlib.h>
#include <windows.h>

#include "os/topology.h"

enum { GROUP_PROCESSORS = 64 };

typedef SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record;

// The processors that this process may use. A process in several groups has no mask.
typedef struct affinity {
    USHORT groups;
    USHORT group;
    DWORD_PTR mask;
} affinity;

// Returns the records of cores, caches, nodes and packages, to be freed, or null if there are none.
static char *read_records(DWORD *bytes) {
    *bytes = 0;
    GetLogicalProcessorInformationEx(RelationAll, NULL, bytes);
    char *records = *bytes > 0 ? malloc(*bytes) : NULL;
    if (records != NULL &&
        !GetLogicalProcessorInformationEx(RelationAll, (record *)records, bytes)) {
        free(records);
        return NULL;
    }
    return records;
}

static int read_affinity(affinity *a) {
    DWORD_PTR system_mask;
    *a = (affinity){.groups = 1};
    if (!GetProcessAffinityMask(GetCurrentProcess(), &a->mask, &system_mask)) {
        return 0;
    }
    if (!GetProcessGroupAffinity(GetCurrentProcess(), &a->groups, &a->group)) {
        a->groups = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? 2 : 1;  // passed room for one
    }
    return 1;
}

static int has_processor(const GROUP_AFFINITY *set, int32_t id) {
    return set->Group == id / GROUP_PROCESSORS && (set->Mask >> (id % GROUP_PROCESSORS) & 1);
}

// Adds the processors of a core with its number. The efficiency class is replaced later.
static void add_core(vd_topology *t, const PROCESSOR_RELATIONSHIP *core, int32_t number,
                     const affinity *a) {
    const GROUP_AFFINITY *set = &core->GroupMask[0];
    for (int32_t bit = 0; bit < GROUP_PROCESSORS && t->processors < VD_PROCESSORS_MAX; bit++) {
        int32_t id = set->Group * GROUP_PROCESSORS + bit;
        if (has_processor(set, id)) {
            t->processor[t->processors++] = (vd_processor){
                .id = id,
                .cache = -1,
                .core = number,
                .speed = core->EfficiencyClass,
                .allowed = a->groups != 1 || (a->group == set->Group && (a->mask >> bit & 1) != 0),
            };
        }
    }
}

// The records of packages, nodes and caches hold one set of processors per group.
static void add_package(vd_topology *t, const PROCESSOR_RELATIONSHIP *package, int32_t number) {
    for (int32_t i = 0; i < t->processors; i++) {
        for (WORD group = 0; group < package->GroupCount; group++) {
            if (has_processor(&package->GroupMask[group], t->processor[i].id)) {
                t->processor[i].package = number;
            }
        }
    }
}

static void add_node(vd_topology *t, const NUMA_NODE_RELATIONSHIP *node) {
    for (int32_t i = 0; i < t->processors; i++) {
        if (has_processor(&node->GroupMask, t->processor[i].id)) {
            t->processor[i].node = (int32_t)node->NodeNumber;
        }
    }
}

// Keeps the cache of the highest level; levels[i] is that of processor i.
static void add_cache(vd_topology *t, const CACHE_RELATIONSHIP *cache, int32_t number,
                      BYTE *levels) {
    for (int32_t i = 0; i < t->processors; i++) {
        if (cache->Level > levels[i] && has_processor(&cache->GroupMask, t->processor[i].id)) {
            levels[i] = cache->Level;
            t->processor[i].cache = number;
        }
    }
}

static void add_cores(vd_topology *t, const char *records, DWORD bytes, const affinity *a) {
    int32_t number = 0;
    for (DWORD i = 0; i < bytes; i += ((const record *)(records + i))->Size) {
        const record *r = (const record *)(records + i);
        if (r->Relationship == RelationProcessorCore) {
            add_core(t, &r->Processor, number++, a);
        }
    }
    int32_t fastest = 0;
    for (int32_t i = 0; i < t->processors; i++) {
        fastest = t->processor[i].speed > fastest ? t->processor[i].speed : fastest;
    }
    for (int32_t i = 0; i < t->processors; i++) {
        vd_processor *p = &t->processor[i];
        p->speed = p->speed == fastest ? VD_SPEED_MAX : VD_SPEED_EFFICIENT;
    }
}

static void add_sets(vd_topology *t, const char *records, DWORD bytes) {
    BYTE levels[VD_PROCESSORS_MAX] = {0};
    int32_t number = 0;
    for (DWORD i = 0; i < bytes; i += ((const record *)(records + i))->Size, number++) {
        const record *r = (const record *)(records + i);
        if (r->Relationship == RelationProcessorPackage) {
            add_package(t, &r->Processor, number);
        } else if (r->Relationship == RelationNumaNode) {
            add_node(t, &r->NumaNode);
        } else if (r->Relationship == RelationCache) {
            add_cache(t, &r->Cache, number, levels);
        }
    }
}

// Returns the hard limit of this process's job in processors; 0: none.
static double quota_processors(void) {
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {0};
    DWORD hard = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate,
                                   NULL) ||
        (rate.ControlFlags & hard) != hard) {
        return 0;
    }
    return rate.CpuRate / 10000.0 * GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
}

void vd_topology_describe(vd_topology *topology) {
    affinity allowed;
    DWORD bytes;
    char *records = read_records(&bytes);
    if (records != NULL && read_affinity(&allowed)) {
        add_cores(topology, records, bytes, &allowed);
        add_sets(topology, records, bytes);
        topology->quota = quota_processors();
    }
    free(records);
}
