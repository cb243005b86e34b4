// Results that each worker computes for itself.
#ifndef VD_CORE_REPLICATED_H
#define VD_CORE_REPLICATED_H

#include "core/pool.h"
#include "vidrio.h"

// Whether the operation's kind allows what op->replicated says.
int vd_local_valid(const vd_op *op);

// Copies n operations, and where one reads or writes local results, makes it use the worker's own.
void vd_replicated_ops(const vd_op *ops, int32_t n, const vd_worker *worker, vd_op *own);

#endif
