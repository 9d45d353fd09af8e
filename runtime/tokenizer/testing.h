// Tokenizers for tests: those of testdata that come with golden ids, as a GGUF holds them, and a
// tiny one.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TESTING_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TESTING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf {

struct GoldenTokenizer {
  const char* name;
  const char* folder;   // below testdata; its tests.json has the strings
  uint64_t vocab_size;  // 0: the folder is a whole checkpoint
};
inline constexpr GoldenTokenizer kGoldenTokenizers[] = {
    {"bert", "hf/bert", 0},
    {"deepseek", "tokenizers/bpe-deepseek3", 640},
    {"gemma2", "hf/gemma2", 0},
    {"gemma3", "hf/gemma3-text", 0},
    {"gemma3_vision", "hf/gemma3-vision", 0},
    {"gpt2", "tokenizers/bpe-gpt2", 512},
    {"gpt_oss", "hf/gpt-oss", 0},
    {"llama", "hf/llama", 0},
    {"llama3", "hf/llama3", 0},
    {"mixtral", "hf/mixtral", 0},
    {"phi3", "hf/phi3", 0},
    {"qwen2", "hf/qwen2", 0},
    {"qwen2moe", "hf/qwen2moe", 0},
    {"qwen3", "hf/qwen3", 0},
    {"qwen3moe", "hf/qwen3moe", 0},
    {"smollm", "tokenizers/bpe-smollm", 512},
};

// What conversion makes of the folder.
absl::StatusOr<Metadata> GoldenMetadata(const GoldenTokenizer& golden);

// One string of tests.json.
struct GoldenText {
  std::string text;
  std::vector<int32_t> ids;                // special text parsed, nothing added
  std::vector<int32_t> ids_with_special;   // with BOS and EOS
  std::vector<int32_t> sentencepiece_ids;  // by the SentencePiece library: no special text
  std::string decoded;                     // of `ids` as the checkpoint's own tokenizer gives them
  bool is_exact = true;  // false: a GGUF cannot hold what the checkpoint's own tokenizer does here
};
absl::StatusOr<std::vector<GoldenText>> GoldenTexts(const GoldenTokenizer& golden);

// A byte-level BPE vocabulary: the 256 letters in order of their bytes, then `more`.
Metadata ByteLevelMetadata(const std::vector<std::string>& more,
                           const std::vector<std::string>& merges, absl::string_view pre);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_TESTING_H_
