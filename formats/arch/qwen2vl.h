// Qwen2VLForConditionalGeneration, Qwen2_5_VLForConditionalGeneration: the text half.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN2VL_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN2VL_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kQwen2VlFamily;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN2VL_H_
