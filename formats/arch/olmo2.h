// Olmo2ForCausalLM: norms behind attention and feed-forward part, and over whole queries and keys.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_OLMO2_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_OLMO2_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kOlmo2Family;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_OLMO2_H_
