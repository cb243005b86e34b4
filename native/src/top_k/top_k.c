// Divides rows among workers. If there are fewer rows than workers, several search parts of one
// row, and the last to finish merges their results, so that no worker waits. Keys are distinct, and
// the sums are defined by chunks, so the division changes no bit.
#include "top_k/top_k.h"

#include "core/op_impl.h"
#include "core/split.h"
#include "simd/exp.h"

#define VD_VARIANT(isa, name) [isa] = vd_top_k_##name,
vd_top_k_kernel *const vd_top_k_kernels[VD_ISA_COUNT] = {
#include "simd/variants_v16.inc"
};
#undef VD_VARIANT

vd_status vd_top_k_check(const vd_op *op) {
    const vd_top_k *top = &op->as.top_k;
    int valid = top->x != NULL && top->values != NULL && top->ids != NULL && top->sums != NULL &&
                top->k > 0 && top->k <= VD_TOP_K_MAX && top->k <= top->V;
    return valid ? VD_OK : VD_INVALID_ARGUMENT;
}

// ---- the heap ---------------------------------------------------------------------------------

// Inserts the key at the root of the heap of the first n, and sifts it down.
static void sift_down(uint64_t *keys, int32_t n, uint64_t key) {
    int32_t i = 0;
    for (int32_t child = 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && keys[child + 1] < keys[child];
        if (keys[child] >= key) {
            break;
        }
        keys[i] = keys[child];
        i = child;
    }
    keys[i] = key;
}

void vd_top_k_offer(vd_top_k_part *part, int32_t k, uint64_t key) {
    uint64_t *keys = part->keys;
    if (part->n == k) {
        if (key > keys[0]) {
            sift_down(keys, k, key);
        }
        return;
    }
    int32_t i = part->n++;
    for (; i > 0 && keys[(i - 1) / 2] > key; i = (i - 1) / 2) {
        keys[i] = keys[(i - 1) / 2];
    }
    keys[i] = key;
}

// ---- results ----------------------------------------------------------------------------------

static void store_candidates(const vd_top_k *top, int64_t row, vd_top_k_part *part) {
    for (int32_t i = top->k - 1; i >= 0; i--) {
        int32_t id = vd_top_k_id(part->keys[0]);
        top->ids[row * top->k + i] = id;
        top->values[row * top->k + i] = top->x[row * top->V + id];
        sift_down(part->keys, i, part->keys[i]);
    }
}

// Merges the sums of the chunks in ascending order, as attention does.
static void store_sums(float *sums, const vd_top_k_part *parts, int64_t n) {
    float maximum = parts[0].maximum[0], sum = parts[0].sum[0];
    for (int64_t i = 0; i < n; i++) {
        for (int32_t c = i == 0; c < parts[i].chunks; c++) {
            float later = parts[i].maximum[c];
            float new_maximum = later > maximum ? later : maximum;
            sum = fmaf(parts[i].sum[c], vd_exp(later - new_maximum),
                       sum * vd_exp(maximum - new_maximum));
            maximum = new_maximum;
        }
    }
    sums[0] = maximum;
    sums[1] = sum;
}

static void finish(const vd_top_k *top, int64_t row, vd_top_k_part *parts, int64_t n) {
    store_sums(top->sums + 2 * row, parts, n);
    for (int64_t i = 1; i < n; i++) {
        for (int32_t j = 0; j < parts[i].n; j++) {
            vd_top_k_offer(&parts[0], top->k, parts[i].keys[j]);
        }
    }
    store_candidates(top, row, &parts[0]);
}

// ---- work -------------------------------------------------------------------------------------

// Returns the number of workers that search a row together.
static int64_t workers_per_row(const vd_step *step) {
    int64_t workers = vd_min(step->worker->count, VD_TOP_K_CHUNKS);
    return step->rows < workers ? workers / step->rows : 1;
}

static void search(const vd_top_k *top, const vd_step *step, int64_t row, vd_range chunks,
                   vd_top_k_part *part) {
    part->n = part->chunks = 0;
    vd_top_k_kernels[step->isa](top, row, chunks, part);
}

void vd_top_k_run(const vd_op *op, const vd_step *step) {
    const vd_top_k *top = &op->as.top_k;
    int64_t chunks = vd_ceil_div(top->V, vd_top_k_chunk(top->V));
    int64_t shares = vd_min(workers_per_row(step), chunks);
    vd_range mine = vd_share(step->worker, step->rows * shares);
    for (int64_t i = mine.begin; i < mine.end; i++) {
        int64_t row = i / shares, share = i % shares;
        if (shares == 1) {
            search(top, step, row, (vd_range){0, chunks}, step->worker->scratch);
            finish(top, row, step->worker->scratch, 1);
            continue;
        }
        vd_top_k_part *parts = (vd_top_k_part *)step->split->parts + row * shares;
        search(top, step, row, (vd_range){chunks * share / shares, chunks * (share + 1) / shares},
               parts + share);
        atomic_uint *done = &step->split->done[row];
        if (atomic_fetch_add_explicit(done, 1, memory_order_acq_rel) + 1 == shares) {
            atomic_store_explicit(done, 0, memory_order_relaxed);
            finish(top, row, parts, shares);
        }
    }
}

vd_split vd_top_k_split(const vd_op *op, const vd_limits *limits) {
    (void)op;
    (void)limits;
    return (vd_split){.floats = VD_TOP_K_CHUNKS * sizeof(vd_top_k_part) / sizeof(float),
                      .tiles = VD_TOP_K_CHUNKS};
}
