#include "runtime/cuda/loader.h"

#include <dlfcn.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

// The interface that `symbol` of the library at `path` returns, of this version.
template <class Api>
absl::StatusOr<const Api*> OpenApi(const std::string& path, const char* symbol) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return absl::FailedPreconditionError(absl::StrCat("cannot load ",
                                                      reason != nullptr ? reason : path.c_str(),
                                                      "; build it again, or use --device cpu"));
  }
  using GetApi = const Api* (*)();
  const auto get_api = reinterpret_cast<GetApi>(dlsym(library, symbol));
  const Api* api = get_api != nullptr ? get_api() : nullptr;
  if (api == nullptr || api->version != GGUF_CUDA_API_VERSION) {
    const std::string found = api == nullptr ? "none" : absl::StrCat("version ", api->version);
    return absl::FailedPreconditionError(absl::StrCat(
        path, " belongs to another version of this program: its interface is ", found,
        ", expected version ", GGUF_CUDA_API_VERSION, "; build both from the same source"));
  }
  return api;
}

std::string ProgramFolder() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0) return ".";
  const std::string program(path, static_cast<size_t>(length));
  return program.substr(0, program.rfind('/'));
}

}  // namespace

std::vector<std::string> CudaLibraryFolders() {
  const char* given = std::getenv("GGUF_CUDA_PATH");
  if (given != nullptr && *given != '\0') return {given};
  const std::string folder = ProgramFolder();
  return {folder, absl::StrCat(folder, "/../lib"), absl::StrCat(folder, "/../runtime/cuda")};
}

absl::StatusOr<CudaLibraries> LoadCudaLibraries(absl::Span<const std::string> folders) {
  for (const std::string& folder : folders) {
    CudaLibraries libraries;
    libraries.path = absl::StrCat(folder, "/", kCudaLibrary);
    if (access(libraries.path.c_str(), F_OK) != 0) continue;
    GGUF_ASSIGN_OR_RETURN(libraries.api, OpenApi<GgufCudaApi>(libraries.path, "gguf_cuda_get_api"));
    const std::string iq_path = absl::StrCat(folder, "/", kCudaIqLibrary);
    if (access(iq_path.c_str(), F_OK) != 0) {
      libraries.why_no_iq = absl::StrCat("there is no ", kCudaIqLibrary, " beside ", kCudaLibrary,
                                         "; build it with --config=iq_cuda");
      return libraries;
    }
    const auto iq = OpenApi<GgufCudaIqApi>(iq_path, "gguf_cuda_get_iq_api");
    if (iq.ok()) {
      libraries.iq = *iq;
    } else {
      libraries.why_no_iq = std::string(iq.status().message());
    }
    return libraries;
  }
  return absl::NotFoundError(absl::StrCat("there is no ", kCudaLibrary, " in ",
                                          absl::StrJoin(folders, ", "),
                                          "; build it with --config=cuda, or use --device cpu"));
}

}  // namespace gguf
