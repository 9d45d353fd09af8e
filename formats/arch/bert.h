// BertModel and BertForMaskedLM: encoders that embed texts.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_BERT_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_BERT_H_

#include "formats/arch/arch.h"

namespace gguf {

extern const Family kBertFamily;

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_BERT_H_
