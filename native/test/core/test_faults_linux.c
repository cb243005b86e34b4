// Each allocation, mapping and thread of a session fails once, in turn. The call then returns
// VD_NO_MEMORY or VD_NO_THREAD, nothing leaks, and the next session gives the usual results. The
// linker redirects the functions (native/test/CMakeLists.txt), so that the library has no hook.
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "support/check.h"
#include "support/isas.h"
#include "support/plans.h"
#include "support/transformer.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset);
int __real_munmap(void *at, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **result);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **result);

enum { WORKERS = 3, NEVER = -1 };

// The memory and threads that the library holds.
typedef struct holdings {
    int64_t blocks;
    int64_t bytes;
    int64_t threads;
} holdings;

static holdings held;
static int watching;         // within a session, on the thread that runs it
static int64_t until_fault;  // requests that still succeed, or NEVER
static int faults;

static int fails(void) {
    if (!watching || until_fault == NEVER) {
        return 0;
    }
    int now = until_fault == 0;
    until_fault = now ? NEVER : until_fault - 1;
    faults += now;
    return now;
}

void *__wrap_malloc(size_t bytes) {
    void *memory = fails() ? NULL : __real_malloc(bytes);
    held.blocks += watching && memory != NULL;
    return memory;
}

void *__wrap_calloc(size_t count, size_t bytes) {
    void *memory = fails() ? NULL : __real_calloc(count, bytes);
    held.blocks += watching && memory != NULL;
    return memory;
}

void __wrap_free(void *memory) {
    held.blocks -= watching && memory != NULL;
    __real_free(memory);
}

void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset) {
    if (fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *memory = __real_mmap(at, bytes, access, flags, file, offset);
    held.bytes += watching && memory != MAP_FAILED ? (int64_t)bytes : 0;
    return memory;
}

int __wrap_munmap(void *at, size_t bytes) {
    held.bytes -= watching ? (int64_t)bytes : 0;
    return __real_munmap(at, bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument) {
    if (fails()) {
        return EAGAIN;
    }
    held.threads += watching;
    return __real_pthread_create(thread, attributes, function, argument);
}

int __wrap_pthread_join(pthread_t thread, void **result) {
    held.threads -= watching;
    return __real_pthread_join(thread, result);
}

// The inputs of a session, and the logits of its last step.
typedef struct session {
    transformer model;
    batch b;
    float logits[MODEL_V];
} session;

static vd_status encode(void) {
    static const float source[64] = {1, -2, 3};
    static char encoded[2 * 34];
    return vd_encode(VD_F32, VD_Q8_0, 64, source, NULL, encoded, 0, 1, NULL);
}

static vd_status pack(vd_pool *pool) {
    static const char rows[16 * 34];
    static _Alignas(64) char packed[16 * 34 + 64];
    int64_t bytes;
    vd_status status = vd_packed_bytes(VD_Q8_0, 16, 32, &bytes);
    CHECK(status == VD_OK && bytes <= (int64_t)sizeof packed);
    return vd_pack(pool, VD_Q8_0, 16, 32, rows, packed, 0, 1);
}

static vd_status run(const session *s, vd_pool *pool) {
    vd_plan *plan = NULL;
    vd_status status =
        vd_plan_create(s->model.ops, s->model.n_ops, &s->model.limits, VD_ISA_SCALAR, &plan, NULL);
    for (int i = 0; i < 2 && status == VD_OK; i++) {
        status = vd_plan_run(plan, pool, &s->b.view, 0, s->model.n_ops);
    }
    vd_plan_free(plan);
    return status;
}

// Creates a pool, packs, encodes, runs a plan and frees all. Returns the first status that is not
// VD_OK.
static vd_status calls(const session *s) {
    vd_pool *pool = NULL;
    void *memory = NULL;
    vd_status status = vd_pool_create(WORKERS, &pool);
    status = status == VD_OK ? vd_alloc(5 << 20, &memory) : status;
    status = status == VD_OK ? pack(pool) : status;
    status = status == VD_OK ? encode() : status;
    status = status == VD_OK ? run(s, pool) : status;
    vd_free(memory, 5 << 20);
    vd_pool_free(pool);
    return status;
}

// Runs a session in which the request after n others fails.
static vd_status session_failing(session *s, int64_t n) {
    held = (holdings){0};
    faults = 0;
    until_fault = n;
    watching = 1;
    vd_status status = calls(s);
    watching = 0;
    CHECK(held.blocks == 0 && held.bytes == 0 && held.threads == 0);
    return status;
}

static void failing_requests_leak_nothing(void) {
    static session s;
    rng r = {33};
    transformer_create(&s.model, &r);
    batch_begin(&s.b, &r, 2, 1);
    for (int32_t i = 0; i < 8; i++) {
        batch_add(&s.b, i % 2, i / 2, i, i == 7);
    }
    CHECK(session_failing(&s, NEVER) == VD_OK);
    size_t bytes = MODEL_V * sizeof(float);
    memcpy(s.logits, s.model.logits, bytes);
    int threads = 0;
    int64_t n = 0;
    for (;; n++) {
        describe("request %d fails", (int)n);
        vd_status status = session_failing(&s, n);
        if (faults == 0) {
            CHECK(status == VD_OK);
            break;
        }
        CHECK(status == VD_NO_MEMORY || status == VD_NO_THREAD);
        threads += status == VD_NO_THREAD;
        CHECK(session_failing(&s, NEVER) == VD_OK);
        CHECK(memcmp(s.logits, s.model.logits, bytes) == 0);
    }
    CHECK(threads == WORKERS - 1 && n > threads + 8);
    transformer_free(&s.model);
}

// Measuring the memory bandwidth would take long, if it could begin.
static void probe_needs_memory(void) {
    double rate;
    vd_pool *pool;
    CHECK(vd_pool_create(1, &pool) == VD_OK);
    watching = 1;
    until_fault = 0;
    CHECK(vd_probe(VD_PROBE_READ, pool, VD_ISA_SCALAR, 0, 0.01, &rate) == VD_NO_MEMORY);
    watching = 0;
    vd_pool_free(pool);
}

int main(void) {
    test_begin("faults_linux");
    failing_requests_leak_nothing();
    probe_needs_memory();
    return 0;
}
