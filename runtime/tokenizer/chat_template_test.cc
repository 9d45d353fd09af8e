#include "runtime/tokenizer/chat_template.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gguf/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/tokenizer/testing.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

const std::vector<ChatMessage> kTalk = {
    {"system", "Be kind."}, {"user", " Hi!\n"}, {"assistant", "Hello."}, {"user", "Bye"}};

// A tokenizer that adds BOS, with the Llama family's texts for BOS and EOS.
Metadata Base() {
  Metadata metadata;
  metadata.Set(keys::kTokenizerModel, "llama");
  metadata.Set(keys::kTokenizerTokens, std::vector<std::string>{"<unk>", "<s>", "</s>"});
  metadata.Set(keys::kTokenizerScores, std::vector<float>{0, 0, 0});
  metadata.Set(keys::kTokenizerTokenType, std::vector<int32_t>{2, 3, 3});
  return metadata;
}

absl::StatusOr<ChatTemplate> LoadTemplate(absl::string_view program, bool add_bos = true) {
  Metadata metadata = Base();
  metadata.Set(keys::kTokenizerAddBosToken, add_bos);
  metadata.Set(keys::kTokenizerChatTemplate, program);
  const auto tokenizer = Tokenizer::Load(metadata);
  if (!tokenizer.ok()) return tokenizer.status();
  return ChatTemplate::Load(metadata, **tokenizer);
}

struct Case {
  const char* name;
  const char* program;  // what tells the format from others
  const char* text;     // of kTalk, where the assistant begins
};
const Case kCases[] = {
    {"chatml", "{{'<|im_start|>' + message['role'] + '\n'}}",
     "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n Hi!\n<|im_end|>\n"
     "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
     "<|im_start|>assistant\n"},
    {"llama3", "{{'<|start_header_id|>' + role + '<|end_header_id|>'}}",
     "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
     "<|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
     "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"gemma", "{{ '<start_of_turn>' + role + '\n' }}",
     "<start_of_turn>user\nBe "
     "kind.\n\nHi!<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
     "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n"},
    {"gpt-oss", "<|start|>assistant<|channel|>final<|message|>",
     "<|start|>developer<|message|># Instructions\n\nBe kind.\n\n<|end|>"
     "<|start|>user<|message|> Hi!\n<|end|>"
     "<|start|>assistant<|channel|>final<|message|>Hello.<|end|>"
     "<|start|>user<|message|>Bye<|end|><|start|>assistant"},
    {"phi3", "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}",
     "<|system|>\nBe kind.<|end|>\n<|user|>\n Hi!\n<|end|>\n<|assistant|>\nHello.<|end|>\n"
     "<|user|>\nBye<|end|>\n<|assistant|>\n"},
    {"phi4-mini", "{{'<|' + role + '|>' + message['content'] + '<|end|>'}}{{'<|assistant|>'}}",
     "<|system|>Be kind.<|end|><|user|> Hi!\n<|end|><|assistant|>Hello.<|end|><|user|>Bye<|end|>"
     "<|assistant|>"},
    {"llama2", "{{bos_token + '[INST] ' + '<<SYS>>\n'}}",
     "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi! [/INST] Hello. </s><s>[INST] Bye [/INST]"},
    {"mistral", "[INST] {{ m['content'] }} [/INST]",
     "[INST] Be kind.\n\n Hi!\n [/INST] Hello.</s>[INST] Bye [/INST]"},
    {"mistral-v1", "{{- ' [INST] ' + system_message + ' [/INST]' }}",
     " [INST] Be kind.\n\n Hi!\n [/INST] Hello.</s> [INST] Bye [/INST]"},
    {"mistral-v0", "{{ '[INST] ' + c + ' [/INST]' }}{{ message['content'] + eos_token}}",
     "[INST] Be kind.\n\n Hi!\n [/INST]Hello.</s>[INST] Bye [/INST]"},
    {"mistral-v3", "[AVAILABLE_TOOLS] [INST] ",
     "[INST] Be kind.\n\n Hi!\n[/INST] Hello.</s>[INST] Bye[/INST]"},
    {"mistral-v3-tekken", "[AVAILABLE_TOOLS] \"[INST]\"",
     "[INST]Be kind.\n\n Hi!\n[/INST]Hello.</s>[INST]Bye[/INST]"},
    {"mistral-v7", "[SYSTEM_PROMPT] [INST]",
     "[SYSTEM_PROMPT]Be kind.[/SYSTEM_PROMPT][INST] Hi!\n[/INST]Hello.</s>[INST]Bye[/INST]"},
};

TEST(ChatTemplateTest, RecognisesAndWritesEveryFormat) {
  for (const Case& c : kCases) {
    const auto chat = LoadTemplate(c.program);
    ASSERT_TRUE(chat.ok()) << c.name << ": " << chat.status();
    EXPECT_EQ(chat->name(), c.name);
    const auto text = chat->Render(kTalk, /*add_generation_prompt=*/true);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(*text, c.text);
  }
}

