#include "runtime/tokenizer/testing.h"

#include "absl/strings/str_cat.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "formats/open.h"
#include "formats/tokenizer.h"
#include "formats/tokenizer_files.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"
#include "runtime/tokenizer/byte_alphabet.h"

namespace gguf {
namespace {

std::string FolderOf(const GoldenTokenizer& golden) {
  return absl::StrCat("testdata/", golden.folder);
}

std::vector<int32_t> Ids(const Json& test, absl::string_view key) {
  std::vector<int32_t> ids;
  const Json::Array* array = test.FindArray(key);
  if (array == nullptr) return ids;
  for (const Json& id : *array) ids.push_back(static_cast<int32_t>(*id.whole_number()));
  return ids;
}

}  // namespace

absl::StatusOr<Metadata> GoldenMetadata(const GoldenTokenizer& golden) {
  if (golden.vocab_size == 0) {
    OpenOptions options;
    options.vocab_only = true;
    GGUF_ASSIGN_OR_RETURN(const auto source, OpenCheckpoint(FolderOf(golden), options));
    return source->metadata();
  }
  GGUF_ASSIGN_OR_RETURN(const TokenizerFiles files, TokenizerFiles::Load(FolderOf(golden)));
  GGUF_ASSIGN_OR_RETURN(const HfConfig config,
                        HfConfig::Parse("config.json", R"({"architectures": ["None"]})"));
  TokenizerOptions options;
  options.vocab_size = golden.vocab_size;
  Metadata metadata;
  std::vector<std::string> warnings;
  GGUF_RETURN_IF_ERROR(SetTokenizer(files, config, options, &metadata, &warnings));
  return metadata;
}

absl::StatusOr<std::vector<GoldenText>> GoldenTexts(const GoldenTokenizer& golden) {
  const std::string path = absl::StrCat(FolderOf(golden), "/tests.json");
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileToString(path, uint64_t{1} << 20));
  GGUF_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(path, text));
  std::vector<GoldenText> golden_texts;
  for (const Json& test : *json.FindArray("tests")) {
    // With Hangul decomposed, which the reference runtime does not do, a GGUF's WordPiece is exact.
    const bool is_exact =
        test.Find("gguf_ids") == nullptr || absl::string_view(golden.name) == "bert";
    golden_texts.push_back({*test.FindString("text"), Ids(test, is_exact ? "ids" : "gguf_ids"),
                            Ids(test, is_exact ? "ids_with_special" : "gguf_ids_with_special"),
                            Ids(test, "sp_ids"), *test.FindString("decoded"), is_exact});
  }
  return golden_texts;
}

Metadata ByteLevelMetadata(const std::vector<std::string>& more,
                           const std::vector<std::string>& merges, absl::string_view pre) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(LetterOfByte(byte));
  tokens.insert(tokens.end(), more.begin(), more.end());
  Metadata metadata;
  metadata.Set(keys::kTokenizerModel, "gpt2");
  metadata.Set(keys::kTokenizerPre, pre);
  metadata.Set(keys::kTokenizerTokens, std::move(tokens));
  metadata.Set(keys::kTokenizerMerges, merges);
  return metadata;
}

}  // namespace gguf
