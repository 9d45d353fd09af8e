#include "tools/report/render.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

gguf_toolchain::WriteResult Example() {
  gguf_toolchain::WriteResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_program("quantize");
  result.set_input("in<b>.gguf");
  result.set_is_verified(true);
  result.add_warnings("a & b");
  auto* output = result.add_outputs();
  output->set_type("Q4_K_M");
  output->add_paths("out.gguf");
  output->set_num_values(1024);
  output->set_file_bytes(1 << 20);
  output->set_tensor_bytes(576);
  output->set_bits_per_weight(4.5);
  output->set_effort("max");
  output->set_importance("im<1>.gguf");
  output->mutable_error()->set_relative_rmse(0.0625);
  auto* tensor = output->add_tensors();
  tensor->set_name("blk.0.x|y.weight");
  tensor->add_shape(4);
  tensor->add_shape(256);
  tensor->set_source_type("F16");
  tensor->set_type("Q4_K");
  tensor->set_bytes(576);
  tensor->set_is_fallback(true);
  return result;
}

TEST(RenderTest, TextNamesFileSizeAndError) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text, HasSubstr("wrote out.gguf: Q4_K_M, 1.0 MiB (4.50 bits per weight)"));
  EXPECT_THAT(text, HasSubstr("relative RMSE 0.06250"));
}

TEST(RenderTest, EveryFormSaysFromWhatAndHow) {
  gguf_toolchain::WriteResult result = Example();
  EXPECT_THAT(ToText(result), HasSubstr("\n  from in<b>.gguf, max effort, importance data of "
                                        "im<1>.gguf\n"));
  EXPECT_THAT(ToMarkdown(result), HasSubstr("weight), max effort, importance data of im<1>.gguf"));
  EXPECT_THAT(ToHtml(result), HasSubstr("data, max effort, importance data of im&lt;1&gt;.gguf."));
  EXPECT_THAT(*ToJson(result), HasSubstr("\"effort\": \"max\""));
  EXPECT_THAT(*ToJson(result), HasSubstr("\"importance\": \"im\\u003c1\\u003e.gguf\""));
  result.mutable_outputs(0)->clear_importance();
  EXPECT_THAT(ToText(result), HasSubstr("max effort, no importance data\n"));
  result.mutable_outputs(0)->clear_effort();  // a copy
  EXPECT_THAT(ToText(result), HasSubstr("\n  from in<b>.gguf\n"));
}

TEST(RenderTest, ReportsSayWhatAJobMissed) {
  gguf_toolchain::WriteResult result = Example();
  result.mutable_outputs(0)->add_misses("tensor 'a<b>' is off");
  result.mutable_outputs(0)->set_mean_kld(0.25);
  EXPECT_THAT(ToMarkdown(result), HasSubstr("**Missed**: tensor"));
  EXPECT_THAT(ToMarkdown(result), HasSubstr("mean KL divergence 0.25"));
  EXPECT_THAT(ToHtml(result), HasSubstr("Missed: tensor 'a&lt;b&gt;' is off"));
}

TEST(RenderTest, TextDistinguishesWhatWasThereAlready) {
  gguf_toolchain::WriteResult result = Example();
  result.mutable_outputs(0)->set_was_complete(true);
  EXPECT_THAT(ToText(result), HasSubstr("complete already: out.gguf"));
}

TEST(RenderTest, JsonHasSnakeCaseAndPlainNumbers) {
  const auto json = ToJson(Example());
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_THAT(*json, HasSubstr("\"schema_version\": 1"));
  EXPECT_THAT(*json, HasSubstr("\"file_bytes\": 1048576"));
  EXPECT_THAT(*json, HasSubstr("\"is_dry_run\": false"));
}

TEST(RenderTest, HtmlEscapesWhatComesFromFiles) {
  const std::string html = ToHtml(Example());
  EXPECT_THAT(html, HasSubstr("in&lt;b&gt;.gguf"));
  EXPECT_THAT(html, Not(HasSubstr("in<b>")));
  EXPECT_THAT(html, HasSubstr("a &amp; b"));
  EXPECT_THAT(html, HasSubstr("4 × 256"));
  EXPECT_THAT(html, HasSubstr("fallback"));
}

TEST(RenderTest, MarkdownKeepsItsColumns) {
  const std::string text = ToMarkdown(Example());
  EXPECT_THAT(text, HasSubstr("| blk.0.x\\|y.weight | 4 × 256 | F16 | Q4_K |"));
}

TEST(RenderTest, ReportsByEnding) {
  for (const char* path : {"r.json", "r.md", "r.html"}) {
    EXPECT_TRUE(RenderReport(Example(), path).ok()) << path;
  }
  EXPECT_FALSE(RenderReport(Example(), "r.pdf").ok());
}

}  // namespace
}  // namespace gguf
