// Text of tokens as they come, for output while a model is still generating.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_STREAM_DECODER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_STREAM_DECODER_H_

#include <cstdint>
#include <string>

#include "runtime/tokenizer/tokenizer.h"

namespace gguf {

// A character may be spread over several tokens: its bytes are held back until it is complete, so
// that what is returned never ends within a character. All results in a row equal Decode of all
// ids. Not thread-safe: one per sequence.
class StreamDecoder {
 public:
  // `tokenizer` must outlive it.
  explicit StreamDecoder(const Tokenizer* tokenizer, const DecodeOptions& options = {})
      : tokenizer_(tokenizer), options_(options) {}

  // The text that is complete with this token; may be empty.
  std::string Add(int32_t id);

  // What is still held back, bytes of a character that never became complete.
  std::string Finish();

 private:
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  bool at_start_ = true;
  std::string pending_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_STREAM_DECODER_H_