// How published programs of Phi 3 to 4 and gpt-oss write a message.
TEST(ChatTemplateTest, RecognisesPublishedVariants) {
  const std::pair<const char*, const char*> kPublished[] = {
      {"phi3", "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>'}}"},
      {"phi3",
       "{{'<|' + message['role'] + '|>' + '\n' + message['content'] + '<|end|>\n'}}"
       "{{'<|assistant|>\n'}}"},
      {"phi3", "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}"},
      {"phi4-mini",
       "{{'<|' + message['role'] + '|>' + message['content'] + '<|end|>'}}"
       "{{'<|assistant|>'}}"},
      {"gpt-oss",
       "{{- \"<|start|>assistant<|channel|>final<|message|>\" + message.content + "
       "\"<|end|>\" }}"},
  };
  for (const auto& [name, program] : kPublished) {
    const auto chat = LoadTemplate(program);
    ASSERT_TRUE(chat.ok()) << chat.status();
    EXPECT_EQ(chat->name(), name) << program;
  }
  // Apriel's tokens are like those of Phi, and its format is not.
  EXPECT_TRUE(absl::IsUnimplemented(
      LoadTemplate("{{- '<|content|>\n' + message['content'] + '\n<|end|>\n' -}}<|assistant|>")
          .status()));
}

TEST(ChatTemplateTest, EndsWithTheLastMessageWithoutPrompt) {
  const auto text = LoadTemplate("<|im_start|>")->Render({{"user", "x"}}, false);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "<|im_start|>user\nx<|im_end|>\n");
}

TEST(ChatTemplateTest, BeginsWithBosWhereEncodingAddsNone) {
  const auto text =
      LoadTemplate("[INST] <<SYS>>", /*add_bos=*/false)->Render({{"user", "x"}}, true);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "<s>[INST] x [/INST]");
}

TEST(ChatTemplateTest, KnowsTheGoldenTemplates) {
  for (const GoldenTokenizer& golden : kGoldenTokenizers) {
    const auto metadata = GoldenMetadata(golden);
    ASSERT_TRUE(metadata.ok()) << metadata.status();
    const auto tokenizer = Tokenizer::Load(*metadata);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    const auto chat = ChatTemplate::Load(*metadata, **tokenizer);
    if (!metadata->Has(keys::kTokenizerChatTemplate)) {
      EXPECT_TRUE(absl::IsNotFound(chat.status())) << golden.name;
      EXPECT_THAT(chat.status().message(), HasSubstr("tokenizer.chat_template"));
      continue;
    }
    ASSERT_TRUE(chat.ok()) << chat.status();
    const auto text = chat->Render({{"user", "Hello"}}, true);
    ASSERT_TRUE(text.ok()) << text.status();
    const auto ids = (*tokenizer)->Encode(*text);
    ASSERT_TRUE(ids.ok()) << ids.status();
    if ((*tokenizer)->add_bos()) {
      EXPECT_EQ((*ids)[0], (*tokenizer)->bos());
      EXPECT_NE((*ids)[1], (*tokenizer)->bos());
    }
  }
}

TEST(ChatTemplateTest, NamesTheKnownFormatsForAnUnknownTemplate) {
  const auto chat = LoadTemplate("### Instruction:\n{{ message }}");
  EXPECT_TRUE(absl::IsUnimplemented(chat.status()));
  EXPECT_EQ(
      chat.status().message(),
      "tokenizer.chat_template is \"### Instruction:\\n{{ message }}\", of none of the formats "
      "chatml, llama3, gemma, gpt-oss, phi4-mini, phi3, mistral-v7, llama2, mistral-v3-tekken, "
      "mistral-v3, mistral-v1, mistral-v0, mistral; write the prompt as the model's card says "
      "and give it without a template");
}

TEST(ChatTemplateTest, RefusesConversationsTheFormatCannotHold) {
  struct Bad {
    std::vector<ChatMessage> messages;
    const char* part;
  };
  const Bad bad[] = {
      {{}, "no messages"},
      {{{"tool", "x"}}, "\"tool\""},
      {{{"user", "x"}, {"system", "y"}}, "message 2"},
      {{{"user", "x"}, {"user", "y"}}, "expected assistant"},
      {{{"assistant", "x"}}, "expected user"},
      {{{"system", "x"}}, "missing"},
  };
  for (const Bad& b : bad) {
    const auto text = LoadTemplate("<start_of_turn>")->Render(b.messages, true);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status())) << b.part;
    EXPECT_THAT(text.status().message(), HasSubstr(b.part));
  }
  EXPECT_TRUE(LoadTemplate("<|im_start|>")->Render({{"user", "x"}, {"user", "y"}}, true).ok());
}

}  // namespace
}  // namespace gguf
