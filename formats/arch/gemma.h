// Gemma2ForCausalLM; Gemma3ForCausalLM and the text half of Gemma3ForConditionalGeneration.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_GEMMA_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_GEMMA_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kGemma2Family;
extern const Family kGemma3Family;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_GEMMA_H_
