// GraniteForCausalLM: Llama with four multipliers.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_GRANITE_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_GRANITE_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kGraniteFamily;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_GRANITE_H_
