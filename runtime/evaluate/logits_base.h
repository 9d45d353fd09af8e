// Base files: what one model predicts for every counted token of a text, for comparing others with
// it. Two formats are read; the first is written.
//
// Ours is a Zstandard frame with a checksum of, all little-endian:
//   8 bytes  "GGUFBASE"
//   u32      version, 1
//   u32      context, tokens of a window
//   u32      vocabulary
//   u32      windows
//   i32      the token that stood in for the first one of each window, -1: none
//   u32      bytes of the fingerprint, at most 4096, and the fingerprint (see FingerprintOf)
//   i32      tokens [windows][context]
//   rows     [windows][context - 1 - context/2], for the tokens of each window's second half:
//            f32 lowest, f32 step, then per token of the vocabulary a 16-bit code, all high bytes
//            before all low bytes (they compress better apart); log p = lowest + step * code
// Codes divide the range of a row evenly; what is more than 32 below its best counts as 32 below.
//
// llama-perplexity's (--save-all-logits) begins with "_logits_", has context, vocabulary, windows
// (u32 each), tokens, and rows of f32 step, f32 lowest, u16 codes (one more when the vocabulary is
// odd), at most 16 below the best.
//
// What lies at the cut of a row that was cut has probability 0 when read; the others are scaled so
// that they add up to 1. Rounding of the codes then shows in a divergence only in second order,
// what was cut not at all, and no divergence is negative.

#ifndef GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOGITS_BASE_H_
#define GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOGITS_BASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "runtime/evaluate/text_windows.h"
#include "runtime/evaluate/zstd_stream.h"
#include "runtime/model.h"

namespace gguf {

inline constexpr uint32_t kMaxBaseVocabulary = 1u << 24;

// What files of one model have in common however they are quantized, and other models do not:
// "llama, embedding 256, feed-forward 512, heads 8/2, tokens <SHA-256 of their texts>". The number
// of layers is left out, so that a pruned model can be compared with the whole one.
std::string FingerprintOf(const Model& model);

class LogitsBaseWriter {
 public:
  // Writes everything before the rows. The file appears with Commit.
  static absl::StatusOr<std::unique_ptr<LogitsBaseWriter>> Create(absl::string_view path,
                                                                  bool replace,
                                                                  const TextWindows& windows,
                                                                  uint32_t vocabulary,
                                                                  absl::string_view fingerprint);

  // The next rows, of VisitWindows.
  absl::Status Append(absl::Span<const ScoredRow> rows, int threads);
  absl::Status Commit() { return stream_->Commit(); }

 private:
  LogitsBaseWriter(std::unique_ptr<ZstdWriter> stream, uint32_t vocabulary)
      : stream_(std::move(stream)), vocabulary_(vocabulary) {}

  std::unique_ptr<ZstdWriter> stream_;
  const uint32_t vocabulary_;
  std::vector<uint8_t> buffer_;
};

class LogitsBaseReader {
 public:
  // Reads everything before the rows. InvalidArgument: no base file, or a version or number that
  // cannot be; DataLoss: it ends too early or is damaged.
  // Memory is in proportion to the tokens that are there.
  static absl::StatusOr<std::unique_ptr<LogitsBaseReader>> Open(absl::string_view path);
  static absl::StatusOr<std::unique_ptr<LogitsBaseReader>> Open(
      std::unique_ptr<RandomAccessFile> file);

  const std::string& name() const { return stream_->name(); }
  // Of a llama-perplexity file `bos` is not known: kNoToken.
  const TextWindows& windows() const { return windows_; }
  uint32_t vocabulary() const { return vocabulary_; }
  // Empty in a llama-perplexity file.
  const std::string& fingerprint() const { return fingerprint_; }

  // InvalidArgument with one sentence when `model`, which has `vocabulary` tokens, is not the
  // base's.
  absl::Status CheckModel(const Model& model, size_t vocabulary) const;

  // Makes the next `count` rows those that Row gives. Call CheckModel first: memory is in
  // proportion to the vocabulary. DataLoss when they are not there.
  absl::Status ReadRows(size_t count);
  // Log-probabilities [vocabulary] of row `index` of the last ReadRows, -infinity for tokens that
  // were cut, which had at most *floor. Thread-safe. DataLoss when they are no numbers.
  absl::Status DecodeRow(size_t index, absl::Span<float> log_probabilities, float* floor) const;

  // After the last row.
  absl::Status ExpectEnd() { return stream_->ExpectEnd(); }

 private:
  explicit LogitsBaseReader(std::unique_ptr<SequentialReader> stream)
      : stream_(std::move(stream)) {}
  absl::Status ReadHeader();
  absl::Status ReadTokens();
  absl::StatusOr<uint32_t> ReadNumber();
  size_t RowBytes() const;

  std::unique_ptr<SequentialReader> stream_;
  bool is_ours_ = false;
  TextWindows windows_;
  uint32_t vocabulary_ = 0;
  std::string fingerprint_;
  std::vector<uint8_t> rows_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_EVALUATE_LOGITS_BASE_H_
