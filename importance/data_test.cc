#include "importance/data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ImportanceData Golden(const std::string& name) {
  auto data = ReadImportance("testdata/importance/" + name);
  EXPECT_TRUE(data.ok()) << data.status();
  return data.ok() ? *std::move(data) : ImportanceData{};
}

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> Names(const ImportanceData& data) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : data.entries) names.push_back(name);
  return names;
}

TEST(ReadImportanceTest, ReadsWhatTheFieldWrote) {
  const ImportanceData data = Golden("kjv-llama.gguf");
  EXPECT_EQ(data.path, "testdata/importance/kjv-llama.gguf");
  EXPECT_THAT(data.datasets, ElementsAre("text16k.txt"));
  EXPECT_EQ(data.chunk_count, 12);
  EXPECT_EQ(data.chunk_size, 128);
  EXPECT_EQ(data.entries.size(), 56);
  for (const auto& [name, entry] : data.entries) {
    EXPECT_THAT(entry.counts, ElementsAre(12 * 128)) << name;
    EXPECT_GE(entry.sums.size(), 256) << name;
  }
}

// The legacy file of the same run holds round(round(sum / count) * calls), of which reading takes
// round(value / calls): three roundings of 2^-24 against one, so two of them apart.
TEST(ReadImportanceTest, BothFormatsOfARunGiveTheSameWeights) {
  const ImportanceData gguf = Golden("kjv-llama.gguf");
  const ImportanceData legacy = Golden("kjv-llama.dat");
  EXPECT_EQ(legacy.datasets, gguf.datasets);
  EXPECT_EQ(legacy.chunk_count, gguf.chunk_count);
  ASSERT_EQ(Names(legacy), Names(gguf));
  double worst = 0;
  for (const auto& [name, entry] : gguf.entries) {
    const std::vector<float> want = ImportanceWeights(entry);
    const std::vector<float> got = ImportanceWeights(legacy.entries.at(name));
    ASSERT_EQ(got.size(), want.size()) << name;
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_GT(want[i], 0) << name;
      worst = std::max(worst, std::fabs(double{got[i]} - want[i]) / want[i]);
    }
  }
  EXPECT_LE(worst, std::ldexp(1.001, -23));
  RecordProperty("worst_relative_difference", std::to_string(worst * 1e9) + "e-9");
}

TEST(ReadImportanceTest, CountsPerExpert) {
  const ImportanceData data = Golden("qwen3moe.gguf");
  for (const char* name :
       {"blk.0.ffn_down_exps.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight"}) {
    const ImportanceEntry& entry = data.entries.at(name);
    EXPECT_THAT(entry.counts, ElementsAre(464, 366, 199, 457, 319, 378, 389, 500)) << name;
    EXPECT_EQ(entry.sums.size(), 8 * 64) << name;
    const std::vector<float> weights = ImportanceWeights(entry);
    EXPECT_EQ(weights[3 * 64], entry.sums[3 * 64] / 457) << name;
  }
  // Two experts see each of the 12 * 128 tokens.
  const ImportanceEntry& router = data.entries.at("blk.0.ffn_gate_inp.weight");
  EXPECT_THAT(router.counts, ElementsAre((464 + 366 + 199 + 457 + 319 + 378 + 389 + 500) / 2));
  EXPECT_EQ(data.entries.count("output.weight"), 1);
}

TEST(ReadImportanceTest, NamesFilesThatCannotBeRead) {
  EXPECT_THAT(ReadImportance("testdata/importance/absent.gguf").status().message(),
              HasSubstr("testdata/importance/absent.gguf"));
}

TEST(ImportanceWeightsTest, MatricesThatWereNeverUsedWeighOne) {
  const ImportanceEntry entry = {{2, 4, 8, 16, 0, 3}, {2, 0, 3}};
  EXPECT_THAT(ImportanceWeights(entry), ElementsAre(1, 2, 1, 1, 0, 1));
}

TEST(ImportanceWeightsTest, EmptyEntry) { EXPECT_TRUE(ImportanceWeights({}).empty()); }

TEST(ImportanceWeightsTest, MatricesOfNothingButZerosWeighOne) {
  // Of six: measured, zeros, no count, below the least, at the least, one column of two.
  const float least = kLeastImportance;
  const ImportanceEntry entry = {{2, 4, 0, 0, 8, 16, least, least, 2 * least, 0, 0, 3},
                                 {2, 5, 0, 2, 2, 1}};
  EXPECT_THAT(UnmeasuredMatrices(entry), ElementsAre(1, 2, 3));
  EXPECT_THAT(ImportanceWeights(entry), ElementsAre(1, 2, 1, 1, 1, 1, 1, 1, least, 0, 0, 3));
}

// Files cut off anywhere: a sentence with the file's name, never data.
TEST(ReadImportanceTest, RefusesTruncatedFilesOfBothFormats) {
  const std::string path = testing::TempDir() + "/cut";
  for (const char* name : {"kjv-llama.gguf", "kjv-llama.dat", "qwen3moe.gguf"}) {
    const std::string bytes = BytesOf(std::string("testdata/importance/") + name);
    // The last 19 bytes of the legacy file are a trailer that may be missing as a whole.
    size_t num_cuts = 0;
    for (size_t size = 0; size + 20 < bytes.size(); size += size < 4096 ? 61 : 997) {
      std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
      const auto data = ReadImportance(path);
      ASSERT_FALSE(data.ok()) << name << " cut at " << size;
      EXPECT_THAT(std::string(data.status().message()), HasSubstr(path)) << size;
      ++num_cuts;
    }
    EXPECT_GT(num_cuts, 75) << name;
  }
}

std::string LegacyFile(const std::vector<float>& values, int32_t calls) {
  const int32_t numbers[] = {1, 1};
  std::string bytes(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  const int32_t more[] = {calls, static_cast<int32_t>(values.size())};
  bytes += "a" + std::string(reinterpret_cast<const char*>(more), sizeof(more));
  return bytes + std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size());
}

TEST(ReadImportanceTest, RefusesMeansThatNoQuantizerCanWeighWith) {
  const std::string path = testing::TempDir() + "/great.dat";
  const float greatest = kGreatestImportance;
  std::ofstream(path, std::ios::binary) << LegacyFile({1, greatest * 2}, 2);
  EXPECT_TRUE(ReadImportance(path).ok());
  std::ofstream(path, std::ios::binary) << LegacyFile({1, greatest * 2}, 1);
  EXPECT_EQ(ReadImportance(path).status().message(),
            path +
                ": entry 'a': the mean square of value 1 is 2e+15; expected at most 1e+15, so "
                "compute the importance matrix again");
}

TEST(FilterImportanceTest, KeepsIncludedAndNotExcluded) {
  const ImportanceEntry entry = {{1}, {1}};
  const ImportanceData all = {
      {{"blk.0.attn_k", entry}, {"blk.0.ffn_up", entry}, {"blk.1.attn_k", entry}}, {}, 0, 0, ""};
  const std::vector<std::string> attention = {"attn"};
  const std::vector<std::string> layers = {"blk.0", "blk.1."};
  ImportanceData data = all;
  FilterImportance({}, {}, &data);
  EXPECT_EQ(data.entries.size(), 3);
  FilterImportance(layers, attention, &data);
  EXPECT_THAT(Names(data), ElementsAre("blk.0.ffn_up"));
  data = all;
  FilterImportance(attention, {}, &data);
  EXPECT_THAT(Names(data), ElementsAre("blk.0.attn_k", "blk.1.attn_k"));
}

}  // namespace
}  // namespace gguf
