#include "quantize/encode/signed_search.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/signed_search_test.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"
#include "quantize/encode/signed_search-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many mantissas of a divisor in [start, 2 * start) give a CorrectedQuotient for some step that
// differs from the division.
template <int kMax>
size_t WrongQuotients(float start) {
  const LaneTag df;
  const hn::RebindToSigned<LaneTag> di;
  const int32_t first = static_cast<int32_t>(BitsOf(start));
  size_t wrong = 0;
  for (int32_t mantissa = 0; mantissa < 1 << 23; mantissa += hn::Lanes(df)) {
    const auto divisor = hn::BitCast(df, hn::Iota(di, first + mantissa));
    const auto reciprocal = hn::Div(hn::Set(df, 1.0f), divisor);
    auto different = hn::Lt(divisor, hn::Zero(df));
    for (int step = -9; step <= 9; ++step) {
      const float numerator = NumeratorOfStep<kMax>(step);
      const auto quotient = CorrectedQuotient(df, numerator, divisor, reciprocal);
      const auto exact = hn::Div(hn::Set(df, numerator), divisor);
      different = hn::Or(different, hn::Ne(quotient, exact));
    }
    wrong += hn::CountTrue(df, different);
  }
  return wrong;
}

// Beyond one binade only the exponents change, as long as nothing is subnormal.
size_t AllWrongQuotients() {
#if HWY_NATIVE_FMA
  return WrongQuotients<4>(1.0f) + WrongQuotients<8>(1.0f) + WrongQuotients<16>(1.0f) +
         WrongQuotients<32>(1.0f) + WrongQuotients<4>(kTinyMagnitude) +
         WrongQuotients<32>(0.5f * kCorrectedLimit);
#else
  return 0;  // it is the division
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

HWY_EXPORT(AllWrongQuotients);

TEST(SignedSearchTest, CorrectedQuotientsAreTheDivision) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_EQ(HWY_DYNAMIC_DISPATCH(AllWrongQuotients)(), 0u) << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(SignedSearchTest, RintRoundsTiesToEven) {
  EXPECT_EQ(RintByMagic(0.5f), 0);
  EXPECT_EQ(RintByMagic(1.5f), 2);
  EXPECT_EQ(RintByMagic(-2.5f), -2);
  EXPECT_EQ(RintByMagic(4194303.0f), 4194303);
  EXPECT_EQ(RintByMagic(-4194303.0f), -4194303);
}

TEST(SignedSearchTest, TinyValuesHaveCodesZero) {
  const std::vector<float> x(16, 9e-16f);
  std::vector<uint8_t> codes(16, 7);
  EXPECT_EQ(SearchSigned(16, 4, x.data(), nullptr, codes.data()), 0.0f);
  EXPECT_EQ(codes, std::vector<uint8_t>(16, 0));
  codes.assign(16, 7);
  EXPECT_EQ(SearchSignedByDescent(x.data(), codes.data()), 0.0f);
  EXPECT_EQ(codes, std::vector<uint8_t>(16, 0));
}

TEST(SignedSearchTest, FindsTheScaleOfALattice) {
  std::vector<float> x(16);
  std::vector<uint8_t> expected(16);
  for (int i = 0; i < 16; ++i) {
    expected[i] = (i * 3) % 8;
    x[i] = -0.25f * (static_cast<float>(expected[i]) - 4.0f);
  }
  std::vector<uint8_t> codes(16);
  EXPECT_EQ(SearchSigned(16, 4, x.data(), nullptr, codes.data()), -0.25f);
  EXPECT_EQ(codes, expected);
  EXPECT_EQ(SearchSignedByDescent(x.data(), codes.data()), -0.25f);
  EXPECT_EQ(codes, expected);
}

TEST(SignedSearchTest, ZeroWeightsGiveScaleZero) {
  const std::vector<float> x(32, 1.0f);
  const std::vector<float> weights(32, 0.0f);
  std::vector<uint8_t> codes(32);
  EXPECT_EQ(SearchSigned(32, 8, x.data(), weights.data(), codes.data()), 0.0f);
  EXPECT_EQ(codes, std::vector<uint8_t>(32, 0));  // round(-8 / 1 * 1) + 8
}

}  // namespace
}  // namespace gguf
#endif  // HWY_ONCE
