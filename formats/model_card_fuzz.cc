// Any bytes as a model card: the texts found are parts of it, and become metadata.

#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "formats/front_matter.h"
#include "formats/model_card.h"
#include "gguf/metadata.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view card(reinterpret_cast<const char*>(data), size);
  size_t text_bytes = 0;
  for (const gguf::FrontMatterEntry& entry : gguf::ParseFrontMatter(card)) {
    if (entry.key.empty() || entry.items.empty()) std::abort();
    for (const gguf::FrontMatterItem& item : entry.items) {
      text_bytes += item.text.size();
      for (const auto& [key, text] : item.fields) text_bytes += key.size() + text.size();
    }
  }
  if (text_bytes > size) std::abort();
  gguf::Metadata metadata;
  gguf::SetModelCard(card, &metadata);
  return 0;
}
