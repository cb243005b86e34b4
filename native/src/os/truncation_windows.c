#include "os/truncation.h"

void vd_truncation_prepare(void) {}

void vd_truncation_report(atomic_int *truncated) { (void)truncated; }
