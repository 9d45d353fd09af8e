// Finds and opens the libraries of device code, which programs are built without.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CUDA_LOADER_H_
#define GGUF_TOOLCHAIN_RUNTIME_CUDA_LOADER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/cuda/backend_api.h"

namespace gguf {

inline constexpr char kCudaLibrary[] = "libgguf_cuda.so";
inline constexpr char kCudaIqLibrary[] = "libgguf_cuda_iq.so";

struct CudaLibraries {
  const GgufCudaApi* api = nullptr;
  const GgufCudaIqApi* iq = nullptr;  // null: without kernels of the IQ types
  std::string path;                   // of the first
  std::string why_no_iq;              // one sentence; empty when `iq` is there
};

// Where the libraries are looked for, and nowhere else: the folder that GGUF_CUDA_PATH names when
// it is set; otherwise the program's folder, lib/ beside it, and runtime/cuda/ beside it (where
// Bazel puts them).
std::vector<std::string> CudaLibraryFolders();

// Opens the libraries in the first of `folders` that has kCudaLibrary; they stay open. NotFound: no
// folder has it. FailedPrecondition: it cannot be loaded, or has another version of the interface.
absl::StatusOr<CudaLibraries> LoadCudaLibraries(absl::Span<const std::string> folders);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CUDA_LOADER_H_
