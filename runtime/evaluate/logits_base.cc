#include "runtime/evaluate/logits_base.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/sha256.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "runtime/evaluate/log_softmax.h"

namespace gguf {
namespace {

constexpr char kOurMagic[] = "GGUFBASE";
constexpr char kLlamaMagic[] = "_logits_";
constexpr size_t kMagicBytes = 8;
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMaxFingerprintBytes = 4096;
constexpr uint64_t kMaxTokens = uint64_t{1} << 28;  // what a text of kMaxTextBytes can have
constexpr float kRange = 32.0f, kLlamaRange = 16.0f;
constexpr float kMaxCode = 65535.0f;
constexpr float kLeastLog = -100.0f, kMostLog = 1.0f;  // of a row's lowest value, with room
constexpr size_t kPrefixBytes = 2 * sizeof(float);     // of a row

template <typename T>
void AppendNumber(T value, std::vector<uint8_t>* out) {
  uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->insert(out->end(), bytes, bytes + sizeof(T));
}

// `out` has kPrefixBytes + 2 * vocabulary bytes.
absl::Status EncodeRow(absl::Span<const float> logits, uint8_t* out) {
  const LogNormalizer normal = Normalize(logits);
  if (!std::isfinite(normal.log_sum)) {
    return absl::FailedPreconditionError("the model gives logits that are no numbers");
  }
  float lowest = *std::min_element(logits.begin(), logits.end());
  lowest = std::max(lowest, normal.max - kRange);
  const float step = (normal.max - lowest) / kMaxCode;
  const float log_lowest = static_cast<float>(lowest - normal.log_sum);
  std::memcpy(out, &log_lowest, sizeof(float));
  std::memcpy(out + sizeof(float), &step, sizeof(float));
  uint8_t* high = out + kPrefixBytes;
  uint8_t* low = high + logits.size();
  for (size_t i = 0; i < logits.size(); ++i) {
    const float above = std::max(0.0f, logits[i] - lowest);
    const float code = step > 0.0f ? std::min(kMaxCode, std::nearbyint(above / step)) : 0.0f;
    high[i] = static_cast<uint8_t>(static_cast<uint32_t>(code) >> 8);
    low[i] = static_cast<uint8_t>(static_cast<uint32_t>(code) & 0xFF);
  }
  return absl::OkStatus();
}

}  // namespace

std::string FingerprintOf(const Model& model) {
  Sha256 hash;
  const Value* tokens = model.metadata().Find(keys::kTokenizerTokens);
  const Array* array = tokens == nullptr ? nullptr : std::get_if<Array>(&tokens->data);
  const auto* texts =
      array == nullptr ? nullptr : std::get_if<std::vector<std::string>>(&array->elements);
  if (texts != nullptr) {
    for (const std::string& text : *texts) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(text.c_str());
      hash.Update(absl::MakeConstSpan(bytes, text.size() + 1));  // with its zero, which separates
    }
  }
  const ModelConfig& config = model.config();
  return absl::StrCat(config.family->architecture, ", embedding ", config.embedding,
                      ", feed-forward ", config.feed_forward, ", heads ", config.num_heads, "/",
                      config.num_kv_heads, ", tokens ", hash.HexDigest());
}

absl::StatusOr<std::unique_ptr<LogitsBaseWriter>> LogitsBaseWriter::Create(
    absl::string_view path, bool replace, const TextWindows& windows, uint32_t vocabulary,
    absl::string_view fingerprint) {
  std::vector<uint8_t> header(kOurMagic, kOurMagic + kMagicBytes);
  fingerprint = fingerprint.substr(0, kMaxFingerprintBytes);
  for (const uint32_t number :
       {kVersion, windows.context, vocabulary, windows.count, static_cast<uint32_t>(windows.bos),
        static_cast<uint32_t>(fingerprint.size())}) {
    AppendNumber(number, &header);
  }
  header.insert(header.end(), fingerprint.begin(), fingerprint.end());
  for (const int32_t token : windows.tokens) AppendNumber(token, &header);
  const uint64_t row_bytes = kPrefixBytes + 2 * uint64_t{vocabulary};
  const uint64_t num_bytes = header.size() + row_bytes * windows.count * windows.scored();
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<ZstdWriter> stream,
                        ZstdWriter::Create(path, num_bytes, replace));
  GGUF_RETURN_IF_ERROR(stream->Append(header));
  return std::unique_ptr<LogitsBaseWriter>(new LogitsBaseWriter(std::move(stream), vocabulary));
}

