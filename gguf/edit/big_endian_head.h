// The head of a GGUF in the other byte order.

#ifndef GGUF_TOOLCHAIN_GGUF_EDIT_BIG_ENDIAN_HEAD_H_
#define GGUF_TOOLCHAIN_GGUF_EDIT_BIG_ENDIAN_HEAD_H_

#include <string>

namespace gguf {

// Turns around every number of `head`, which is a Layout's: header, keys, values, tensor infos. The
// magic and texts stay.
void MakeBigEndian(std::string* head);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_EDIT_BIG_ENDIAN_HEAD_H_
