// Results that each worker computes for itself instead of sharing them.
#ifndef VD_CORE_REPLICATED_H
#define VD_CORE_REPLICATED_H

#include "core/pool.h"
#include "vidrio.h"

// Returns whether the operation's kind and rows allow the flags of op->replicated.
int vd_replicated_valid(const vd_op *op);

// Copies n operations to `own`, and redirects their replicated operands to the worker's own rows.
void vd_replicated_ops(const vd_op *ops, int32_t n, const vd_worker *worker, vd_op *own);

#endif
