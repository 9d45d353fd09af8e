#include "quantize/encode/iq1_s.h"

#include <algorithm>
#include <vector>

#include "formats/codec/iq1_s.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {
namespace {

constexpr Encoder kIQ1_S = {TensorType::kIQ1_S, Effort::kReference,  true, true,
                            EncodeIQ1_S,        EncodeIQ1_SReference};

class Iq1STest : public EncoderTest {};

TEST_P(Iq1STest, GoldenBytes) {
  ExpectGoldenBytes(kIQ1_S.type, kIQ1_S.encode);
  ExpectGoldenBytes(kIQ1_S.type, kIQ1_S.encode_reference);
}

TEST_P(Iq1STest, FastEqualsReference) { ExpectFastEqualsReference(kIQ1_S); }

// Nothing to find: tiny values, or weights of zero.
TEST_P(Iq1STest, TinyValuesOrNoWeightsAreZeroBytes) {
  const std::vector<float> ones(256, 1.0f);
  const std::vector<float> zeros(256, 0.0f);
  const std::vector<float> tiny(256, 9e-13f);
  const std::vector<uint8_t> expected(sizeof(BlockIQ1_S), 0);
  EXPECT_EQ(EncodeRow(kIQ1_S.type, kIQ1_S.encode, tiny, ones.data()), expected);
  EXPECT_EQ(EncodeRow(kIQ1_S.type, kIQ1_S.encode, ones, zeros.data()), expected);
}

// Runs that are grid rows keep their signs: +-1 in runs of rows without zeros.
TEST_P(Iq1STest, GridRowsKeepTheirSigns) {
  std::vector<float> row;
  for (int index = 0; row.size() < 256; ++index) {
    const int8_t* grid = Iq1s(index * 37 % 2048);
    if (std::count(grid, grid + 8, 0) == 0) row.insert(row.end(), grid, grid + 8);
  }
  const std::vector<float> weights(256, 1.0f);
  const std::vector<uint8_t> bytes = EncodeRow(kIQ1_S.type, kIQ1_S.encode, row, weights.data());
  std::vector<float> decoded(256);
  DecodeBlock(*reinterpret_cast<const BlockIQ1_S*>(bytes.data()), decoded.data());
  for (size_t i = 0; i < 256; ++i) EXPECT_NEAR(decoded[i], row[i], 0.35f) << i;
}

GGUF_INSTANTIATE_ENCODER_TESTS(Iq1STest);

}  // namespace
}  // namespace gguf
