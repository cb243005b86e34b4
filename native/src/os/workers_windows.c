// The default number of workers: the physical cores of the fastest kind within the process's
// affinity mask, and no more processors than the rate limit of its job grants. Rows are divided
// evenly, so a slower core would delay all others.
#include <stdlib.h>
#include <windows.h>

#include "vidrio.h"

typedef SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record;

// Returns the records of all cores, to be freed, or null if the system reports none.
static char *read_cores(DWORD *bytes) {
    *bytes = 0;
    GetLogicalProcessorInformationEx(RelationProcessorCore, NULL, bytes);
    char *cores = *bytes > 0 ? malloc(*bytes) : NULL;
    if (cores != NULL &&
        !GetLogicalProcessorInformationEx(RelationProcessorCore, (record *)cores, bytes)) {
        free(cores);
        return NULL;
    }
    return cores;
}

// Returns whether the mask allows a core. It applies to the process's only group; a process in
// several groups has no mask.
static int allowed(const PROCESSOR_RELATIONSHIP *core, WORD groups, WORD group, DWORD_PTR mask) {
    return groups != 1 || (core->GroupMask[0].Group == group && (core->GroupMask[0].Mask & mask));
}

static int32_t allowed_cores(void) {
    USHORT groups = 1;
    USHORT group = 0;
    DWORD_PTR mask, system_mask;
    DWORD bytes;
    char *cores = read_cores(&bytes);
    if (cores == NULL || !GetProcessAffinityMask(GetCurrentProcess(), &mask, &system_mask)) {
        free(cores);
        return 1;
    }
    if (!GetProcessGroupAffinity(GetCurrentProcess(), &groups, &group)) {
        groups = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? 2 : 1;  // passed room for one
    }
    int32_t count = 0;
    int32_t fastest = 0;
    for (DWORD i = 0; i < bytes; i += ((record *)(cores + i))->Size) {
        const PROCESSOR_RELATIONSHIP *core = &((record *)(cores + i))->Processor;
        if (allowed(core, groups, group, mask) && core->EfficiencyClass >= fastest) {
            count = core->EfficiencyClass > fastest ? 1 : count + 1;
            fastest = core->EfficiencyClass;
        }
    }
    free(cores);
    return count;
}

// Returns the hard limit of this process's job in whole processors; 0: none.
static int32_t quota_processors(void) {
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {0};
    DWORD hard = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate,
                                   NULL) ||
        (rate.ControlFlags & hard) != hard) {
        return 0;
    }
    DWORD whole = 10000;  // CpuRate of all processors
    DWORD processors = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return (int32_t)((rate.CpuRate * processors + whole - 1) / whole);
}

int32_t vd_default_workers(void) {
    int32_t cores = allowed_cores();
    int32_t quota = quota_processors();
    int32_t workers = quota > 0 && quota < cores ? quota : cores;
    return workers < 1 ? 1 : workers;
}
