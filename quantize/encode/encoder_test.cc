#include "quantize/encode/encoder.h"

#include <set>

#include "gguf/tensor_type.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(EncoderTableTest, InOrderOfTypeAndComplete) {
  uint32_t last = 0;
  for (const Encoder& encoder : AllEncoders()) {
    const uint32_t id = static_cast<uint32_t>(encoder.type);
    EXPECT_TRUE(id > last || id == 0) << NameOf(encoder.type);
    last = id;
    EXPECT_TRUE(InfoOf(encoder.type).is_weight) << NameOf(encoder.type);
    EXPECT_NE(encoder.encode, nullptr);
    EXPECT_NE(encoder.encode_reference, nullptr);
    EXPECT_TRUE(encoder.uses_weights || !encoder.requires_weights) << NameOf(encoder.type);
  }
}

TEST(EncoderTableTest, FindsEveryRowAndNothingElse) {
  for (const Encoder& encoder : AllEncoders()) {
    EXPECT_EQ(FindEncoder(encoder.type, encoder.effort), &encoder);
  }
  EXPECT_EQ(FindEncoder(TensorType::kI32, Effort::kReference), nullptr);
  EXPECT_EQ(FindEncoder(TensorType::kQ8_K, Effort::kReference), nullptr);
}

}  // namespace
}  // namespace gguf
