#include "formats/tokenizer_special.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

Json Parse(absl::string_view text) {
  absl::StatusOr<Json> json = ParseJson("test", text);
  EXPECT_TRUE(json.ok()) << json.status();
  return *std::move(json);
}

// "bos_token_id=1 add_bos_token=true ...", in file order.
std::string Specials(absl::string_view config_members, absl::string_view tokenizer_config,
                     absl::string_view tokenizer, std::vector<std::string>* warnings = nullptr) {
  const absl::StatusOr<HfConfig> config = HfConfig::Parse(
      "config.json", absl::StrCat(R"({"architectures": ["X"])", config_members.empty() ? "" : ", ",
                                  config_members, "}"));
  EXPECT_TRUE(config.ok()) << config.status();
  TokenizerFiles files;
  files.folder = "folder";
  files.config = Parse(tokenizer_config);
  files.tokenizer = Parse(tokenizer);
  std::vector<std::string> ignored;
  Metadata metadata;
  SetSpecialTokens(files, *config, 10, &metadata, warnings == nullptr ? &ignored : warnings);
  std::string text;
  for (const auto& [key, value] : metadata.entries()) {
    const std::string name = key.substr(std::string("tokenizer.ggml.").size());
    absl::StrAppend(&text, text.empty() ? "" : " ", name, "=", value.ToString());
  }
  return text;
}

constexpr char kAdded[] =
    R"("added_tokens": [{"content": "<s>", "id": 1}, {"content": "</s>", "id": 2},
       {"content": "[CLS]", "id": 3}, {"content": "[SEP]", "id": 4}, {"content": "<e>", "id": 5}])";

std::string Tokenizer(absl::string_view single, absl::string_view pair) {
  return absl::StrCat("{", kAdded, R"(, "post_processor": {"type": "Sequence", "processors": [
      {"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [)",
                      single, "], \"pair\": [", pair, "]}]}}");
}

std::string S(absl::string_view text) {
  return absl::StrCat(R"({"SpecialToken": {"id": ")", text, "\"}}");
}
constexpr char kA[] = R"({"Sequence": {"id": "A"}})";
constexpr char kB[] = R"({"Sequence": {"id": "B"}})";

TEST(TokenizerSpecial, IdsFromTextsElseFromConfig) {
  const std::string added = absl::StrCat("{", kAdded, "}");
  EXPECT_EQ(Specials("", R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}})", added),
            "bos_token_id=1 eos_token_id=2");
  EXPECT_EQ(Specials(R"("bos_token_id": 7, "eos_token_id": 8)", R"({"bos_token": "<s>"})", added),
            "bos_token_id=1 eos_token_id=8");
  // Without tokenizer.json the texts lead nowhere.
  EXPECT_EQ(Specials(R"("bos_token_id": 7, "pad_token_id": 0)", R"({"bos_token": "<s>"})", "{}"),
            "bos_token_id=7 padding_token_id=0");
  EXPECT_EQ(Specials("", R"({"bos_token": null, "sep_token": "[SEP]", "unk_token": "<e>",
                            "mask_token": "[CLS]", "cls_token": "[CLS]"})",
                     added),
            "unknown_token_id=5 seperator_token_id=4 mask_token_id=3");
}

TEST(TokenizerSpecial, IdsBeyondTheVocabularyAreLeftOut) {
  std::vector<std::string> warnings;
  EXPECT_EQ(Specials(R"("bos_token_id": 9, "eos_token_id": 10)", "{}", "{}", &warnings),
            "bos_token_id=9");
  ASSERT_EQ(warnings.size(), 1);
  EXPECT_THAT(warnings[0], HasSubstr("the eos token has the id 10"));
}

