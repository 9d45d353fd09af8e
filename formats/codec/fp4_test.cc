#include <cmath>

#include "formats/codec/mxfp4.h"
#include "formats/codec/nvfp4.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(Fp4Test, HalfOfEveryE8M0Scale) {
  for (int e = 0; e < 256; ++e) EXPECT_EQ(E8M0Half(e), std::ldexp(1.0f, e - 128)) << e;
}

TEST(Fp4Test, HalfOfEveryUE4M3Scale) {
  for (int bits = 0; bits < 256; ++bits) {
    const int exponent = (bits >> 3) & 15;
    const float mantissa = static_cast<float>(bits & 7);
    const float value =
        exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(1.0f + mantissa / 8.0f, exponent - 7);
    EXPECT_EQ(UE4M3Half(bits), bits == 0x7F ? 0.0f : value / 2.0f) << bits;
  }
  EXPECT_EQ(UE4M3Half(0x7E), 224.0f);
  EXPECT_EQ(UE4M3Half(0xFF), 240.0f);
}

}  // namespace
}  // namespace gguf
