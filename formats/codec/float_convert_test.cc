#include "formats/codec/float_convert.h"

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gguf/base/float16.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace gguf {
namespace {

// Every instruction set this CPU has, in turn.
class FloatConvertTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { UseTargets(GetParam()); }
  void TearDown() override { UseTargets(0); }

  static void UseTargets(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, FloatConvertTest,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return hwy::TargetName(info.param); });

std::vector<uint16_t> All16Bits() {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  return all;
}

template <class T>
const uint8_t* BytesOf(const std::vector<T>& values) {
  return reinterpret_cast<const uint8_t*>(values.data());
}

TEST_P(FloatConvertTest, DecodesAll65536Halves) {
  const std::vector<uint16_t> all = All16Bits();
  std::vector<float> f16(all.size());
  std::vector<float> bf16(all.size());
  DecodeF16(BytesOf(all), all.size(), f16.data());
  DecodeBF16(BytesOf(all), all.size(), bf16.data());
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(BitsOf(f16[i]), BitsOf(F16ToF32(all[i]))) << i;
    ASSERT_EQ(BitsOf(bf16[i]), BitsOf(BF16ToF32(all[i]))) << i;
  }
}

// Every binary16 and bfloat16 value, every point halfway between two, and their neighbours.
std::vector<float> ValuesAroundTies() {
  std::vector<float> values;
  for (uint32_t i = 0; i < 65536; ++i) {
    const uint32_t exact = BitsOf(F16ToF32(static_cast<uint16_t>(i)));
    // The step of binary16 in bits of binary32, finer for subnormals.
    for (int shift = 12; shift <= 22; ++shift) {
      const uint32_t tie = exact + (1u << shift);
      for (const uint32_t bits : {exact, tie - 1, tie, tie + 1}) values.push_back(FloatOf(bits));
      if ((exact & 0x7FFFFFFF) >= 0x38800000) break;
    }
    for (const uint32_t low : {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      values.push_back(FloatOf(i << 16 | low));
    }
  }
  return values;
}

std::vector<float> RandomBitPatterns(size_t num_values) {
  std::mt19937 random(1);
  std::vector<float> values(num_values);
  for (float& value : values) value = FloatOf(static_cast<uint32_t>(random()));
  return values;
}

void ExpectEncodesLikeFloat16(const std::vector<float>& values) {
  std::vector<uint16_t> f16(values.size());
  std::vector<uint16_t> bf16(values.size());
  EncodeF16(values.data(), values.size(), reinterpret_cast<uint8_t*>(f16.data()));
  EncodeBF16(values.data(), values.size(), reinterpret_cast<uint8_t*>(bf16.data()));
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(f16[i], F32ToF16(values[i])) << std::hex << BitsOf(values[i]);
    ASSERT_EQ(bf16[i], F32ToBF16(values[i])) << std::hex << BitsOf(values[i]);
  }
}

TEST_P(FloatConvertTest, EncodesTies) { ExpectEncodesLikeFloat16(ValuesAroundTies()); }

TEST_P(FloatConvertTest, EncodesRandomBitPatterns) {
  ExpectEncodesLikeFloat16(RandomBitPatterns(1 << 20));
}

TEST_P(FloatConvertTest, EncodesRandomValuesInTheRangeOfF16) {
  std::vector<float> values = RandomBitPatterns(1 << 20);
  for (float& value : values) {
    // Exponents from below the subnormals of binary16 to above its range, no NaN.
    value =
        FloatOf((BitsOf(value) & 0x87FFFFFF) + (100u << 23) + (BitsOf(value) >> 3 & 0x0F000000));
  }
  ExpectEncodesLikeFloat16(values);
}

