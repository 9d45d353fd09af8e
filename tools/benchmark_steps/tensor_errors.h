// What is known of a model's file without running it: size, types, and how far each matrix is from
// the base's.

#ifndef GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TENSOR_ERRORS_H_
#define GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TENSOR_ERRORS_H_

#include <string>

#include "absl/status/statusor.h"
#include "gguf/metadata.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

// Fills in type, sizes, and of every matrix of `path` that `base` has in the same shape the error;
// none when the two are the same file. Decodes both row by row. Errors of reading; Cancelled.
absl::StatusOr<gguf_toolchain::BenchmarkModel> DescribeFile(const std::string& path,
                                                            const std::string& base,
                                                            const CommonOptions& common);

// The scheme that general.file_type names: "Q4_K_M". Empty when there is none.
std::string FileTypeOf(const Metadata& metadata);

// general.name of a file, or nothing.
std::string ModelName(const std::string& path);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_BENCHMARK_STEPS_TENSOR_ERRORS_H_
