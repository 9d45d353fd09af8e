// Prompts with images, in the form that Gemma 3 was trained on: where the text says
// "<start_of_image>", an image's rows stand between the tokens <start_of_image> and <end_of_image>,
// with a blank line before and behind.

#ifndef GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_PROMPT_H_
#define GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_PROMPT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/forward.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

// What a user writes where an image belongs.
inline constexpr absl::string_view kImageMarker = "<start_of_image>";

// `prompt` with a place for each of `count` images: as it is when it says where they belong,
// otherwise with all of them in front.
std::string PlaceImages(absl::string_view prompt, size_t count);

struct ImagePrompt {
  std::vector<int32_t> tokens;         // kNoToken where rows stand
  std::vector<EmbeddedSpan> embedded;  // for Decoder::Decode; they point into the images given
};

// Tokens of `text`, BOS in front where the model wants it and no EOS, with images[i]
// ([tokens][embedding], of VisionTower::Embed) at marker i. The images must outlive the result.
// InvalidArgument when there is another number of markers than of images; NotFound when the
// vocabulary lacks one of the two tokens.
absl::StatusOr<ImagePrompt> EncodeImagePrompt(const Tokenizer& tokenizer, absl::string_view text,
                                              absl::Span<const std::vector<float>> images,
                                              size_t embedding);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_VISION_IMAGE_PROMPT_H_
