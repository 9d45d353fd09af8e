// Conversations as the text a model was trained on.
//
// A GGUF holds its chat template as a Jinja program. This does not run it: it recognises which of
// the published formats the program writes, by the markers in it, and writes that format. What a
// program does besides is left out: a system message of its own, the date, tools, thinking.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_CHAT_TEMPLATE_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_CHAT_TEMPLATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

struct ChatFormat;  // a row of the table in chat_template.cc

class ChatTemplate {
 public:
  // Recognises tokenizer.chat_template. NotFound when the key is absent; Unimplemented, naming the
  // known formats, when it writes none of them. `tokenizer` is of the same metadata.
  static absl::StatusOr<ChatTemplate> Load(const Metadata& metadata, const Tokenizer& tokenizer);

  // "chatml", "llama2", "llama3", "mistral-v3", "gemma", "phi3", "gpt-oss", ...
  absl::string_view name() const;

  // The text for Encode with add_special and parse_special, so without a BOS that
  // Encode adds in front. With `add_generation_prompt` it ends where the
  // assistant begins to speak.
  // InvalidArgument: no messages, an unknown role, a system message that is not the first one;
  // where the format needs it, a conversation in which user and assistant do not alternate.
  //
  // Contents are not escaped: one that holds the text of a marker acts as that marker.
  absl::StatusOr<std::string> Render(absl::Span<const ChatMessage> messages,
                                     bool add_generation_prompt) const;

 private:
  ChatTemplate(const ChatFormat* format, const Tokenizer& tokenizer)
      : format_(format),
        bos_(tokenizer.TokenText(tokenizer.bos())),
        eos_(tokenizer.TokenText(tokenizer.eos())),
        encode_adds_bos_(tokenizer.add_bos()) {}

  const ChatFormat* format_;
  std::string bos_, eos_;  // their texts
  bool encode_adds_bos_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_CHAT_TEMPLATE_H_
