// Ollama's model folder: blobs named by their digest, and manifests that name blobs.
//
//   DIR/blobs/sha256-<64 hex digits>
//   DIR/manifests/<host>/<namespace>/<model>/<tag>
//
// Source: Ollama, August 2026.

#ifndef GGUF_TOOLCHAIN_FORMATS_OLLAMA_STORE_H_
#define GGUF_TOOLCHAIN_FORMATS_OLLAMA_STORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

struct OllamaName {
  std::string host, name_space, model, tag;

  std::string ToString() const;  // "gemma3-qat:27b"; host and namespace when they are unusual
};

// "[[HOST/]NAMESPACE/]MODEL[:TAG]", the usual ones for what is left out. InvalidArgument: an empty
// part, one of more than 80 characters or with others than letters, digits, '.', '_' and '-', or
// one that begins with a '.'.
absl::StatusOr<OllamaName> ParseOllamaName(absl::string_view text);

// What a model's configuration says about it.
struct OllamaModelFacts {
  std::string family;     // "gemma3"
  uint64_t num_values;    // parameters
  std::string file_type;  // "Q4_0"
};

// "27.4B", "12B", "999.89M": parameters in words, as Ollama has them.
std::string OllamaModelType(uint64_t num_values);

struct HashProgress {
  std::function<void(uint64_t bytes)> progress;  // may be empty
  const std::atomic<bool>* cancelled = nullptr;  // may be null
};

// Where a model's file may lie until its digest is known: in the folder of blobs, which is created;
// what a run that was killed left there is removed.
absl::StatusOr<std::string> PrepareOllamaStore(absl::string_view folder, const OllamaName& name);

// Removes the folder of blobs when it is empty, and with `is_new` then `folder` likewise: of a run
// that wrote nothing.
void RemoveEmptyStore(absl::string_view folder, bool is_new);

// Whether a file at `path`, which need not exist, lies on another filesystem than `folder`, so that
// taking it into the store copies it.
bool NeedsCopy(absl::string_view folder, absl::string_view path);

// Takes the complete GGUF file `path` into the store: as a second name for the same bytes (a hard
// link), so that no space is needed, or as a copy where the store lies on another filesystem; with
// `is_moved` the first name goes. Then writes the other
// blobs (configuration, template, parameters), the manifest and, beside the blobs' folder,
// "<model>-<tag>.Modelfile", and returns the path of the model's blob. The manifest is written
// last, so an interrupted run leaves blobs that nothing refers to, which Ollama removes.
// AlreadyExists: there is such a model, and not `replace`.
absl::StatusOr<std::string> AddToOllamaStore(absl::string_view folder, const OllamaName& name,
                                             const OllamaModelFacts& facts, const std::string& path,
                                             bool is_moved, bool replace,
                                             const HashProgress& progress);

// AlreadyExists, naming --force, when the store has a model of this name and not `replace`.
absl::Status CheckOllamaName(absl::string_view folder, const OllamaName& name, bool replace);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_OLLAMA_STORE_H_
