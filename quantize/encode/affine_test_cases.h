// What the test of an encoder with scale and minimum asks of it: the golden bytes, and a fast
// version that equals the reference on every instruction set of this machine, whatever the rows
// are.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quantize/encode/encoder.h"

namespace gguf {

struct EncoderUnderTest {
  std::string name;  // as in testdata/quantize
  size_t block_values;
  size_t block_bytes;
  EncodeRows encode;
  EncodeRows encode_reference;
};

// Rows with a name; columns values each.
struct TestRows {
  std::string name;
  std::vector<float> values;
};

// `num_rows * columns` values each from many distributions: sizes from subnormal to 1e30, ties,
// zeros of both signs, outliers, one sign only. The same for the same seed.
std::vector<TestRows> RandomRows(size_t num_rows, size_t columns, uint32_t seed);

// Importance weights (`columns` each): even, spread, zero, zero in whole stretches, tiny, huge.
std::vector<TestRows> RandomWeights(size_t columns, uint32_t seed);

// Fixed rows of `columns` values: constants, extremes, values between two codes.
std::vector<TestRows> EdgeRows(size_t columns);

// The bytes of testdata/quantize/NAME.bin or NAME.imatrix.bin from input.f32.
void ExpectGolden(const EncoderUnderTest& encoder, bool with_weights, EncodeRows encode);

// encode and encode_reference agree.
void ExpectSameBytes(const EncoderUnderTest& encoder, const TestRows& rows, size_t num_rows,
                     size_t columns, const TestRows* weights);

// The tests of one encoder as a suite over instruction sets; instantiate with
// GGUF_AFFINE_ENCODER_TESTS.
class AffineEncoderTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // All of the above on `encoder`.
  void TestGolden(const EncoderUnderTest& encoder);
  void TestRandomRows(const EncoderUnderTest& encoder);
  void TestEdgeRows(const EncoderUnderTest& encoder);
  void TestDivisionIntoCalls(const EncoderUnderTest& encoder);
};

std::vector<int64_t> TestTargets();
std::string TestTargetName(const testing::TestParamInfo<int64_t>& info);

// For a class TEST derived from AffineEncoderTest and a constant ENCODER.
#define GGUF_AFFINE_ENCODER_TESTS(TEST, ENCODER)                         \
  using TEST = AffineEncoderTest;                                        \
  TEST_P(TEST, WritesTheGoldenBytes) { TestGolden(ENCODER); }            \
  TEST_P(TEST, EqualsReferenceOnRandomRows) { TestRandomRows(ENCODER); } \
  TEST_P(TEST, EqualsReferenceOnEdgeRows) { TestEdgeRows(ENCODER); }     \
  TEST_P(TEST, RowsAreIndependent) { TestDivisionIntoCalls(ENCODER); }   \
  INSTANTIATE_TEST_SUITE_P(Targets, TEST, testing::ValuesIn(TestTargets()), TestTargetName)

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_AFFINE_TEST_CASES_H_
