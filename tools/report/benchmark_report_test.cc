#include "tools/report/benchmark_report.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/report/figures.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using ::gguf_toolchain::BenchmarkModel;
using ::gguf_toolchain::BenchmarkResult;
using ::gguf_toolchain::Repeated;
using ::testing::HasSubstr;
using ::testing::Not;

void Set(double median, Repeated* figure) {
  for (const double factor : {0.9, 1.0, 1.1}) figure->add_values(factor * median);
  figure->set_median(median);
  figure->set_least(0.9 * median);
  figure->set_most(1.1 * median);
}

BenchmarkModel* AddModel(const std::string& name, double mebibytes, double kld,
                         BenchmarkResult* result) {
  BenchmarkModel* model = result->add_models();
  model->set_name(name);
  model->set_file_bytes(mebibytes * 1048576);
  model->set_bits_per_weight(mebibytes / 2);
  model->set_peak_bytes(2 * mebibytes * 1048576);
  Set(100, model->mutable_prompt_tokens_per_second());
  Set(20, model->mutable_tokens_per_second());
  Set(0.5, model->mutable_first_token_seconds());
  Set(1.5, model->mutable_load_seconds());
  if (kld <= 0) {
    model->set_is_base(true);
    model->mutable_perplexity()->set_perplexity(10);
    model->mutable_perplexity()->set_perplexity_stderr(0.2);
    return model;
  }
  model->mutable_divergence()->set_mean_kld(kld);
  model->mutable_divergence()->set_mean_kld_stderr(kld / 20);
  model->mutable_divergence()->set_perplexity(10 * (1 + kld));
  model->mutable_divergence()->set_perplexity_stderr(0.2);
  model->mutable_divergence()->set_top1_agreement(0.95);
  model->mutable_error()->set_relative_rmse(kld);
  for (const std::string tensor : {"blk.0.attn_q.weight", "blk.1.attn_q.weight", "output.weight"}) {
    auto* matrix = model->add_tensors();
    matrix->set_name(tensor);
    matrix->set_type("Q4_K");
    matrix->mutable_error()->set_relative_rmse(tensor == "output.weight" ? 0 : kld);
  }
  return model;
}

// The base; two on the front; one that Q4_K is smaller and better than.
BenchmarkResult Example() {
  BenchmarkResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_model("a<b> & co");
  result.set_base("F16");
  result.set_text("text|1.txt");
  result.set_machine("some processor");
  result.set_threads(2);
  result.set_repetitions(3);
  AddModel("F16", 16, 0, &result);
  AddModel("Q8_0", 8, 0.001, &result);
  AddModel("Q4_K", 4, 0.02, &result);
  AddModel("Q4_<0>", 4.5, 0.04, &result);
  result.add_warnings("one & two");
  return result;
}

size_t Count(absl::string_view text, absl::string_view what) {
  return std::vector<absl::string_view>(absl::StrSplit(text, what)).size() - 1;
}

TEST(BenchmarkReportTest, TextHasAllModelsInAHundredColumns) {
  BenchmarkResult result = Example();
  result.mutable_models(1)->set_name(std::string(150, 'x'));
  const std::string text = BenchmarkText(result);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StrContains(line, "Worth")) continue;
    EXPECT_LE(CountCharacters(line), 100u) << line;
  }
  EXPECT_THAT(text, HasSubstr("0.0200 ± 0.0010"));
  EXPECT_THAT(text, HasSubstr("100 ± 10 %"));
  EXPECT_THAT(text, HasSubstr("10.00 ± 0.20"));
  EXPECT_THAT(text, HasSubstr("500 ms"));
}

TEST(BenchmarkReportTest, TheFrontIsNamedAndSoIsWhatBeatsTheOthers) {
  EXPECT_THAT(
      BenchmarkText(Example()),
      HasSubstr(
          "Worth their size: Q8_0, Q4_K. Beaten by one that is no larger: Q4_<0> (by Q4_K)."));
}

TEST(BenchmarkReportTest, ColumnsWithoutFiguresAreLeftOut) {
  EXPECT_THAT(BenchmarkText(Example()), Not(HasSubstr("choice")));
  BenchmarkResult result = Example();
  result.mutable_models(0)->mutable_choice()->set_accuracy(0.5);
  EXPECT_THAT(BenchmarkText(result), HasSubstr("choice"));
}

