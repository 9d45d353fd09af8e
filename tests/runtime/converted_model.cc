#include "tests/runtime/converted_model.h"

#include "absl/strings/str_cat.h"
#include "formats/open.h"
#include "gtest/gtest.h"
#include "quantize/plan_convert.h"
#include "quantize/write.h"

namespace gguf {

std::string ConvertedModel(const std::string& name, const std::string& folder, TensorType type) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/", name, "-", NameOf(type), ".gguf");
  const auto source = OpenCheckpoint(folder, OpenOptions());
  EXPECT_TRUE(source.ok()) << source.status();
  if (!source.ok()) return path;
  ConvertOptions options;
  options.type = type;
  const absl::StatusOr<Plan> plan = PlanConversion(**source, options);
  EXPECT_TRUE(plan.ok()) << plan.status();
  if (!plan.ok()) return path;
  WriteOptions write;
  write.replace = true;
  const WriteRequest request = {&*plan, path};
  const auto report = WriteOutputs(**source, {&request, 1}, write);
  EXPECT_TRUE(report.ok()) << report.status();
  return path;
}

}  // namespace gguf
