#include "runtime/tokenizer/special_splitter.h"

#include <algorithm>
#include <queue>
#include <string>

#include "absl/strings/ascii.h"

namespace gguf {
namespace {

struct Occurrence {
  size_t length;
  size_t begin;
  int32_t id;

  size_t end() const { return begin + length; }
};

// True when `a` is taken out after `b`.
struct IsLater {
  bool operator()(const Occurrence& a, const Occurrence& b) const {
    return a.length != b.length ? a.length < b.length : a.begin > b.begin;
  }
};

// The occurrences that are taken out, in no order. Longer ones go first, so that one that is in the
// way of another covers its first or its last byte; in the second case a shorter token may fit.
std::vector<Occurrence> FindOccurrences(const PrefixIndex& index, absl::string_view text) {
  std::vector<Occurrence> candidates;
  for (size_t begin = 0; begin < text.size(); ++begin) {
    if (!index.MayBegin(text[begin])) continue;
    const PrefixIndex::Match match = index.Longest(text.substr(begin));
    if (match.id >= 0) candidates.push_back({match.length, begin, match.id});
  }
  std::vector<Occurrence> taken;
  if (candidates.empty()) return taken;
  std::vector<bool> is_covered(text.size(), false);
  std::priority_queue<Occurrence, std::vector<Occurrence>, IsLater> queue(IsLater(),
                                                                          std::move(candidates));
  while (!queue.empty()) {
    const Occurrence top = queue.top();
    queue.pop();
    if (is_covered[top.begin]) continue;
    if (is_covered[top.end() - 1]) {
      const PrefixIndex::Match shorter = index.Longest(text.substr(top.begin), top.length - 1);
      if (shorter.id >= 0) queue.push({shorter.length, top.begin, shorter.id});
      continue;
    }
    std::fill(is_covered.begin() + top.begin, is_covered.begin() + top.end(), true);
    taken.push_back(top);
  }
  return taken;
}

}  // namespace

SpecialSplitter::SpecialSplitter(const Vocabulary* vocabulary) : vocabulary_(vocabulary) {
  for (int32_t id = 0; id < vocabulary->size(); ++id) {
    const std::string& text = vocabulary->text(id);
    if (text.empty() || text.size() > kMaxSpecialTokenBytes || !vocabulary->IsSpecial(id)) continue;
    all_.Add(text, id);
    if (!vocabulary->IsMarker(id)) user_defined_.Add(text, id);
  }
  user_defined_.Finish();
  all_.Finish();
}

std::vector<Fragment> SpecialSplitter::Split(absl::string_view text, bool parse_special) const {
  std::vector<Occurrence> occurrences = FindOccurrences(parse_special ? all_ : user_defined_, text);
  std::sort(occurrences.begin(), occurrences.end(),
            [](const Occurrence& a, const Occurrence& b) { return a.begin < b.begin; });
  std::vector<Fragment> fragments;
  size_t at = 0;
  bool strips = false;
  const auto add_text = [&](size_t end) {
    absl::string_view between = text.substr(at, end - at);
    while (strips && !between.empty() && absl::ascii_isspace(between[0])) between.remove_prefix(1);
    if (!between.empty()) fragments.push_back({kNoToken, between});
  };
  for (const Occurrence& occurrence : occurrences) {
    add_text(occurrence.begin);
    fragments.push_back({occurrence.id, {}});
    strips = vocabulary_->StripsRight(occurrence.id);
    at = occurrence.end();
  }
  add_text(text.size());
  return fragments;
}

}  // namespace gguf
