// macOS before 14.4 has no public call that waits on an address, so waiters share a few condition
// variables, selected by the address.
#include <pthread.h>

#include "os/wait.h"

enum { BUCKETS = 64 };

typedef struct bucket {
    pthread_mutex_t lock;
    pthread_cond_t changed;
} bucket;

static bucket buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_buckets(void) {
    for (int i = 0; i < BUCKETS; i++) {
        pthread_mutex_init(&buckets[i].lock, NULL);
        pthread_cond_init(&buckets[i].changed, NULL);
    }
}

// The words of pools are on separate cache lines.
static bucket *bucket_of(const atomic_uint *word) {
    pthread_once(&once, init_buckets);
    return &buckets[(uintptr_t)word / 64 % BUCKETS];
}

void vd_wait(atomic_uint *word, uint32_t value) {
    bucket *r = bucket_of(word);
    pthread_mutex_lock(&r->lock);
    if (atomic_load(word) == value) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

void vd_wake_all(atomic_uint *word) {
    bucket *r = bucket_of(word);
    pthread_mutex_lock(&r->lock);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