absl::Status LogitsBaseWriter::Append(absl::Span<const ScoredRow> rows, int threads) {
  const size_t row_bytes = kPrefixBytes + 2 * size_t{vocabulary_};
  buffer_.resize(rows.size() * row_bytes);
  GGUF_RETURN_IF_ERROR(ParallelFor(rows.size(), threads, [&](uint64_t i, int) {
    return EncodeRow(rows[i].logits, buffer_.data() + i * row_bytes);
  }));
  return stream_->Append(buffer_);
}

absl::StatusOr<std::unique_ptr<LogitsBaseReader>> LogitsBaseReader::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  return Open(std::move(file));
}

absl::StatusOr<std::unique_ptr<LogitsBaseReader>> LogitsBaseReader::Open(
    std::unique_ptr<RandomAccessFile> file) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<SequentialReader> stream,
                        SequentialReader::Open(std::move(file)));
  std::unique_ptr<LogitsBaseReader> reader(new LogitsBaseReader(std::move(stream)));
  GGUF_RETURN_IF_ERROR(reader->ReadHeader());
  GGUF_RETURN_IF_ERROR(reader->ReadTokens());
  return reader;
}

absl::StatusOr<uint32_t> LogitsBaseReader::ReadNumber() {
  uint32_t number = 0;
  GGUF_RETURN_IF_ERROR(
      stream_->Read(absl::MakeSpan(reinterpret_cast<uint8_t*>(&number), sizeof(number))));
  return number;
}

absl::Status LogitsBaseReader::ReadHeader() {
  uint8_t magic[kMagicBytes] = {};
  const absl::Status read = stream_->Read(absl::MakeSpan(magic));
  is_ours_ = std::memcmp(magic, kOurMagic, kMagicBytes) == 0;
  if (!read.ok() || (!is_ours_ && std::memcmp(magic, kLlamaMagic, kMagicBytes) != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name(), "' is no base file, expected one that 'evaluate logits' or ",
                     "llama-perplexity --save-all-logits wrote"));
  }
  uint32_t version = kVersion;
  if (is_ours_) {
    GGUF_ASSIGN_OR_RETURN(version, ReadNumber());
  }
  if (version != kVersion) {
    return absl::UnimplementedError(absl::StrCat("'", name(), "' has version ", version,
                                                 ", expected ", kVersion, "; make it again"));
  }
  GGUF_ASSIGN_OR_RETURN(windows_.context, ReadNumber());
  GGUF_ASSIGN_OR_RETURN(vocabulary_, ReadNumber());
  GGUF_ASSIGN_OR_RETURN(windows_.count, ReadNumber());
  if (windows_.context < kMinWindow || windows_.context > kMaxContext || windows_.count == 0 ||
      vocabulary_ == 0 || vocabulary_ > kMaxBaseVocabulary ||
      uint64_t{windows_.count} * windows_.context > kMaxTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name(), "' claims ", windows_.count, " windows of ", windows_.context,
                     " tokens and a vocabulary of ", vocabulary_, ", which cannot be"));
  }
  if (!is_ours_) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const uint32_t bos, ReadNumber());
  windows_.bos = static_cast<int32_t>(bos);
  GGUF_ASSIGN_OR_RETURN(const uint32_t bytes, ReadNumber());
  if (bytes > kMaxFingerprintBytes || windows_.bos < kNoToken) {
    return absl::InvalidArgumentError(absl::StrCat("'", name(), "' has a damaged header"));
  }
  fingerprint_.resize(bytes);
  return stream_->Read(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(&fingerprint_[0]), fingerprint_.size()));
}

