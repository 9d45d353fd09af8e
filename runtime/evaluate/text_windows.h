// A text cut into windows of one context each, and the predictions that are counted in them: those
// of each window's second half, so that every one has at least half a context before it. The rule
// is llama-perplexity's, so that figures compare.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_TEXT_WINDOWS_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_TEXT_WINDOWS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/decoder.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

inline constexpr uint32_t kMinWindow = 4;  // the smallest with a counted prediction

struct TextWindows {
  std::vector<int32_t> tokens;  // [count][context]
  uint32_t context = 0;         // at least kMinWindow
  uint32_t count = 0;
  int32_t bos = kNoToken;  // stands in for the first token of each window; kNoToken: it stays

  // Predictions counted per window: those of positions context/2 + 1 to context - 1.
  uint32_t scored() const { return context - 1 - context / 2; }
};

// The whole windows in `text`, at most `max_count` (0: all); what is left over is not used. BOS is
// put in front of the text where the model wants it; control tokens are ordinary text. `name` is
// the text's in errors. InvalidArgument: the text is empty or has fewer tokens than one window.
absl::StatusOr<TextWindows> MakeTextWindows(const Tokenizer& tokenizer, absl::string_view name,
                                            absl::string_view text, uint32_t context,
                                            uint32_t max_count);

// One counted prediction.
struct ScoredRow {
  int32_t target = 0;              // the token that follows in the text
  absl::Span<const float> logits;  // [vocabulary] for it
};

// Runs the model over all windows and gives out the counted rows in order: `visit(rows)` with at
// most kRowsAtOnce, which stay valid for the call; `end_window(windows done)` after each window.
// Either can end the run with its status. The decoder's context is at least `windows.context`; its
// sequence 0 is used and left empty. FailedPrecondition naming token and window when a logit is no
// number. Memory beyond the decoder's: kRowsAtOnce rows.
inline constexpr size_t kRowsAtOnce = 64;
absl::Status VisitWindows(const TextWindows& windows, Decoder* decoder,
                          const std::function<absl::Status(absl::Span<const ScoredRow>)>& visit,
                          const std::function<absl::Status(uint32_t)>& end_window);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_TEXT_WINDOWS_H_
