#include "runtime/vision/image_prompt.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr absl::string_view kImageEnd = "<end_of_image>";
constexpr absl::string_view kBlankLine = "\n\n";

absl::StatusOr<int32_t> FindImageToken(const Tokenizer& tokenizer, absl::string_view text) {
  const int32_t id = tokenizer.FindToken(text);
  if (id != kNoToken) return id;
  return absl::NotFoundError(
      absl::StrCat("the vocabulary has no token ", text, ", which a model that takes images has"));
}

}  // namespace

std::string PlaceImages(absl::string_view prompt, size_t count) {
  std::string text;
  if (!absl::StrContains(prompt, kImageMarker)) {
    for (size_t i = 0; i < count; ++i) absl::StrAppend(&text, kImageMarker);
  }
  return absl::StrCat(text, prompt);
}

// Pieces of text are encoded one by one: files exist whose image tokens are not marked as special,
// and would be taken apart as text.
absl::StatusOr<ImagePrompt> EncodeImagePrompt(const Tokenizer& tokenizer, absl::string_view text,
                                              absl::Span<const std::vector<float>> images,
                                              size_t embedding) {
  const std::vector<absl::string_view> pieces = absl::StrSplit(text, kImageMarker);
  if (pieces.size() != images.size() + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the prompt has ", pieces.size() - 1, " places for images (", kImageMarker, "), expected ",
        images.size(), ": one for each image, or none to have them in front"));
  }
  GGUF_ASSIGN_OR_RETURN(const int32_t start, FindImageToken(tokenizer, kImageMarker));
  GGUF_ASSIGN_OR_RETURN(const int32_t end, FindImageToken(tokenizer, kImageEnd));
  ImagePrompt prompt;
  for (size_t i = 0; i < pieces.size(); ++i) {
    EncodeOptions options;
    options.add_special = i == 0;
    GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> ids,
                          tokenizer.Encode(absl::StrCat(i == 0 ? "" : kBlankLine, pieces[i],
                                                        i == images.size() ? "" : kBlankLine),
                                           options));
    if (i == 0 && tokenizer.add_eos() && !ids.empty()) ids.pop_back();
    prompt.tokens.insert(prompt.tokens.end(), ids.begin(), ids.end());
    if (i == images.size()) break;
    prompt.tokens.push_back(start);
    const size_t count = images[i].size() / embedding;
    prompt.embedded.push_back({prompt.tokens.size(), count, images[i].data()});
    prompt.tokens.insert(prompt.tokens.end(), count, kNoToken);
    prompt.tokens.push_back(end);
  }
  return prompt;
}

}  // namespace gguf
