// The bytes of an input. Each choice of a harness takes some; after the end, zeros.
#ifndef VD_FUZZ_INPUT_H
#define VD_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The entry point of libFuzzer.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *at;
    const uint8_t *end;
} input;

static inline void take(input *in, void *target, size_t bytes) {
    size_t left = (size_t)(in->end - in->at);
    size_t given = bytes < left ? bytes : left;
    memset(target, 0, bytes);
    if (given > 0) {
        memcpy(target, in->at, given);
    }
    in->at += given;
}

static inline uint8_t take_byte(input *in) {
    uint8_t byte;
    take(in, &byte, sizeof byte);
    return byte;
}

// Returns a number from `least` to `most`, at most 256 apart.
static inline int32_t take_between(input *in, int32_t least, int32_t most) {
    return least + take_byte(in) % (most - least + 1);
}

#endif
