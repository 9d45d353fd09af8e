// How far the embeddings of an image are from those of another tower.

#ifndef GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_ERROR_H_
#define GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_ERROR_H_

#include <cstddef>
#include <vector>

#include "tools/report/result.pb.h"

namespace gguf {

// Sets cosines and error of `result`, from rows [tokens][length] of both; at least one token.
void CompareEmbeddings(const std::vector<float>& rows, const std::vector<float>& expected,
                       size_t length, gguf_toolchain::ImageResult* result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_EVALUATE_COMMANDS_IMAGE_ERROR_H_
