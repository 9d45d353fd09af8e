// What the vision towers of two files make of an image: the last part of `gguf verify --deep`.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_IMAGE_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_IMAGE_H_

#include <string>

#include "absl/status/status.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Runs the towers of the GGUF files `path` and `against` on `image`, a PNG or JPEG, or, when it is
// empty, on a pattern made in memory, and adds an ImageResult without embeddings to `result`, and a
// finding when the mean cosine over tokens is below `least_cosine` or `path` has no tower that
// runs. An error when `image` cannot be read, `against` is a checkpoint or has no tower, or memory
// does not suffice; without `image` these are a warning. Cancelled.
absl::Status AddImageComparison(const std::string& path, const std::string& against,
                                const std::string& image, double least_cosine,
                                const CommonOptions& common, gguf_toolchain::VerifyResult* result);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_VERIFY_IMAGE_H_