TEST(TokenizerSpecial, TemplatesSayWhatIsAdded) {
  const std::string texts = R"({"bos_token": "<s>", "eos_token": "</s>"})";
  const std::string ids = "bos_token_id=1 eos_token_id=2";
  const std::string s = S("<s>"), e = S("</s>"), A = kA, B = kB;
  // As the published Llama: BOS only.
  EXPECT_EQ(Specials("", texts, Tokenizer(s + "," + A, s + "," + A + "," + s + "," + B)),
            ids + " add_bos_token=true add_sep_token=false");
  EXPECT_EQ(Specials("", texts, Tokenizer(s + "," + A + "," + e, s + "," + A + "," + B + "," + e)),
            ids + " add_bos_token=true add_eos_token=true");
  // EOS between two texts, and none at the end of one.
  EXPECT_EQ(Specials("", texts, Tokenizer(s + "," + A, s + "," + A + "," + e + "," + B)),
            ids + " add_bos_token=true add_sep_token=true");
  EXPECT_EQ(Specials("", texts, Tokenizer(A, A + "," + B)), ids);
  // A trailing token other than EOS takes its place, and the old one becomes EOT.
  EXPECT_EQ(Specials("", texts, Tokenizer(A + "," + S("<e>"), "")),
            "bos_token_id=1 eos_token_id=5 eot_token_id=2 add_eos_token=true");
  // A leading token that is not BOS.
  EXPECT_EQ(Specials("", texts, Tokenizer(S("<e>") + "," + A, "")), ids + " add_bos_token=false");
  // No BOS known: the template names it.
  EXPECT_EQ(Specials("", "{}", Tokenizer(s + "," + A, "")), "bos_token_id=1 add_bos_token=true");
}

TEST(TokenizerSpecial, BertNames) {
  const std::string c = S("[CLS]"), p = S("[SEP]"), A = kA, B = kB;
  EXPECT_EQ(Specials("", R"({"cls_token": "[CLS]", "sep_token": "[SEP]"})",
                     Tokenizer(c + "," + A + "," + p, c + "," + A + "," + p + "," + B + "," + p)),
            "bos_token_id=3 eos_token_id=4 seperator_token_id=4 add_bos_token=true "
            "add_sep_token=false add_eos_token=true");
}

TEST(TokenizerSpecial, RobertaAddsAll) {
  EXPECT_EQ(Specials("", "{}", R"({"post_processor": {"type": "RobertaProcessing"}})"),
            "add_bos_token=true add_sep_token=true add_eos_token=true");
}

TEST(TokenizerSpecial, FlagsOfTheConfigurationWin) {
  EXPECT_EQ(Specials("", R"({"bos_token": "<s>", "add_bos_token": false, "add_eos_token": true})",
                     Tokenizer(absl::StrCat(S("<s>"), ",", kA), "")),
            "bos_token_id=1 add_bos_token=false add_eos_token=true");
  EXPECT_EQ(Specials("", R"({"add_bos_token": null})", "{}"), "");
}

TEST(TokenizerSpecial, ChatTemplatesInOrderOfPrecedence) {
  TokenizerFiles files;
  const auto found = [&]() {
    Metadata metadata;
    EXPECT_TRUE(SetChatTemplates(files, &metadata).ok());
    return *metadata.GetStringOr("tokenizer.chat_template", "none");
  };
  EXPECT_EQ(found(), "none");
  files.template_json = Parse(R"({"chat_template": "from json"})");
  EXPECT_EQ(found(), "from json");
  files.template_jinja = " from jinja\n";
  EXPECT_EQ(found(), " from jinja\n");
  files.config = Parse(R"({"chat_template": null})");
  EXPECT_EQ(found(), " from jinja\n");
  files.config = Parse(R"({"chat_template": "from config"})");
  EXPECT_EQ(found(), "from config");
}

TEST(TokenizerSpecial, NamedTemplates) {
  TokenizerFiles files;
  files.config = Parse(R"({"chat_template": [{"name": "default", "template": "d"},
                           {"name": "tool use", "template": "t"}]})");
  Metadata metadata;
  ASSERT_TRUE(SetChatTemplates(files, &metadata).ok());
  EXPECT_EQ(*metadata.Find("tokenizer.chat_template"), Value("d"));
  EXPECT_EQ(*metadata.Find("tokenizer.chat_template.tool_use"), Value("t"));
  EXPECT_EQ(*metadata.Find("tokenizer.chat_templates"),
            Value(std::vector<std::string>{"tool_use"}));
  for (const char* config : {R"({"chat_template": 1})", R"({"chat_template": [{"name": "x"}]})",
                             R"({"chat_template": ["x"]})"}) {
    files.config = Parse(config);
    EXPECT_FALSE(SetChatTemplates(files, &metadata).ok()) << config;
  }
}

}  // namespace
}  // namespace gguf
