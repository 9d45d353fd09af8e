#include "runtime/evaluate/choice.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {
namespace {

size_t SharedPrefix(absl::Span<const int32_t> a, absl::Span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  size_t shared = 0;
  while (shared < most && a[shared] == b[shared]) ++shared;
  return shared;
}

size_t IndexOfMax(const std::vector<double>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace

absl::StatusOr<EncodedTask> EncodeTask(const Tokenizer& tokenizer, const ChoiceTask& task) {
  EncodeOptions options;
  options.parse_special = false;
  const auto encode = [&](const std::string& text) -> absl::StatusOr<std::vector<int32_t>> {
    GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer.Encode(text, options));
    if (tokenizer.add_eos() && !ids.empty()) ids.pop_back();
    return ids;
  };
  GGUF_ASSIGN_OR_RETURN(const std::vector<int32_t> context, encode(task.prompt()));
  EncodedTask encoded;
  for (const std::string& choice : task.choices) {
    GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids, encode(absl::StrCat(task.prompt(), choice)));
    // Without BOS the first token of all has nothing it could be predicted from.
    const size_t ending = std::max<size_t>(1, SharedPrefix(context, ids));
    if (ending >= ids.size()) {
      return absl::InvalidArgumentError(
          context.empty() ? "a choice is one token, which nothing comes before; expected a context"
                          : "a choice adds no token to the context");
    }
    encoded.choices.push_back(std::move(ids));
    encoded.ending.push_back(ending);
    encoded.bytes.push_back(choice.size());
  }
  encoded.shared = encoded.ending[0];
  for (size_t i = 1; i < encoded.choices.size(); ++i) {
    encoded.shared = std::min(
        {encoded.shared, encoded.ending[i], SharedPrefix(encoded.choices[0], encoded.choices[i])});
  }
  return encoded;
}

// Appends tokens; logits of those from index `first_wanted` on.
absl::Status ChoiceScorer::Run(absl::Span<const int32_t> tokens, size_t first_wanted,
                               const std::function<void(size_t, absl::Span<const float>)>& sink) {
  if (tokens.empty()) return absl::OkStatus();
  std::vector<uint8_t> wanted(tokens.size(), 0);
  for (size_t i = first_wanted; i < wanted.size(); ++i) wanted[i] = 1;
  GGUF_RETURN_IF_ERROR(decoder_.Decode(tokens, wanted, 0, sink));
  cached_.insert(cached_.end(), tokens.begin(), tokens.end());
  tokens_run_ += tokens.size();
  return absl::OkStatus();
}

// Makes the cache hold the longest beginning of `tokens` that it has.
absl::Status ChoiceScorer::KeepFirst(absl::Span<const int32_t> tokens) {
  KvCache* cache = decoder_.cache();
  if (cache == nullptr) return absl::OkStatus();  // an encoder: Decode says so
  size_t kept = SharedPrefix(cached_, tokens);
  if (!cache->Truncate(0, static_cast<int32_t>(kept)).ok()) {  // a window has moved on
    kept = 0;
    GGUF_RETURN_IF_ERROR(cache->Truncate(0, 0));
  }
  cached_.resize(kept);
  return absl::OkStatus();
}

// The last shared token predicts the first one of all endings, so that it is run once, in front of
// the first ending that goes on.
absl::StatusOr<std::vector<double>> ChoiceScorer::Score(const EncodedTask& task) {
  std::vector<double> scores(task.choices.size());
  bool has_first = task.shared == 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto ids = absl::MakeConstSpan(task.choices[i]);
    const bool is_last = i + 1 == scores.size();
    if (ids.size() <= task.shared + 1 && (has_first || !is_last)) continue;  // of one token
    const size_t kept = has_first ? task.shared : task.shared - 1;
    GGUF_RETURN_IF_ERROR(KeepFirst(ids.subspan(0, kept)));
    const size_t start = cached_.size();
    const auto sink = [&](size_t index, absl::Span<const float> logits) {
      const size_t next = start + index + 1;
      const double log_sum = Normalize(logits).log_sum;
      for (size_t j = 0; j < scores.size(); ++j) {
        const bool is_predicted = next == task.shared ? !has_first : j == i;
        if (is_predicted && next >= task.ending[j]) {
          scores[j] += logits[task.choices[j][next]] - log_sum;
        }
      }
    };
    // The last token's prediction is not asked for.
    const size_t first_wanted = has_first ? std::max(task.ending[i] - 1, kept) : kept;
    GGUF_RETURN_IF_ERROR(
        Run(ids.subspan(start, ids.size() - 1 - start), first_wanted - start, sink));
    has_first = true;
  }
  for (const double score : scores) {
    if (std::isfinite(score)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(decoder_.model().path(), " gives logits that are no numbers"));
  }
  return scores;
}

void ChoiceResult::Add(const EncodedTask& task, size_t answer, absl::Span<const double> scores) {
  std::vector<double> by_byte, by_token, by_sum(scores.begin(), scores.end());
  for (size_t i = 0; i < scores.size(); ++i) {
    by_byte.push_back(scores[i] / task.bytes[i]);
    by_token.push_back(scores[i] / (task.choices[i].size() - task.ending[i]));
  }
  chance += (1.0 / scores.size() - chance) / (tasks + 1);
  ++tasks;
  right_by_byte += IndexOfMax(by_byte) == answer;
  right_by_token += IndexOfMax(by_token) == answer;
  right_by_sum += IndexOfMax(by_sum) == answer;
}

}  // namespace gguf
