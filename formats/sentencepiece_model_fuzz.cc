// Any bytes as a SentencePiece model: refused, or a vocabulary that can be finished.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "formats/sentencepiece_model.h"
#include "formats/tokenizer_spm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto model = gguf::ParseSentencePieceModel("f", bytes);
  if (!model.ok()) return 0;
  std::vector<std::string> warnings;
  auto list = gguf::TokensOfSentencePiece(*model, model->pieces.size() / 2 + 3, &warnings);
  if (!list.ok()) return 0;
  if (!list->Finish().ok()) return 0;  // two pieces of one text
  for (const std::string& text : list->texts) {
    if (text.empty()) std::abort();
  }
  return 0;
}
