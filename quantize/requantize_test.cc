// Sources that are quantized already: of every type, to every kind of type.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/io/memory_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/execute.h"
#include "quantize/memory_source.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kColumns = 768;
constexpr char kName[] = "blk.0.ffn_up.weight";

// A block of a type that nothing encodes: random codes under a scale of 1/64.
std::vector<uint8_t> BlockOf(TensorType type) {
  std::vector<uint8_t> block(InfoOf(type).block_bytes);
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<uint8_t>(i * 89 + i / 3);
  const std::string scale = type == TensorType::kQ8_1
                                ? std::string("\0\x24\0\x24", 4)   // F16 scale and sum
                                : std::string("\0\0\x80\x3C", 4);  // F32
  std::copy(scale.begin(), scale.end(), block.begin());
  return block;
}

// A matrix of `type` that holds ordinary weights: F32 values through the type's own encoder, or,
// where there is none (Q8_1, Q8_K), one block repeated.
std::vector<uint8_t> Matrix(TensorType type, uint64_t rows) {
  const uint64_t bytes = rows * *RowBytes(type, kColumns);
  std::vector<uint8_t> out(bytes);
  if (const Encoder* encoder = FindEncoder(type, QuantizeOptions().effort)) {
    std::vector<float> values(rows * kColumns);
    uint32_t seed = 7;
    for (float& value : values) {
      seed = seed * 1664525u + 1013904223u;
      value = (static_cast<int32_t>(seed) >> 8) * 1e-8f;
    }
    const std::vector<float> weights(kColumns, 1.0f);
    encoder->encode(values.data(), rows, kColumns, weights.data(), out.data());
    return out;
  }
  const std::vector<uint8_t> block = BlockOf(type);
  for (uint64_t i = 0; i < bytes; ++i) out[i] = block[i % block.size()];
  return out;
}

struct Outcome {
  Plan plan;
  std::string bytes;  // of the tensor
};

absl::StatusOr<Outcome> Requantize(TensorType from, const std::vector<uint8_t>& matrix,
                                   const std::string& to, bool allow = true) {
  MemorySource source;
  const uint64_t rows = matrix.size() / *RowBytes(from, kColumns);
  source.AddBytes(kName, {rows, kColumns}, from, matrix);
  QuantizeOptions options;
  options.allow_requantize = allow;
  options.recipe.pure = true;
  auto plan = PlanQuantization(source, *ParseRecipe(to), options, nullptr);
  if (!plan.ok()) return plan.status();
  const Layout& layout = plan->shards[0].layout;
  MemoryOutput file("out", layout.file_size);
  const auto warnings = Execute(source, {PlanOutput{&*plan, {&file}}}, ExecuteOptions());
  if (!warnings.ok()) return warnings.status();
  const std::string bytes = file.bytes().substr(layout.offsets[0], layout.sizes[0]);
  return Outcome{*std::move(plan), bytes};
}

TEST(RequantizeTest, EveryTypeDecodesAndEncodesAsTheCodecsSay) {
  size_t num_types = 0;
  for (const TensorTypeInfo& from : AllTensorTypes()) {
    if (!from.is_quantized) continue;
    ++num_types;
    constexpr uint64_t kRows = 5;
    const std::vector<uint8_t> matrix = Matrix(from.type, kRows);
    std::vector<float> values(kRows * kColumns);
    CodecOf(from.type).decode_reference(matrix.data(), values.size(), values.data());
    for (const char* to : {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K", "IQ4_XS", "IQ3_S",
                           "MXFP4", "TQ2_0"}) {
      if (from.name == to) continue;
      const auto outcome = Requantize(from.type, matrix, to);
      ASSERT_TRUE(outcome.ok()) << from.name << " to " << to << ": " << outcome.status();
      const PlannedTensor& tensor = outcome->plan.tensors[0];
      ASSERT_EQ(NameOf(tensor.type), to);
      std::string expected(outcome->bytes.size(), '\0');
      tensor.encoder->encode_reference(values.data(), kRows, kColumns, nullptr,
                                       reinterpret_cast<uint8_t*>(expected.data()));
      EXPECT_TRUE(outcome->bytes == expected) << from.name << " to " << to;
    }
  }
  EXPECT_GE(num_types, 27u);
}

TEST(RequantizeTest, WarnsOfWhatIsLost) {
  const auto outcome = Requantize(TensorType::kQ4_K, Matrix(TensorType::kQ4_K, 2), "Q5_0");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->plan.warnings,
              ElementsAre("--allow-requantize: 1 of 1 tensors are quantized already (1 Q4_K); "
                          "quantizing them again adds its own error to that of the first time; "
                          "start from the F16 or BF16 model where there is one"));
  const auto decoded = Requantize(TensorType::kQ4_K, Matrix(TensorType::kQ4_K, 2), "F16");
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_THAT(decoded->plan.warnings,
              ElementsAre(HasSubstr("(1 Q4_K); as F16 they keep that quantization's error")));
}

TEST(RequantizeTest, SourceTypesAreCountedTogether) {
  MemorySource source;
  for (const TensorType type : {TensorType::kQ6_K, TensorType::kQ4_K, TensorType::kQ6_K}) {
    source.AddBytes("blk." + std::to_string(source.tensors().size()) + ".ffn_up.weight",
                    {2, kColumns}, type, Matrix(type, 2));
  }
  source.Add("output_norm.weight", {kColumns}, std::vector<float>(kColumns, 1.0f));
  QuantizeOptions options;
  options.allow_requantize = true;
  const auto plan = PlanQuantization(source, *ParseRecipe("Q3_K_S"), options, nullptr);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("3 of 4 tensors are quantized already "
                                                    "(1 Q4_K, 2 Q6_K)")));
}

TEST(RequantizeTest, TheSameTypeIsACopyThatNeedsNoPermission) {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_quantized || !info.is_weight || !ParseRecipe(info.name).ok()) continue;
    const Recipe& recipe = **ParseRecipe(info.name);
    if (recipe.default_type != info.type) continue;  // IQ2_S is a scheme of IQ2_XS
    const std::vector<uint8_t> matrix = Matrix(info.type, 3);
    const auto outcome = Requantize(info.type, matrix, std::string(info.name), /*allow=*/false);
    ASSERT_TRUE(outcome.ok()) << info.name << ": " << outcome.status();
    EXPECT_TRUE(outcome->bytes == std::string(matrix.begin(), matrix.end())) << info.name;
    EXPECT_THAT(outcome->plan.warnings, IsEmpty()) << info.name;
  }
}

}  // namespace
}  // namespace gguf
