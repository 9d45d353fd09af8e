#include "quantize/encode/encoder.h"

#include <set>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(EncoderTableTest, InOrderOfTypeAndEffort) {
  uint32_t last = 0;
  for (const Encoder& encoder : AllEncoders()) {
    const uint32_t place =
        4 * static_cast<uint32_t>(encoder.type) + static_cast<uint32_t>(encoder.effort);
    EXPECT_TRUE(place > last || place == 0) << NameOf(encoder.type);
    last = place;
    EXPECT_TRUE(InfoOf(encoder.type).is_weight) << NameOf(encoder.type);
    EXPECT_NE(encoder.encode, nullptr);
    EXPECT_NE(encoder.encode_reference, nullptr);
    EXPECT_TRUE(encoder.uses_weights || !encoder.requires_weights) << NameOf(encoder.type);
  }
}

TEST(EncoderTableTest, HigherEffortsNeedTheSameData) {
  for (const Encoder& encoder : AllEncoders()) {
    const Encoder* reference = FindEncoder(encoder.type, Effort::kReference);
    ASSERT_NE(reference, nullptr) << NameOf(encoder.type);
    EXPECT_EQ(encoder.uses_weights, reference->uses_weights) << NameOf(encoder.type);
    EXPECT_EQ(encoder.requires_weights, reference->requires_weights) << NameOf(encoder.type);
  }
}

TEST(EncoderTableTest, FindsEveryRowAndNothingElse) {
  for (const Encoder& encoder : AllEncoders()) {
    EXPECT_EQ(FindEncoder(encoder.type, encoder.effort), &encoder);
  }
  for (const Effort effort : kAllEfforts) {
    EXPECT_EQ(FindEncoder(TensorType::kI32, effort), nullptr);
    EXPECT_EQ(FindEncoder(TensorType::kQ8_K, effort), nullptr);
  }
}

TEST(EncoderTableTest, FallsBackToTheNextLowerEffort) {
  const Encoder* f32 = FindEncoder(TensorType::kF32, Effort::kMax);
  ASSERT_NE(f32, nullptr);
  EXPECT_EQ(f32->effort, Effort::kReference);
}

TEST(EffortTest, NamesParse) {
  for (const Effort effort : kAllEfforts) EXPECT_EQ(ParseEffort(NameOf(effort)), effort);
  EXPECT_EQ(ParseEffort("Standard"), absl::nullopt);
  EXPECT_EQ(ParseEffort(""), absl::nullopt);
}

}  // namespace
}  // namespace gguf
