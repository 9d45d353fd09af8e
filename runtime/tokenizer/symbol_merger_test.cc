#include "runtime/tokenizer/symbol_merger.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
// Texts that merges make, with their priorities.
using Rules = std::map<std::string, int>;

// As the header defines it: of all pairs the best one, the leftmost of equal ones, until none is
// left. Quadratic.
std::vector<std::string> MergeSlowly(const std::string& text, const Rules& rules) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  while (true) {
    absl::optional<size_t> best;
    int best_priority = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto rule = rules.find(parts[i] + parts[i + 1]);
      if (rule == rules.end() || (best.has_value() && rule->second <= best_priority)) continue;
      best = i;
      best_priority = rule->second;
    }
    if (!best.has_value()) return parts;
    parts[*best] += parts[*best + 1];
    parts.erase(parts.begin() + *best + 1);
  }
}

std::vector<std::string> MergeFast(const std::string& text, const Rules& rules,
                                   SymbolMerger<int>* merger) {
  merger->Clear();
  for (size_t i = 0; i < text.size(); ++i) merger->Append(i, i + 1, 0);
  merger->Run([&](const Symbol& left, const Symbol& right, PairMerge<int>* merge) {
    EXPECT_EQ(left.end, right.begin);
    const auto rule = rules.find(text.substr(left.begin, right.end - left.begin));
    if (rule == rules.end()) return false;
    *merge = {rule->second, 0};
    return true;
  });
  std::vector<std::string> parts;
  merger->ForEach([&](const Symbol& symbol) {
    parts.push_back(text.substr(symbol.begin, symbol.end - symbol.begin));
  });
  return parts;
}

TEST(SymbolMergerTest, EqualsTheDefinition) {
  std::mt19937 random(1);
  SymbolMerger<int> merger;
  for (int round = 0; round < 2000; ++round) {
    Rules rules;
    for (uint32_t n = random() % 12; n > 0; --n) {
      std::string made;
      for (uint32_t length = 2 + random() % 4; length > 0; --length) made += 'a' + random() % 3;
      rules[made] = random() % 5;  // equal priorities too
    }
    std::string text;
    for (uint32_t n = random() % 40; n > 0; --n) text += 'a' + random() % 3;
    EXPECT_THAT(MergeFast(text, rules, &merger), ElementsAreArray(MergeSlowly(text, rules)))
        << text;
  }
}

TEST(SymbolMergerTest, NothingBecomesNothing) {
  SymbolMerger<int> merger;
  EXPECT_THAT(MergeFast("", {}, &merger), IsEmpty());
}

}  // namespace
}  // namespace gguf