TEST(BenchmarkReportTest, MarkdownKeepsItsColumnsAndTheWarnings) {
  const std::string text = BenchmarkMarkdown(Example());
  EXPECT_THAT(text, HasSubstr("text\\|1.txt"));
  EXPECT_THAT(text, HasSubstr("| Q4_K | 4.0 MiB | 2.00 | 10.20 ± 0.20 | 0.0200 ± 0.0010 |"));
  EXPECT_THAT(text, HasSubstr("Warning: one & two"));
}

TEST(BenchmarkReportTest, PageIsWholeAndNeedsNothingElse) {
  const std::string html = BenchmarkHtml(Example());
  EXPECT_THAT(html, HasSubstr("<title>Benchmark of a&lt;b&gt; &amp; co</title>"));
  EXPECT_THAT(html, Not(HasSubstr("Q4_<0>")));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  // Two sizes of the quality plot, four of bars, a legend, a map per model with errors.
  EXPECT_EQ(Count(html, "<svg"), 2u + 4 + 1 + 3);
  EXPECT_EQ(Count(html, "<svg"), Count(html, "</svg>"));
  EXPECT_EQ(Count(html, "<svg"), Count(html, "role=\"img\" aria-label=\""));
  // Points of the three that are compared, one of them hollow, in both sizes.
  EXPECT_EQ(Count(html, "<circle"), 6u);
  EXPECT_EQ(Count(html, "\"point behind\""), 2u);
  EXPECT_EQ(Count(html, "<table"), 3u);
  EXPECT_THAT(html, HasSubstr("blk.1.attn_q.weight, Q4_K: relative error 2.0 %"));
  EXPECT_THAT(html, HasSubstr("output.weight, Q4_K: exact"));
  EXPECT_EQ(html, BenchmarkHtml(Example()));
}

TEST(BenchmarkReportTest, OneModelIsComparedWithNothing) {
  BenchmarkResult result;
  AddModel("alone", 4, 0, &result)->set_is_base(false);
  const std::string html = BenchmarkHtml(result);
  EXPECT_EQ(Count(html, "<circle"), 2u);
  EXPECT_THAT(html, HasSubstr(">perplexity</text>"));
  EXPECT_THAT(html, Not(HasSubstr("id=errors")));
  EXPECT_THAT(html, Not(HasSubstr("Worth")));
}

TEST(BenchmarkReportTest, AModelWithoutDivergenceTurnsThePlotToPerplexity) {
  BenchmarkResult result = Example();
  AddModel("other", 5, 0, &result)->set_is_base(false);
  EXPECT_THAT(BenchmarkHtml(result), HasSubstr("\"Perplexity against size of 5 models."));
}

TEST(BenchmarkReportTest, NumbersThatAreNoneDoNoHarm) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -1.0, 1e300}) {
    BenchmarkResult result = Example();
    BenchmarkModel* model = result.mutable_models(2);
    model->set_file_bytes(bad);
    model->set_peak_bytes(bad);
    model->mutable_divergence()->set_mean_kld(bad);
    model->mutable_divergence()->set_mean_kld_stderr(bad);
    model->mutable_tokens_per_second()->set_most(bad);
    model->mutable_tokens_per_second()->set_median(bad);
    model->mutable_tensors(0)->mutable_error()->set_relative_rmse(bad);
    model->mutable_tensors(1)->set_name("blk.4294967295.attn_q.weight");
    const std::string html = BenchmarkHtml(result);
    EXPECT_THAT(html, Not(HasSubstr("=\"nan"))) << bad;
    EXPECT_THAT(html, Not(HasSubstr("=\"-nan"))) << bad;
    EXPECT_THAT(html, Not(HasSubstr("=\"inf"))) << bad;
    EXPECT_FALSE(BenchmarkText(result).empty());
    EXPECT_FALSE(BenchmarkMarkdown(result).empty());
  }
}

TEST(BenchmarkReportTest, ReportsByEnding) {
  for (const char* path : {"r.json", "r.md", "r.html"}) {
    EXPECT_TRUE(RenderBenchmark(Example(), path).ok()) << path;
  }
  EXPECT_FALSE(RenderBenchmark(Example(), "r.pdf").ok());
}

}  // namespace
}  // namespace gguf
