#include "formats/vision/f16_fit.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "gguf/base/float16.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

// One row of values in one type.
class OneTensor : public TensorSource {
 public:
  OneTensor(TensorType type, const std::vector<float>& values)
      : tensors_{{"x", {1, values.size()}, type}} {
    for (const float value : values) {
      const uint32_t bits = type == TensorType::kF32   ? BitsOf(value)
                            : type == TensorType::kF16 ? F32ToF16(value)
                                                       : F32ToBF16(value);
      const size_t size = type == TensorType::kF32 ? 4 : 2;
      const auto* bytes = reinterpret_cast<const uint8_t*>(&bits);
      bytes_.insert(bytes_.end(), bytes, bytes + size);
    }
  }
  const std::string& name() const override { return name_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  absl::Status ReadRows(size_t, uint64_t, uint64_t, absl::Span<uint8_t> out) const override {
    std::memcpy(out.data(), bytes_.data(), out.size());
    return absl::OkStatus();
  }
  std::vector<std::string> input_paths() const override { return {}; }

 private:
  std::string name_ = "test";
  Metadata metadata_;
  std::vector<SourceTensor> tensors_;
  std::vector<uint8_t> bytes_;
};

F16Fit Fit(TensorType type, const std::vector<float>& values) {
  const absl::StatusOr<F16Fit> fit = MeasureF16Fit(OneTensor(type, values), 0);
  EXPECT_TRUE(fit.ok()) << fit.status();
  return *fit;
}

TEST(F16FitTest, ValuesThatF16HoldsAreExact) {
  const std::vector<float> kExact = {
      0.0f,          -0.0f, 1.0f, -65504.0f, std::ldexp(1.0f, -24), std::ldexp(1.0f, -14),
      std::nanf(""), 0.5f};
  for (const TensorType type : {TensorType::kF32, TensorType::kF16}) {
    EXPECT_TRUE(Fit(type, kExact).is_exact());
  }
  EXPECT_TRUE(
      Fit(TensorType::kBF16, {0.0f, 1.0f, -3.5f, std::ldexp(1.0f, -24), 65280.0f}).is_exact());
}

TEST(F16FitTest, CountsWhatRoundingChanges) {
  const float third = 1.0f / 3;
  const F16Fit fit = Fit(TensorType::kF32, {third, 1.0f, 1.0f + std::ldexp(1.0f, -20), 70000.0f});
  EXPECT_EQ(fit.num_inexact, 3u);
  EXPECT_EQ(fit.num_overflowing, 1u);
  EXPECT_DOUBLE_EQ(fit.max_abs_error,
                   std::abs(static_cast<double>(third) - F16ToF32(F32ToF16(third))));
}

TEST(F16FitTest, EveryBf16PatternIsJudgedAsItsConversion) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = BF16ToF32(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    const float rounded = F16ToF32(F32ToF16(value));
    const F16Fit fit = Fit(TensorType::kBF16, {value});
    ASSERT_EQ(fit.is_exact(), rounded == value) << bits;
    ASSERT_EQ(fit.num_overflowing, std::isinf(rounded) && !std::isinf(value) ? 1u : 0u) << bits;
  }
}

}  // namespace
}  // namespace gguf
