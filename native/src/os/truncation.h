// Reads of mapped files that another program truncates. A read after the new end raises SIGBUS,
// which ends the process by default (docs/adr/028-truncated-files.md).
#ifndef VD_OS_TRUNCATION_H
#define VD_OS_TRUNCATION_H

#include <stdatomic.h>

// Prepares the process. Repeated calls have no further effect.
void vd_truncation_prepare(void);

// From now on, the calling thread reads zeros after the end of a truncated file, and sets the flag.
// Null: as before the first call. Only on Linux: Windows does not truncate mapped files, and macOS
// raises the same signal for wrong addresses.
void vd_truncation_report(atomic_int *truncated);

#endif
