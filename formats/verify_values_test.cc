#include "formats/verify_values.h"

#include <atomic>
#include <string>
#include <vector>

#include "gguf/testing.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

GgufModel ModelOf(const std::vector<TensorSpec>& tensors, const std::vector<std::string>& data) {
  auto bytes = MakeGguf(Metadata(), tensors, data);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  auto file = OpenBytes(*std::move(bytes));
  EXPECT_TRUE(file.ok()) << file.status();
  return *GgufModel::FromFile(*std::move(file));
}

std::string Put(std::string bytes, size_t position, absl::string_view patch) {
  return bytes.replace(position, patch.size(), patch.data(), patch.size());
}

TEST(VerifyValues, AcceptsZerosOfEveryType) {
  std::vector<TensorSpec> tensors;
  std::vector<std::string> data;
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    tensors.push_back({std::string(info.name), info.type, Shape{2, info.block_values}});
    data.emplace_back(2 * info.block_bytes, '\0');
  }
  const auto faults = FindBadValues(ModelOf(tensors, data), {});
  ASSERT_TRUE(faults.ok()) << faults.status();
  EXPECT_TRUE(faults->empty()) << (*faults)[0].ToString();
}

TEST(VerifyValues, NamesTensorRowAndBlock) {
  const absl::string_view f16_infinity("\x00\x7c", 2), f32_nan("\x00\x00\xc0\x7f", 4);
  const std::string q8_0(3 * 2 * 34, '\0'), f32(4 * 5 * 4, '\0'), mxfp4(2 * 17, '\0');
  const GgufModel model =
      ModelOf({{"good", TensorType::kF32, Shape{4}},
               {"scale", TensorType::kQ8_0, Shape{3, 64}},
               {"plain", TensorType::kF32, Shape{4, 5}},
               {"exponent", TensorType::kMXFP4, Shape{64}}},
              {std::string(16, '\0'), Put(Put(q8_0, 3 * 34, f16_infinity), 5 * 34, f16_infinity),
               Put(f32, 4 * 13, f32_nan), Put(mxfp4, 17, "\xff")});
  for (const int threads : {1, 3}) {
    VerifyValuesOptions options;
    options.threads = threads;
    const auto faults = FindBadValues(model, options);
    ASSERT_TRUE(faults.ok()) << faults.status();
    ASSERT_EQ(faults->size(), 3u);
    EXPECT_EQ((*faults)[0].ToString(),
              "tensor 'scale': block 1 of row 1 (Q8_0) has a scale that is NaN or infinite, as "
              "have 1 more, expected finite values");
    EXPECT_EQ((*faults)[1].ToString(),
              "tensor 'plain': value 3 of row 2 (F32) is NaN or infinite, expected finite values");
    EXPECT_EQ((*faults)[2].ToString(),
              "tensor 'exponent': block 1 of row 0 (MXFP4) has a scale that is NaN or infinite, "
              "expected finite values");
  }
}

TEST(VerifyValues, LooksAtEveryChunk) {
  const uint64_t columns = 1000, rows = 1500;  // 6 MB
  std::string data(4 * columns * rows, '\0');
  for (uint64_t value : {uint64_t{262143}, uint64_t{262144}, columns * rows - 1}) {
    data = Put(data, 4 * value, absl::string_view("\x00\x00\x80\x7f", 4));
  }
  uint64_t bytes_seen = 0;
  VerifyValuesOptions options;
  options.progress = [&](uint64_t bytes, absl::string_view) { bytes_seen += bytes; };
  const auto faults =
      FindBadValues(ModelOf({{"t", TensorType::kF32, Shape{rows, columns}}}, {data}), options);
  ASSERT_TRUE(faults.ok());
  ASSERT_EQ(faults->size(), 1u);
  EXPECT_EQ((*faults)[0].num_blocks, 3u);
  EXPECT_EQ((*faults)[0].row, 262u);
  EXPECT_EQ((*faults)[0].block, 143u);
  EXPECT_EQ(bytes_seen, data.size());
}

TEST(VerifyValues, StopsWhenCancelled) {
  const std::atomic<bool> cancelled{true};
  VerifyValuesOptions options;
  options.cancelled = &cancelled;
  EXPECT_EQ(
      FindBadValues(ModelOf({{"t", TensorType::kF32, Shape{4}}}, {}), options).status().code(),
      absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gguf
