// Keys and values of Gemma 3's metadata that the containers take for granted or call otherwise.

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_GEMMA3_KEYS_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_GEMMA3_KEYS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf::gemma3 {

inline constexpr absl::string_view kArchitecture = "gemma3";

inline constexpr absl::string_view kEmbeddingLength = "gemma3.embedding_length";
inline constexpr absl::string_view kContextLength = "gemma3.context_length";
inline constexpr absl::string_view kEpsilon = "gemma3.attention.layer_norm_rms_epsilon";
inline constexpr absl::string_view kScalingType = "gemma3.rope.scaling.type";
inline constexpr absl::string_view kScalingFactor = "gemma3.rope.scaling.factor";

// One number under llama.cpp's and Ollama's names, and what engines take when a file has neither.
struct RopeKey {
  absl::string_view llama_cpp, ollama;
  float usual;
};
inline constexpr RopeKey kRopeKeys[] = {
    {"gemma3.rope.freq_base", "gemma3.rope.global.freq_base", 1e6f},
    {"gemma3.rope.freq_base_swa", "gemma3.rope.local.freq_base", 1e4f},
};

inline constexpr float kUsualEpsilon = 1e-6f;
// Models of 4B parameters and more stretch the positions of their global layers.
inline constexpr uint64_t kLongContext = 131072;
inline constexpr absl::string_view kUsualScaling = "linear";
inline constexpr float kUsualFactor = 8.0f;

// Keys of Ollama's tokenizer section that llama.cpp does not have.
inline constexpr absl::string_view kEosTokenIds = "tokenizer.ggml.eos_token_ids";
inline constexpr absl::string_view kOllamaTokenizerKeys[] = {
    kEosTokenIds, "tokenizer.ggml.add_padding_token", "tokenizer.ggml.add_unknown_token"};

inline constexpr absl::string_view kStartOfTurn = "<start_of_turn>";
inline constexpr absl::string_view kEndOfTurn = "<end_of_turn>";
inline constexpr int32_t kControlToken = 3;

// What a model that was trained on turns is asked with: roles user and model, a system message in
// front of the first user message.
inline constexpr absl::string_view kChatTemplate =
    R"({{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %})"
    R"({% if message['role'] == 'system' %}{% set ns.system = message['content'] + '\n\n' %})"
    R"({% else %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') )"
    R"(+ '\n' + (ns.system if message['role'] == 'user' else '') + message['content'] )"
    R"(+ '<end_of_turn>\n' }}{% if message['role'] == 'user' %}{% set ns.system = '' %})"
    R"({% endif %}{% endif %}{% endfor %}{% if add_generation_prompt %})"
    R"({{ '<start_of_turn>model\n' }}{% endif %})";

// Sets a key that is missing, and says so in `changes`.
void AddKey(absl::string_view key, Value value, Metadata* metadata,
            std::vector<std::string>* changes);

// Adds, where they are missing, the epsilon of the norms and, for long contexts, the scaling of
// positions: some published files leave them to the engine. InvalidArgument: a context length that
// is no number.
absl::Status AddEngineKeys(Metadata* metadata, std::vector<std::string>* changes);

}  // namespace gguf::gemma3

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_GEMMA3_KEYS_H_
