#include "encode/encode.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "os/truncation.h"
#include "types/block_fields.h"
#include "types/dequantize.h"

// Exceeds a half times any code of a block, while squares of smaller numbers do not overflow.
#define BLOCK_LIMIT 0x1p32f

// Returns 1 if all magnitudes are at most the limit; NaNs are not.
static int is_within(float limit, const float *x, int64_t K) {
    int within = 1;
    for (int64_t k = 0; k < K; k++) {
        within &= fabsf(x[k]) <= limit;
    }
    return within;
}

static float mean_square(const float *x, int64_t K) {
    float sum = 0;
    for (int64_t k = 0; k < K; k++) {
        sum += x[k] * x[k];
    }
    return sum / (float)K;
}

static int is_half_finite(uint16_t half) { return isfinite(vd_half_to_float(half)); }

// Encodes a row in blocks. Returns 0 if a scale or minimum exceeds half precision.
static int encode_blocks(int32_t type, int64_t K, const float *x, const float *importance,
                         uint8_t *row) {
    vd_block_layout layout = vd_block_layout_of(type);
    float square = importance == NULL ? 0 : mean_square(x, K);
    memset(row, 0, (size_t)vd_row_bytes(type, K));
    for (int64_t k = 0; k < K; k += layout.elements, row += layout.file_bytes) {
        const float *part = importance == NULL ? NULL : importance + k;
        if (layout.elements == VD_BLOCK) {
            vd_encode_block_32(type, x + k, part, square, row);
        } else {
            vd_encode_block_k(type, x + k, part, row);
        }
        if (type != VD_MXFP4 && (!is_half_finite(vd_block_d(type, row)) ||
                                 (layout.minima && !is_half_finite(vd_block_dmin(type, row))))) {
            return 0;
        }
    }
    return 1;
}

static int encode_halves(int32_t type, int64_t K, const float *x, uint8_t *row) {
    for (int64_t k = 0; k < K; k++) {
        uint16_t value = type == VD_F16 ? vd_float_to_half(x[k]) : vd_float_to_bfloat(x[k]);
        float back = type == VD_F16 ? vd_half_to_float(value) : vd_bfloat_to_float(value);
        if (!isfinite(back)) {
            return 0;
        }
        memcpy(row + 2 * k, &value, sizeof value);
    }
    return 1;
}

static int encode_row(int32_t type, int64_t K, const float *x, const float *importance,
                      uint8_t *row) {
    if (!is_within(vd_is_quantized(type) && type != VD_MXFP4 ? BLOCK_LIMIT : FLT_MAX, x, K)) {
        return 0;
    }
    if (type == VD_F32) {
        memcpy(row, x, (size_t)K * sizeof *x);
        return 1;
    }
    return vd_is_quantized(type) ? encode_blocks(type, K, x, importance, row)
                                 : encode_halves(type, K, x, row);
}

vd_status vd_encode(vd_type from, vd_type to, int64_t K, const void *source,
                    const float *importance, void *target, int64_t row_begin, int64_t row_end,
                    int64_t *bad_row) {
    int64_t ignored;
    bad_row = bad_row == NULL ? &ignored : bad_row;
    *bad_row = -1;
    if (source == NULL || target == NULL || K <= 0 || K > INT32_MAX || row_begin < 0 ||
        row_begin > row_end || vd_row_bytes(from, K) == 0 || vd_row_bytes(to, K) == 0) {
        return VD_INVALID_ARGUMENT;
    }
    if (vd_block_layout_of(to).codes == VD_CODES_GRID ||
        vd_block_layout_of(to).codes == VD_CODES_UNENCODED) {
        return VD_UNSUPPORTED;
    }
    float *x = malloc((size_t)K * sizeof *x);
    if (x == NULL) {
        return VD_NO_MEMORY;
    }
    atomic_int truncated = 0;
    vd_truncation_prepare();
    vd_truncation_report(&truncated);
    int64_t row = row_begin;
    int fine = 1;
    while (row < row_end && fine) {
        vd_dequantize_row(from, (const uint8_t *)source + row * vd_row_bytes(from, K), K, x);
        fine = encode_row(to, K, x, importance, (uint8_t *)target + row * vd_row_bytes(to, K));
        row += fine;
    }
    vd_truncation_report(NULL);
    free(x);
    if (truncated || fine) {
        return truncated ? VD_TRUNCATED : VD_OK;
    }
    *bad_row = row;
    return VD_OUT_OF_RANGE;
}
