// Calls that read a mapped file after another program has truncated it return VD_TRUNCATED.
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/pool.h"
#include "support/check.h"
#include "support/system.h"
#include "vidrio.h"

enum { WORKERS = 3, PAGES = 8 };

// A mapped file of PAGES pages, of ones, truncated to `left` pages.
static const char *map_truncated(int left) {
    char name[] = "/tmp/vidrio-truncated-XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0);
    size_t bytes = PAGES * page_bytes();
    CHECK(ftruncate(file, (off_t)bytes) == 0);
    char *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(mapped != MAP_FAILED);
    for (size_t i = 0; i < bytes; i++) {
        mapped[i] = 1;
    }
    CHECK(mprotect(mapped, bytes, PROT_READ) == 0);
    CHECK(ftruncate(file, (off_t)((size_t)left * page_bytes())) == 0);
    CHECK(close(file) == 0);
    return mapped;
}

static void unmap(const char *mapped) { CHECK(munmap((void *)mapped, PAGES * page_bytes()) == 0); }

typedef struct reading {
    const char *mapped;
    int64_t sums[WORKERS];
} reading;

// Every worker reads all pages.
static void read_all(void *argument, const vd_worker *worker) {
    reading *r = argument;
    int64_t sum = 0;
    for (size_t i = 0; i < PAGES * page_bytes(); i++) {
        sum += r->mapped[i];
    }
    r->sums[worker->index] = sum;
}

static void pools_report_truncation(void) {
    describe("a pool");
    vd_pool *pools[2];
    for (int i = 0; i < 2; i++) {
        CHECK(vd_pool_create(WORKERS, &pools[i]) == VD_OK);
    }
    for (int left = PAGES; left > 0; left -= 3) {
        reading r = {.mapped = map_truncated(left)};
        vd_status expected = left == PAGES ? VD_OK : VD_TRUNCATED;
        for (int again = 0; again < 2; again++) {
            CHECK(vd_pool_run(pools[0], read_all, &r) == expected);
            for (int i = 0; i < WORKERS; i++) {
                CHECK(r.sums[i] == (int64_t)page_bytes() * left);
            }
        }
        unmap(r.mapped);
    }
    reading whole = {.mapped = map_truncated(PAGES)};
    CHECK(vd_pool_run(pools[0], read_all, &whole) == VD_TRUNCATED);
    CHECK(vd_pool_run(pools[1], read_all, &whole) == VD_OK);
    unmap(whole.mapped);
    vd_pool_free(pools[0]);
    vd_pool_free(pools[1]);
}

static void calls_report_truncation(void) {
    enum { K = 1024 };
    int64_t rows = (int64_t)PAGES * (int64_t)page_bytes() / (K * (int64_t)sizeof(float));
    int64_t blocks = (int64_t)PAGES * (int64_t)page_bytes() / 34 / (K / 32);
    int64_t bytes;
    CHECK(vd_packed_bytes(VD_Q8_0, blocks, K, &bytes) == VD_OK);
    void *packed = allocate_aligned((size_t)bytes);
    char *encoded = allocate_aligned((size_t)rows * K * sizeof(float));
    for (int left = PAGES; left > 0; left -= PAGES - 1) {
        const char *mapped = map_truncated(left);
        vd_status expected = left == PAGES ? VD_OK : VD_TRUNCATED;
        describe("packing");
        CHECK(vd_pack(NULL, VD_Q8_0, blocks, K, mapped, packed, 0, vd_ceil_div(blocks, 16)) ==
              expected);
        unmap(mapped);
        mapped = map_truncated(left);
        describe("encoding");
        CHECK(vd_encode(VD_F32, VD_F16, K, mapped, NULL, encoded, 0, rows, NULL) == expected);
        unmap(mapped);
    }
    free_aligned(packed);
    free_aligned(encoded);
}

static sigjmp_buf former;

static void jump(int signal) { siglongjmp(former, signal); }

static void other_threads_keep_their_handler(void) {
    describe("the handler that the process had");
    const char *mapped = map_truncated(1);
    volatile int caught = sigsetjmp(former, 1);
    if (caught == 0) {
        CHECK(((volatile const char *)mapped)[page_bytes()] == 0);
    }
    CHECK(caught == SIGBUS);
    unmap(mapped);
}

int main(void) {
    CHECK(sigaction(SIGBUS, &(struct sigaction){.sa_handler = jump}, NULL) == 0);
    pools_report_truncation();
    calls_report_truncation();
    other_threads_keep_their_handler();
    return 0;
}
