// Threads whose stacks no address space holds do not start.
#include <pthread.h>

#include "support/check.h"
#include "vidrio.h"

int main(void) {
    describe_faults();
    describe("threads that do not start");
    pthread_attr_t usual, giant;
    CHECK(pthread_getattr_default_np(&usual) == 0);
    CHECK(pthread_attr_init(&giant) == 0);
    CHECK(pthread_attr_setstacksize(&giant, (size_t)1 << 52) == 0);
    CHECK(pthread_setattr_default_np(&giant) == 0);
    vd_pool *pool = NULL;
    CHECK(vd_pool_create(3, &pool) == VD_NO_THREAD);
    CHECK(pool == NULL);
    CHECK(pthread_setattr_default_np(&usual) == 0);
    CHECK(pthread_attr_destroy(&giant) == 0);
    CHECK(pthread_attr_destroy(&usual) == 0);
    return 0;
}
