#include "tools/quality_commands/bounds.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/quality_commands/measure.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::QualityCheck;
using gguf_toolchain::QualityResult;
using ::testing::HasSubstr;

const BoundRow* Row(absl::string_view option) {
  for (const BoundRow& row : BoundRows()) {
    if (option == row.option) return &row;
  }
  return nullptr;
}

void AddTensor(const char* name, double relative_rmse, QualityResult* figures) {
  auto* tensor = figures->add_tensors();
  tensor->set_name(name);
  tensor->mutable_error()->set_relative_rmse(relative_rmse);
}

QualityResult Example() {
  QualityResult figures;
  figures.set_schema_version(kSchemaVersion);
  figures.set_model("model.gguf");
  figures.set_file_bytes(1 << 20);
  figures.mutable_error()->set_relative_rmse(0.05);
  auto* divergence = figures.mutable_divergence();
  divergence->set_mean_kld(0.25);
  divergence->set_p99_kld(1.5);
  divergence->set_perplexity(11);
  divergence->set_base_perplexity(8);
  divergence->set_top1_agreement(0.75);
  AddTensor("blk.0.attn_k.weight", 0.0625, &figures);
  AddTensor("blk.1.attn_k.weight", 0.125, &figures);
  AddTensor("output.weight", 0.03125, &figures);
  return figures;
}

QualityCheck Check(const QualityResult& figures, const std::vector<GivenBound>& bounds) {
  absl::StatusOr<QualityCheck> check = CheckBounds(figures, bounds);
  EXPECT_TRUE(check.ok()) << check.status();
  return check.ok() ? *check : QualityCheck();
}

// A bound at the figure is met, the next number on the wrong side of it is not.
TEST(BoundsTest, EveryFigureIsHeldAgainstItsBound) {
  struct Case {
    const char* option;
    const char* at;
    const char* beyond;
  };
  const Case cases[] = {
      {"--max-error", "0.125", "0.1249"},   {"--max-total-error", "0.05", "0.0499"},
      {"--max-kl", "0.25", "0.2499"},       {"--max-kl-99", "1.5", "1.4999"},
      {"--max-perplexity", "11", "10.999"}, {"--max-perplexity-rise", "0.375", "0.3749"},
      {"--min-same-top", "0.75", "0.7501"}, {"--max-size", "1MiB", "1048575"},
  };
  EXPECT_EQ(std::size(cases), BoundRows().size());
  for (const Case& c : cases) {
    ASSERT_NE(Row(c.option), nullptr) << c.option;
    EXPECT_TRUE(Check(Example(), {{Row(c.option), c.at}}).is_met()) << c.option;
    const QualityCheck missed = Check(Example(), {{Row(c.option), c.beyond}});
    EXPECT_FALSE(missed.is_met()) << c.option;
    EXPECT_THAT(CheckText(missed), HasSubstr("MISSED  model.gguf: ")) << c.option;
  }
}

TEST(BoundsTest, OneMissIsEnough) {
  const QualityCheck check = Check(
      Example(), {{Row("--max-kl"), "1"}, {Row("--max-kl-99"), "1"}, {Row("--max-size"), "2G"}});
  EXPECT_FALSE(check.is_met());
  ASSERT_EQ(check.bounds_size(), 3);
  EXPECT_TRUE(check.bounds(0).is_met());
  EXPECT_FALSE(check.bounds(1).is_met());
  EXPECT_TRUE(check.bounds(2).is_met());
}

TEST(BoundsTest, TheLastPatternOfATensorCountsInsteadOfTheBoundOfAll) {
  const BoundRow* row = Row("--max-error");
  const QualityCheck check =
      Check(Example(), {{row, "blk=0.01"}, {row, "0.04"}, {row, "^blk\\.1\\.=0.2"}});
  ASSERT_EQ(check.bounds_size(), 3);
  EXPECT_EQ(check.bounds(0).tensor(), "blk.0.attn_k.weight");
  EXPECT_FALSE(check.bounds(0).is_met());
  EXPECT_EQ(check.bounds(1).tensor(), "output.weight");
  EXPECT_TRUE(check.bounds(1).is_met());
  EXPECT_EQ(check.bounds(2).tensor(), "blk.1.attn_k.weight");
  EXPECT_TRUE(check.bounds(2).is_met());
}

TEST(BoundsTest, NotANumberMeetsNothing) {
  for (const size_t place : {0, 1, 2}) {
    QualityResult figures = Example();
    figures.mutable_tensors(static_cast<int>(place))
        ->mutable_error()
        ->set_relative_rmse(std::numeric_limits<double>::quiet_NaN());
    const QualityCheck check = Check(figures, {{Row("--max-error"), "1e300"}});
    EXPECT_FALSE(check.is_met());
    EXPECT_EQ(check.bounds(0).tensor(), figures.tensors(static_cast<int>(place)).name());
  }
  QualityResult figures = Example();
  figures.mutable_divergence()->set_top1_agreement(std::nan(""));
  EXPECT_FALSE(Check(figures, {{Row("--min-same-top"), "0"}}).is_met());
}

TEST(BoundsTest, AFaultOfTheFileIsAMiss) {
  QualityResult figures = Example();
  figures.add_findings("tensor 'a': is missing");
  const QualityCheck check = Check(figures, {{Row("--max-kl"), "1"}});
  EXPECT_FALSE(check.is_met());
  EXPECT_THAT(CheckText(check), HasSubstr("FAULT   model.gguf: tensor 'a': is missing\n"));
}

TEST(BoundsTest, WhatCannotBeCheckedIsAnError) {
  QualityResult unmeasured = Example();
  unmeasured.clear_divergence();
  EXPECT_THAT(std::string(CheckBounds(unmeasured, {{Row("--max-kl"), "1"}}).status().message()),
              HasSubstr("--base"));
  for (const char* text : {"", "x", "-1", "inf", "nan", "0x", "absent=1", "(=1", "output=", "=x"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(CheckBounds(Example(), {{Row("--max-error"), text}}).status()))
        << text;
  }
  for (const char* text : {"", "many", "-1", "output=1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckBounds(Example(), {{Row("--max-kl"), text}}).status()))
        << text;
    EXPECT_TRUE(
        absl::IsInvalidArgument(CheckBounds(Example(), {{Row("--max-size"), text}}).status()))
        << text;
  }
}

TEST(MeasureTest, FiguresAreReadAsTheyWereWritten) {
  QualityResult figures = Example();
  figures.mutable_tensors(0)->mutable_error()->set_relative_rmse(
      std::numeric_limits<double>::infinity());
  const absl::StatusOr<std::string> json = ToJson(figures);
  ASSERT_TRUE(json.ok());
  const absl::StatusOr<QualityResult> read = ParseQuality("f.json", *json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), figures.SerializeAsString());
}

TEST(MeasureTest, OtherDocumentsAreRefusedByName) {
  for (const char* json : {"", "[]", "{", "{}", "{\"schema_version\": 2}", "{\"model\": 3}",
                           "{\"schema_version\": 1, \"unknown\": 0}"}) {
    const absl::StatusOr<QualityResult> read = ParseQuality("f.json", json);
    EXPECT_TRUE(absl::IsInvalidArgument(read.status())) << json;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("f.json: ")) << json;
  }
}

}  // namespace
}  // namespace gguf
