// macOS before 14.4 has no public call that sleeps on an address, so sleepers share a few rooms,
// chosen by the address.
#include <pthread.h>

#include "core/wait.h"

enum { ROOMS = 64 };

typedef struct room {
    pthread_mutex_t lock;
    pthread_cond_t changed;
} room;

static room rooms[ROOMS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_rooms(void) {
    for (int i = 0; i < ROOMS; i++) {
        pthread_mutex_init(&rooms[i].lock, NULL);
        pthread_cond_init(&rooms[i].changed, NULL);
    }
}

// The words of pools lie on cache lines of their own.
static room *room_of(const atomic_uint *word) {
    pthread_once(&once, open_rooms);
    return &rooms[(uintptr_t)word / 64 % ROOMS];
}

void vd_wait(atomic_uint *word, uint32_t value) {
    room *r = room_of(word);
    pthread_mutex_lock(&r->lock);
    if (atomic_load(word) == value) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

void vd_wake_all(atomic_uint *word) {
    room *r = room_of(word);
    pthread_mutex_lock(&r->lock);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}
