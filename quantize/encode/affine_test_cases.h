// Checks for encoders with a scale and a minimum, beyond those of encoder_test_cases.h: rows and
// weights that send neighbouring SIMD lanes different ways through the search. For tests only.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_

#include "quantize/encode/encoder.h"

namespace gguf {

// encode == encode_reference on rows of every size from subnormal to 1e30, ties, zeros of both
// signs, outliers, one sign only, mixtures of these by 16 values; with weights that are even,
// spread, zero in places, in stretches or everywhere, tiny, huge.
void ExpectFastEqualsReferenceOnHostileRows(const Encoder& encoder);

// The same bytes from one call and from several calls of some rows each.
void ExpectRowsAreIndependent(const Encoder& encoder);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_
