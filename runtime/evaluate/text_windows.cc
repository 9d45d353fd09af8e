#include "runtime/evaluate/text_windows.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// Collects rows as the decoder gives them out, one at a time, into batches worth dividing among
// threads.
class RowBatch {
 public:
  RowBatch(size_t vocabulary, const std::function<absl::Status(absl::Span<const ScoredRow>)>& visit)
      : vocabulary_(vocabulary), visit_(visit), logits_(kRowsAtOnce * vocabulary) {}

  void Add(int32_t target, absl::Span<const float> logits) {
    if (!status_.ok()) return;
    float* row = logits_.data() + rows_.size() * vocabulary_;
    std::copy(logits.begin(), logits.end(), row);
    rows_.push_back({target, absl::MakeConstSpan(row, vocabulary_)});
    if (rows_.size() == kRowsAtOnce) status_ = Flush();
  }

  absl::Status Flush() {
    if (status_.ok() && !rows_.empty()) status_ = visit_(rows_);
    rows_.clear();
    return status_;
  }

 private:
  const size_t vocabulary_;
  const std::function<absl::Status(absl::Span<const ScoredRow>)>& visit_;
  std::vector<float> logits_;
  std::vector<ScoredRow> rows_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<TextWindows> MakeTextWindows(const Tokenizer& tokenizer, absl::string_view name,
                                            absl::string_view text, uint32_t context,
                                            uint32_t max_count) {
  if (text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is empty, expected a text of at least ", context, " tokens"));
  }
  EncodeOptions options;
  options.parse_special = false;
  absl::StatusOr<std::vector<int32_t>> tokens = tokenizer.Encode(text, options);
  if (!tokens.ok()) {
    return absl::Status(tokens.status().code(),
                        absl::StrCat(name, ": ", tokens.status().message()));
  }
  if (tokenizer.add_eos() && !tokens->empty()) tokens->pop_back();  // the text goes on
  if (tokens->size() < context) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has ", tokens->size(), " tokens, expected at least one context of ",
                     context, ": use a longer text or a smaller context (-c)"));
  }
  TextWindows windows;
  windows.context = context;
  windows.count = static_cast<uint32_t>(tokens->size() / context);
  if (max_count != 0) windows.count = std::min(windows.count, max_count);
  if (tokenizer.add_bos()) windows.bos = tokenizer.bos();
  tokens->resize(size_t{windows.count} * context);
  windows.tokens = *std::move(tokens);
  return windows;
}

absl::Status VisitWindows(const TextWindows& windows, Decoder* decoder,
                          const std::function<absl::Status(absl::Span<const ScoredRow>)>& visit,
                          const std::function<absl::Status(uint32_t)>& end_window) {
  const uint32_t context = windows.context, first = context / 2;
  std::vector<uint8_t> wanted(context, 0);
  std::fill(wanted.begin() + first, wanted.end() - 1, 1);
  RowBatch batch(decoder->vocabulary(), visit);
  for (uint32_t w = 0; w < windows.count; ++w) {
    const auto begin = windows.tokens.begin() + size_t{w} * context;
    std::vector<int32_t> tokens(begin, begin + context);
    if (windows.bos != kNoToken) tokens[0] = windows.bos;
    if (decoder->cache() != nullptr) GGUF_RETURN_IF_ERROR(decoder->cache()->Truncate(0, 0));
    GGUF_RETURN_IF_ERROR(
        decoder->Decode(tokens, wanted, 0, [&](size_t index, absl::Span<const float> logits) {
          batch.Add(tokens[index + 1], logits);
        }));
    GGUF_RETURN_IF_ERROR(batch.Flush());
    GGUF_RETURN_IF_ERROR(end_window(w + 1));
  }
  return decoder->cache() != nullptr ? decoder->cache()->Truncate(0, 0) : absl::OkStatus();
}

}  // namespace gguf
