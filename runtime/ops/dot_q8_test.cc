#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // as dot_q8.cc, to test that instruction set too
#endif
#include "runtime/ops/dot_q8.h"

#include <cmath>
#include <vector>

#include "formats/codec/codec.h"
#include "runtime/ops/blocks_for_test.h"
#include "runtime/ops/testing.h"

namespace gguf {
namespace {

using DotQ8Test = TargetTest;

// Every block type against the decoded row; columns that are no multiple of 64, and that are more
// than one piece.
TEST_P(DotQ8Test, EqualsTheReference) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight || !HasQ8Dot(info.type)) continue;
    for (const size_t columns :
         {size_t{info.block_values}, size_t{3} * info.block_values, size_t{2304}}) {
      if (columns % 32 != 0) continue;
      const std::vector<uint8_t> row = RandomBlocks(info.type, columns, 1);
      std::vector<Q8Activations> x(3);
      for (size_t i = 0; i < x.size(); ++i) {
        x[i].Assign(RandomValues(columns, 2 + i).data(), columns);
      }
      float actual[3], expected[3];
      DotQ8(info.type, row.data(), columns, x.data(), 3, actual);
      DotQ8Reference(info.type, row.data(), columns, x.data(), 3, expected);
      std::vector<float> values(columns);
      CodecOf(info.type).decode(row.data(), columns, values.data());
      double magnitude = 0.0;  // minimums and codes are added apart
      for (const float value : values) magnitude += 8.0 * std::abs(value);
      for (size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(actual[i], expected[i], 1e-5 * magnitude) << info.name << " " << columns;
      }
    }
  }
}

// Codes at their ends: 127 times +-127 in every column must not saturate.
TEST_P(DotQ8Test, LargestCodes) {
  if (!HasQ8Dot(TensorType::kQ8_0)) GTEST_SKIP() << "no vectors";
  for (const int8_t code : {127, -127, -128}) {
    std::vector<uint8_t> row(2 * 34);
    for (size_t b = 0; b < 2; ++b) {
      row[34 * b + 1] = 0x3C;  // a scale of 1
      for (size_t i = 0; i < 32; ++i) row[34 * b + 2 + i] = static_cast<uint8_t>(code);
    }
    for (const float value : {127.0f, -127.0f}) {
      Q8Activations x;
      x.Assign(std::vector<float>(64, value).data(), 64);
      float out;
      DotQ8(TensorType::kQ8_0, row.data(), 64, &x, 1, &out);
      EXPECT_FLOAT_EQ(out, 64.0f * code * value);
    }
  }
}

TEST(Q8Activations, RoundsAgainstTheLargestOf32) {
  std::vector<float> values(96, 0.0f);
  values[0] = -254.0f;
  values[1] = 3.0f;  // 1.5: to even
  values[40] = 1e-3f;
  Q8Activations x;
  x.Assign(values.data(), values.size());
  EXPECT_EQ(x.codes()[0], -127);
  EXPECT_EQ(x.codes()[1], 2);
  EXPECT_EQ(x.codes()[40], 127);
  EXPECT_FLOAT_EQ(x.scales()[0], 2.0f);
  EXPECT_FLOAT_EQ(x.sums()[0], -250.0f);
  EXPECT_EQ(x.raised()[0], 128 * 125);
  for (size_t i = 64; i < 128; ++i) EXPECT_EQ(x.codes()[i], 0);
  EXPECT_EQ(x.scales()[16], 0.0f);
  EXPECT_EQ(x.scales()[31], 0.0f);
}

GGUF_INSTANTIATE_FOR_TARGETS(DotQ8Test);

}  // namespace
}  // namespace gguf
