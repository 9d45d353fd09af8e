// Any bytes as a vocabulary and a text: refused, or a tokenizer whose two ways of decoding agree
// and, if it is a byte-level one, give the text back.
//
// First byte: the model. Then lines, up to an empty one, that are tokens (their first character is
// the type) or, beginning with '=', merges; everything after it is the text.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/byte_alphabet.h"
#include "runtime/tokenizer/stream_decoder.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {
namespace {

struct Model {
  const char* model;
  const char* pre;
};
constexpr Model kModels[] = {{"llama", ""},       {"bert", ""},       {"gpt2", "gpt-2"},
                             {"gpt2", "llama3"},  {"gpt2", "gpt-4o"}, {"gpt2", "deepseek-llm"},
                             {"gpt2", "default"}, {"gpt2", "no such"}};
constexpr size_t kNumModels = sizeof(kModels) / sizeof(kModels[0]);

absl::string_view TakeLine(absl::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const absl::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

// Reads the vocabulary; what is left of `input` is the text.
Metadata TakeMetadata(absl::string_view* input) {
  const Model& model = kModels[static_cast<uint8_t>((*input)[0]) % kNumModels];
  input->remove_prefix(1);
  const bool is_byte_level = absl::string_view(model.model) == "gpt2";
  std::vector<std::string> tokens, merges;
  for (int byte = 0; is_byte_level && byte < 256; ++byte) tokens.emplace_back(LetterOfByte(byte));
  std::vector<int32_t> types(tokens.size(), 1);
  while (!input->empty()) {
    const absl::string_view line = TakeLine(input);
    if (line.empty()) break;
    if (line[0] == '=') {
      merges.emplace_back(line.substr(1));
    } else {
      tokens.emplace_back(line.substr(1));
      types.push_back(line[0] - '0');
    }
  }
  std::vector<float> scores;
  for (const std::string& token : tokens) scores.push_back(token.empty() ? 0 : token.back());
  Metadata metadata;
  metadata.Set(keys::kTokenizerModel, Value(model.model));
  metadata.Set(keys::kTokenizerPre, Value(model.pre));
  metadata.Set(keys::kTokenizerTokens, std::move(tokens));
  metadata.Set(keys::kTokenizerTokenType, std::move(types));
  metadata.Set(keys::kTokenizerScores, std::move(scores));
  metadata.Set(keys::kTokenizerMerges, std::move(merges));
  return metadata;
}

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace
}  // namespace gguf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  const gguf::Metadata metadata = gguf::TakeMetadata(&text);
  const auto tokenizer = gguf::Tokenizer::Load(metadata);
  if (!tokenizer.ok()) return 0;
  const auto ids = (*tokenizer)->Encode(text);
  if (!ids.ok()) return 0;
  gguf::DecodeOptions options;
  options.show_special = true;
  gguf::StreamDecoder stream(tokenizer->get(), options);
  std::string streamed;
  for (const int32_t id : *ids) {
    gguf::Check(id >= 0 && id < (*tokenizer)->vocab_size());
    streamed += stream.Add(id);
  }
  streamed += stream.Finish();
  const std::string decoded = (*tokenizer)->Decode(*ids, options);
  gguf::Check(streamed == decoded);
  if ((*tokenizer)->vocabulary().kind() == gguf::VocabularyKind::kByteLevel) {
    gguf::Check(decoded == text);
  }
  return 0;
}
