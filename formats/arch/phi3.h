// Phi3ForCausalLM (Phi-3, 3.5 and 4-mini).

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_PHI3_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_PHI3_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kPhi3Family;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_PHI3_H_
