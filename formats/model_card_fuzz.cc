// Any bytes as a model card: the texts found are parts of it, and become metadata.

#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "formats/model_card.h"
#include "gguf/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view card(reinterpret_cast<const char*>(data), size);
  size_t text_bytes = 0;
  for (const auto& [key, texts] : gguf::ParseFrontMatter(card)) {
    if (key.empty() || texts.empty()) std::abort();
    for (const std::string& text : texts) text_bytes += text.size();
  }
  if (text_bytes > size) std::abort();
  gguf::Metadata metadata;
  gguf::SetModelCard(card, &metadata);
  return 0;
}
