// GptOssForCausalLM, its experts in MXFP4.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_GPT_OSS_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_GPT_OSS_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kGptOssFamily;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_GPT_OSS_H_
