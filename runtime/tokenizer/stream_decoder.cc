#include "runtime/tokenizer/stream_decoder.h"

#include <algorithm>
#include <utility>

namespace gguf {
namespace {

// Bytes a character has by its first one; 1 for bytes that begin none.
size_t LengthByLead(uint8_t lead) {
  return lead < 0xC2 || lead > 0xF4 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// Bytes at the end of `text` that may be the beginning of a character.
size_t IncompleteBytes(const std::string& text) {
  for (size_t length = 1; length <= std::min<size_t>(3, text.size()); ++length) {
    const uint8_t byte = static_cast<uint8_t>(text[text.size() - length]);
    if ((byte & 0xC0) == 0x80) continue;
    return LengthByLead(byte) > length ? length : 0;
  }
  return 0;
}

}  // namespace

std::string StreamDecoder::Add(int32_t id) {
  tokenizer_->AppendPiece(id, options_, &at_start_, &pending_);
  const size_t held = IncompleteBytes(pending_);
  std::string ready = pending_.substr(0, pending_.size() - held);
  pending_.erase(0, ready.size());
  return ready;
}

std::string StreamDecoder::Finish() { return std::exchange(pending_, std::string()); }

}  // namespace gguf
