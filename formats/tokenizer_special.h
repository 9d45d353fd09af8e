// What a checkpoint says about special tokens: their ids, whether they are added to a text, and how
// a conversation is laid out.

#ifndef GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPECIAL_H_
#define GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPECIAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "formats/hf_config.h"
#include "formats/tokenizer_files.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets tokenizer.ggml.{bos,eos,unknown,seperator,padding,mask,eot}_token_id. A type's id is that of
// its text in tokenizer_config.json, looked up among the added_tokens of tokenizer.json, or else
// its `<type>_token_id` in config.json. The post-processor of tokenizer.json may name or replace
// BOS and EOS. Ids at or above `vocab_size` are left out, with a warning.
//
// Sets tokenizer.ggml.add_{bos,sep,eos}_token where the post-processor or tokenizer_config.json say
// so; absent otherwise, and the reader's default counts.
void SetSpecialTokens(const TokenizerFiles& files, const HfConfig& config, uint64_t vocab_size,
                      Metadata* metadata, std::vector<std::string>* warnings);

// Sets tokenizer.chat_template, byte for byte, from tokenizer_config.json, chat_template.jinja or
// chat_template.json (first that has one). Of a list of named templates, "default" is that one, the
// others become tokenizer.chat_template.<name>, their names tokenizer.chat_templates.
// InvalidArgument for a template that is neither text nor such a list.
absl::Status SetChatTemplates(const TokenizerFiles& files, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TOKENIZER_SPECIAL_H_
