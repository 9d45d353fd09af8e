// Checks that every encoder has to pass, and the inputs they use. For tests only.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_TEST_CASES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_TEST_CASES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quantize/encode/encoder.h"

namespace gguf {

// Runs every test once per instruction set of this machine (parameter: the Highway target), so that
// an AVX-512 machine also tests the SSE and the scalar code.
class EncoderTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override;
  void TearDown() override;
};

// Instantiates the tests of `fixture`, a class derived from EncoderTest.
#define GGUF_INSTANTIATE_ENCODER_TESTS(fixture)                                    \
  INSTANTIATE_TEST_SUITE_P(Targets, fixture,                                       \
                           testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
                           [](const auto& info) { return hwy::TargetName(info.param); })

struct TestRows {
  std::string name;
  std::vector<float> values;
};

// Blocks of 256 values: zeros, -0, constants, subnormals, the largest binary16 values, one outlier,
// ties, values of 1e30, and mixtures with zero sub-blocks.
std::vector<TestRows> EdgeRows();

// `num_values` of a distribution (normal, Laplace, uniform, sparse, ...) chosen by `seed`.
TestRows RandomRows(uint32_t seed, size_t num_values);

// Weight vectors of `columns`: random, zeros, zeros for whole sub-blocks, tiny, huge.
std::vector<TestRows> WeightVectors(uint32_t seed, size_t columns);

// The encoder `encode` of `type` against testdata/quantize, with and without weights.
void ExpectGoldenBytes(TensorType type, EncodeRows encode);

// encode == encode_reference on the rows above, in many shapes; writes nothing beyond the blocks.
void ExpectFastEqualsReference(const Encoder& encoder);

// Distortion (distortion.h) of an encoder of a higher effort against the reference's, as ratios.
struct DistortionRatios {
  double golden = 0.0;        // all rows of testdata/quantize
  double heavy_tailed = 0.0;  // rows of Student's t distribution, 4 degrees of freedom
};

// Expects that `encoder` is nowhere worse than 1.002 x the reference (rows of testdata/quantize, of
// RandomRows, of a heavy-tailed distribution; with and without weights) and returns the ratios with
// (`weighted`) or without weights.
DistortionRatios ExpectNoMoreDistortion(const Encoder& encoder, bool weighted);

// The bytes of `values` as one row.
std::vector<uint8_t> EncodeRow(TensorType type, EncodeRows encode, const std::vector<float>& values,
                               const float* weights);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_ENCODER_TEST_CASES_H_
