#include "runtime/tokenizer/chat_template.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {

// What stands around a message's content; {bos} and {eos} are the texts of those tokens.
struct Around {
  absl::string_view before, after;
};

struct ChatFormat {
  absl::string_view name;
  absl::string_view markers[3];  // all occur in the template; the first format that fits counts
  Around system;
  Around user;
  Around assistant;
  absl::string_view prompt;      // where the assistant begins to speak
  bool system_is_in_first_user;  // `system` and its content go in front of the content of the user
  bool trims;                    // white space around contents
  bool alternates;               // user, assistant, user, ...
};

namespace {

constexpr ChatFormat kFormats[] = {
    {"chatml",
     {"<|im_start|>"},
     {"<|im_start|>system\n", "<|im_end|>\n"},
     {"<|im_start|>user\n", "<|im_end|>\n"},
     {"<|im_start|>assistant\n", "<|im_end|>\n"},
     "<|im_start|>assistant\n",
     false,
     false,
     false},
    {"llama3",
     {"<|start_header_id|>", "<|end_header_id|>"},
     {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
     {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
     {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
     "<|start_header_id|>assistant<|end_header_id|>\n\n",
     false,
     true,
     false},
    {"gemma",
     {"<start_of_turn>"},
     {"", "\n\n"},
     {"<start_of_turn>user\n", "<end_of_turn>\n"},
     {"<start_of_turn>model\n", "<end_of_turn>\n"},
     "<start_of_turn>model\n",
     true,
     true,
     true},
    // A system message becomes the developer's: the format keeps "system" for itself.
    {"gpt-oss",
     {"<|start|>", "<|channel|>", "<|message|>"},
     {"<|start|>developer<|message|># Instructions\n\n", "\n\n<|end|>"},
     {"<|start|>user<|message|>", "<|end|>"},
     {"<|start|>assistant<|channel|>final<|message|>", "<|end|>"},
     "<|start|>assistant",
     false,
     false,
     false},
    {"phi4-mini",
     {"<|assistant|>", "<|end|>", "'|>' + message['content'] + '<|end|>'"},
     {"<|system|>", "<|end|>"},
     {"<|user|>", "<|end|>"},
     {"<|assistant|>", "<|end|>"},
     "<|assistant|>",
     false,
     false,
     false},
    {"phi3",
     {"<|assistant|>", "'] + '<|end|>"},
     {"<|system|>\n", "<|end|>\n"},
     {"<|user|>\n", "<|end|>\n"},
     {"<|assistant|>\n", "<|end|>\n"},
     "<|assistant|>\n",
     false,
     false,
     false},
    {"mistral-v7",
     {"[SYSTEM_PROMPT]", "[INST]"},
     {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
     {"[INST]", "[/INST]"},
     {"", "{eos}"},
     "",
     false,
     false,
     true},
    {"llama2",
     {"[INST]", "<<SYS>>"},
     {"<<SYS>>\n", "\n<</SYS>>\n\n"},
     {"{bos}[INST] ", " [/INST]"},
     {" ", " {eos}"},
     "",
     true,
     true,
     true},
    {"mistral-v3-tekken",
     {"[AVAILABLE_TOOLS]", "\"[INST]\""},
     {"", "\n\n"},
     {"[INST]", "[/INST]"},
     {"", "{eos}"},
     "",
     true,
     false,
     true},
    {"mistral-v3",
     {"[AVAILABLE_TOOLS]", "[INST]"},
     {"", "\n\n"},
     {"[INST] ", "[/INST]"},
     {" ", "{eos}"},
     "",
     true,
     false,
     true},
    {"mistral-v1",
     {"' [INST] ' + "},
     {"", "\n\n"},
     {" [INST] ", " [/INST]"},
     {" ", "{eos}"},
     "",
     true,
     false,
     true},
    {"mistral-v0",
     {"[INST]", "{{ message['content'] + eos_token"},
     {"", "\n\n"},
     {"[INST] ", " [/INST]"},
     {"", "{eos}"},
     "",
     true,
     false,
     true},
    {"mistral",
     {"[INST]"},
     {"", "\n\n"},
     {"[INST] ", " [/INST]"},
     {" ", "{eos}"},
     "",
     true,
     false,
     true},
};

bool Fits(const ChatFormat& format, absl::string_view program) {
  for (const absl::string_view marker : format.markers) {
    if (!absl::StrContains(program, marker)) return false;  // an empty marker is everywhere
  }
  return true;
}

std::string KnownFormats() {
  return absl::StrJoin(kFormats, ", ", [](std::string* out, const ChatFormat& format) {
    absl::StrAppend(out, format.name);
  });
}

struct Role {
  absl::string_view name;
  Around ChatFormat::*around;
};
constexpr Role kRoles[] = {
    {"system", &ChatFormat::system},
    {"user", &ChatFormat::user},
    {"assistant", &ChatFormat::assistant},
};

const Role* FindRole(absl::string_view name) {
  for (const Role& role : kRoles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

absl::Status CheckRoles(const ChatFormat& format, absl::Span<const ChatMessage> messages) {
  if (messages.empty()) return absl::InvalidArgumentError("the conversation has no messages.");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (FindRole(role) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("message ", i + 1, " has the role \"",
                                                     EscapeText(role, 40),
                                                     "\", expected system, user or assistant."));
    }
    if (role == "system" && i > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "message ", i + 1, " is a system message, which only the first one can be."));
    }
  }
  if (!format.alternates) return absl::OkStatus();
  const size_t first = messages[0].role == "system" ? 1 : 0;
  for (size_t i = first; i < messages.size() || i == first; ++i) {
    const absl::string_view expected = (i - first) % 2 == 0 ? "user" : "assistant";
    if (i < messages.size() && messages[i].role == expected) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("message ", i + 1, " is ", i < messages.size() ? messages[i].role : "missing",
                     ", expected ", expected, ": in the format ", format.name,
                     " user and assistant take turns after the system message, the user first."));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::Load(const Metadata& metadata,
                                                const Tokenizer& tokenizer) {
  if (!metadata.Has(keys::kTokenizerChatTemplate)) {
    return absl::NotFoundError(absl::StrCat(
        keys::kTokenizerChatTemplate,
        " is missing, so the model was hardly trained for conversations; use it without"));
  }
  GGUF_ASSIGN_OR_RETURN(const absl::string_view program,
                        metadata.GetString(keys::kTokenizerChatTemplate));
  for (const ChatFormat& format : kFormats) {
    if (Fits(format, program)) return ChatTemplate(&format, tokenizer);
  }
  return absl::UnimplementedError(
      absl::StrCat(keys::kTokenizerChatTemplate, " is \"", EscapeText(program, 60),
                   "\", of none of the formats ", KnownFormats(),
                   "; write the prompt as the model's card says and give it without a template"));
}

absl::string_view ChatTemplate::name() const { return format_->name; }

absl::StatusOr<std::string> ChatTemplate::Render(absl::Span<const ChatMessage> messages,
                                                 bool add_generation_prompt) const {
  GGUF_RETURN_IF_ERROR(CheckRoles(*format_, messages));
  const auto fill = [this](absl::string_view text) {
    return absl::StrReplaceAll(text, {{"{bos}", bos_}, {"{eos}", eos_}});
  };
  std::string text, system;
  for (const ChatMessage& message : messages) {
    absl::string_view content = message.content;
    if (format_->trims) content = absl::StripAsciiWhitespace(content);
    const Around& around = format_->*FindRole(message.role)->around;
    if (message.role == "system" && format_->system_is_in_first_user) {
      system = absl::StrCat(around.before, content, around.after);
      continue;
    }
    absl::StrAppend(&text, fill(around.before), std::exchange(system, ""), content,
                    fill(around.after));
  }
  if (add_generation_prompt) absl::StrAppend(&text, format_->prompt);
  absl::string_view without_bos = text;
  if (encode_adds_bos_) absl::ConsumePrefix(&without_bos, bos_);
  return std::string(without_bos);
}

}  // namespace gguf