absl::Status LogitsBaseReader::ReadTokens() {
  constexpr size_t kTokensAtOnce = 1 << 16;
  const size_t total = size_t{windows_.count} * windows_.context;
  while (windows_.tokens.size() < total) {
    const size_t done = windows_.tokens.size();
    const size_t count = std::min(kTokensAtOnce, total - done);
    windows_.tokens.resize(done + count);
    GGUF_RETURN_IF_ERROR(stream_->Read(absl::MakeSpan(
        reinterpret_cast<uint8_t*>(windows_.tokens.data() + done), count * sizeof(int32_t))));
  }
  for (size_t i = 0; i < total; ++i) {
    const int32_t token = windows_.tokens[i];
    if (token >= 0 && static_cast<uint32_t>(token) < vocabulary_) continue;
    return absl::InvalidArgumentError(absl::StrCat("'", name(), "': token ", i, " is ", token,
                                                   ", expected 0 to ", vocabulary_ - 1));
  }
  return absl::OkStatus();
}

absl::Status LogitsBaseReader::CheckModel(const Model& model, size_t vocabulary) const {
  if (vocabulary_ != vocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name(), "' is of a model with a vocabulary of ", vocabulary_, ", but ",
                     model.path(), " has ", vocabulary, ": expected the base of the same model"));
  }
  const std::string expected = FingerprintOf(model);
  if (!fingerprint_.empty() && fingerprint_ != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name(), "' is of another model (", fingerprint_, ") than ", model.path(),
                     " (", expected, "): expected the base of the same model"));
  }
  return absl::OkStatus();
}

size_t LogitsBaseReader::RowBytes() const {
  const size_t codes = is_ours_ ? vocabulary_ : (size_t{vocabulary_} + 1) / 2 * 2;
  return kPrefixBytes + 2 * codes;
}

absl::Status LogitsBaseReader::ReadRows(size_t count) {
  rows_.resize(count * RowBytes());
  return stream_->Read(absl::MakeSpan(rows_));
}

absl::Status LogitsBaseReader::DecodeRow(size_t index, absl::Span<float> out, float* floor) const {
  const uint8_t* row = rows_.data() + index * RowBytes();
  float first, second;
  std::memcpy(&first, row, sizeof(float));
  std::memcpy(&second, row + sizeof(float), sizeof(float));
  const float lowest = is_ours_ ? first : second, step = is_ours_ ? second : first;
  // Written so that what is no number fails too.
  if (!(lowest >= kLeastLog && lowest <= kMostLog && step >= 0.0f && step <= kRange)) {
    return absl::DataLossError(
        absl::StrCat("'", name(), "' holds a row whose scale cannot be; make it again"));
  }
  constexpr float kRounding = 1e-3f;
  const bool is_cut = step * kMaxCode > (is_ours_ ? kRange : kLlamaRange) - kRounding;
  const uint8_t* codes = row + kPrefixBytes;
  for (size_t i = 0; i < vocabulary_; ++i) {
    const uint32_t code = is_ours_ ? uint32_t{codes[i]} << 8 | codes[vocabulary_ + i]
                                   : codes[2 * i] | uint32_t{codes[2 * i + 1]} << 8;
    out[i] = is_cut && code == 0 ? -std::numeric_limits<float>::infinity()
                                 : lowest + step * static_cast<float>(code);
  }
  const double log_sum = Normalize(out).log_sum;
  if (!std::isfinite(log_sum)) {
    return absl::DataLossError(
        absl::StrCat("'", name(), "' holds a row without probabilities; make it again"));
  }
  for (float& value : out) value = static_cast<float>(value - log_sum);
  *floor = static_cast<float>(lowest - log_sum);
  return absl::OkStatus();
}

}  // namespace gguf
