#include "tools/report/quality_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

gguf_toolchain::QualityReport Example() {
  gguf_toolchain::QualityReport report;
  report.set_schema_version(kSchemaVersion);
  auto* model = report.add_models();
  model->set_model("a<b>|c.gguf");
  model->set_against("f16.gguf");
  model->set_file_bytes(1 << 20);
  model->set_bits_per_weight(4.5);
  model->mutable_error()->set_relative_rmse(0.0625);
  model->add_findings("x & y");
  auto* file = model->add_files();
  file->set_name("a<b>|c.gguf");
  file->set_sha256("00ff");
  for (const double error : {0.05, 0.125, 0.0625}) {
    auto* tensor = model->add_tensors();
    tensor->set_name(absl::StrCat("blk.", model->tensors_size(), ".x|y"));
    tensor->set_source_type("F16");
    tensor->set_type("Q4_K");
    tensor->set_bytes(576);
    tensor->mutable_error()->set_relative_rmse(error);
  }
  auto* divergence = model->mutable_divergence();
  divergence->set_base("base.zst");
  divergence->set_mean_kld(0.25);
  divergence->set_mean_kld_stderr(0.125);
  divergence->set_top1_agreement(0.75);
  divergence->set_perplexity(11);
  divergence->set_base_perplexity(8);
  divergence->set_tokens(2040);
  divergence->set_windows(8);
  divergence->set_context(512);
  report.add_models()->set_model("second.gguf");
  return report;
}

TEST(QualityReportTest, TextHasTheFigures) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text, HasSubstr("against f16.gguf; divergence from base.zst over 2040 tokens of 8 "
                              "windows of 512\n"));
  EXPECT_THAT(text, HasSubstr("1.0 MiB\n"));
  EXPECT_THAT(text, HasSubstr("0.12500 blk.2.x|y\n"));
  EXPECT_THAT(text, HasSubstr("0.250000 ± 0.125000\n"));
  EXPECT_THAT(text, HasSubstr("75.00 %\n"));
  EXPECT_THAT(text, HasSubstr("11.0000 (+37.50 %)\n"));
  EXPECT_THAT(text, HasSubstr("Fault: x & y\n"));
}

TEST(QualityReportTest, WhatWasNotMeasuredIsNoZero) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text.substr(text.find("second.gguf")), HasSubstr("mean KL divergence    -\n"));
}

TEST(QualityReportTest, MarkdownKeepsItsColumns) {
  const std::string text = ToMarkdown(Example());
  EXPECT_THAT(text, HasSubstr("| a<b>\\|c.gguf | 1.0 MiB | 4.500 | 0.06250 | 0.250000 ± 0.125000 | "
                              "75.00 % | 11.0000 (+37.50 %) | 1 | 0.12500 blk.2.x\\|y |\n"));
  EXPECT_THAT(text, HasSubstr("| second.gguf | 0 B | 0.000 | 0.00000 | - | - | - | 0 | - |\n"));
  EXPECT_THAT(text, HasSubstr("| blk.1.x\\|y | F16 | Q4_K | 576 B | 0.05000 | 0 |\n"));
}

TEST(QualityReportTest, HtmlEscapesWhatComesFromFiles) {
  const std::string html = ToHtml(Example());
  EXPECT_THAT(html, HasSubstr("a&lt;b&gt;|c.gguf"));
  EXPECT_THAT(html, Not(HasSubstr("a<b>")));
  EXPECT_THAT(html, HasSubstr("x &amp; y"));
  EXPECT_THAT(html, HasSubstr("<code>00ff</code>"));
  EXPECT_THAT(html, HasSubstr("<td>blk.2.x|y<td>F16<td>Q4_K<td class=n>576 B"));
}

TEST(QualityReportTest, TheNamesEndingChoosesTheForm) {
  EXPECT_EQ(*RenderReport(Example(), "r.md"), ToMarkdown(Example()));
  EXPECT_EQ(*RenderReport(Example(), "r.html"), ToHtml(Example()));
  EXPECT_THAT(*RenderReport(Example(), "r.json"), HasSubstr("\"mean_kld\": 0.25"));
  EXPECT_TRUE(absl::IsInvalidArgument(RenderReport(Example(), "r.txt").status()));
}

}  // namespace
}  // namespace gguf
