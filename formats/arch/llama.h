// LlamaForCausalLM and MistralForCausalLM; MixtralForCausalLM, the same with experts.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_LLAMA_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_LLAMA_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kLlamaFamily;
extern const Family kMixtralFamily;

// Family::adjust_tokenizer of these and of families derived from them.
absl::Status AdjustLlamaTokenizer(const HfConfig& config, const Json& tokenizer_config,
                                  Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_LLAMA_H_