TEST_P(FloatConvertTest, EveryLengthAndAlignment) {
  const std::vector<float> values = RandomBitPatterns(200);
  for (size_t n = 0; n < 150; ++n) {
    for (size_t offset = 0; offset < 3; ++offset) {
      std::vector<uint8_t> encoded(offset + 2 * n + 1, 0xAB);
      std::vector<uint8_t> encoded_bf16 = encoded;
      EncodeF16(values.data() + offset, n, encoded.data() + offset);
      EncodeBF16(values.data() + offset, n, encoded_bf16.data() + offset);
      std::vector<float> decoded(n + 1, 1.0f);
      std::vector<float> decoded_bf16 = decoded;
      DecodeF16(encoded.data() + offset, n, decoded.data());
      DecodeBF16(encoded_bf16.data() + offset, n, decoded_bf16.data());
      for (size_t i = 0; i < n; ++i) {
        const float value = values[offset + i];
        ASSERT_EQ(BitsOf(decoded[i]), BitsOf(F16ToF32(F32ToF16(value)))) << n << " " << i;
        ASSERT_EQ(BitsOf(decoded_bf16[i]), BitsOf(BF16ToF32(F32ToBF16(value)))) << n << " " << i;
      }
      ASSERT_EQ(encoded.back(), 0xAB);
      ASSERT_EQ(encoded_bf16.back(), 0xAB);
      ASSERT_EQ(decoded.back(), 1.0f);
      ASSERT_EQ(decoded_bf16.back(), 1.0f);
    }
  }
}

// Extremes, the integers around the 24 bits of a float, and random ones, at odd addresses.
template <class T>
void ExpectDecodesLikeCast(void (*decode)(const uint8_t*, size_t, float*)) {
  std::vector<T> values = {std::numeric_limits<T>::min(),
                           std::numeric_limits<T>::max(),
                           std::numeric_limits<T>::lowest(),
                           T{0},
                           T{1},
                           static_cast<T>(-1)};
  for (int i = -5; i <= 5; ++i) {
    values.push_back(static_cast<T>((int64_t{1} << 24) + i));
    values.push_back(static_cast<T>((int64_t{1} << 60) + (int64_t{1} << 36) + i));
  }
  std::mt19937_64 random(2);
  while (values.size() < 1001) {
    const uint64_t bits = random();
    T value;
    std::memcpy(&value, &bits, sizeof(value));
    values.push_back(value);
  }
  std::vector<uint8_t> bytes(1 + values.size() * sizeof(T));
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(T));
  for (const size_t n : {size_t{0}, size_t{1}, size_t{15}, values.size()}) {
    std::vector<float> decoded(n + 1, 0.5f);
    decode(bytes.data() + 1, n, decoded.data());
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(BitsOf(decoded[i]), BitsOf(static_cast<float>(values[i]))) << i;
    }
    ASSERT_EQ(decoded[n], 0.5f);
  }
}

TEST_P(FloatConvertTest, DecodesIntegersAndDoubles) {
  ExpectDecodesLikeCast<int8_t>(DecodeI8);
  ExpectDecodesLikeCast<int16_t>(DecodeI16);
  ExpectDecodesLikeCast<int32_t>(DecodeI32);
  ExpectDecodesLikeCast<int64_t>(DecodeI64);
  ExpectDecodesLikeCast<double>(DecodeF64);
  ExpectDecodesLikeCast<float>(DecodeF32);
}

TEST_P(FloatConvertTest, FindsTheFirstNonFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float largest = std::numeric_limits<float>::max();
  for (const float bad : {infinity, -infinity, FloatOf(0x7F800001), FloatOf(0xFFFFFFFF)}) {
    for (size_t n = 0; n < 200; ++n) {
      std::vector<float> values(n, n % 2 == 0 ? largest : -largest);
      ASSERT_EQ(FindNonFinite(values.data(), n), n);
      for (size_t i = n; i-- > 0;) {
        values[i] = bad;
        ASSERT_EQ(FindNonFinite(values.data(), n), i) << n;
        if (i % 3 == 0) values[i] = 0.0f;  // else a second one behind the first
      }
    }
  }
}

}  // namespace
}  // namespace gguf
