// Qwen 2 and 3, with and without experts.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kQwen2Family;
extern const Family kQwen2MoeFamily;
extern const Family kQwen3Family;
extern const Family kQwen3MoeFamily;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_QWEN_H_
