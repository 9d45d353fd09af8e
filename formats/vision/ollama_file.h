// Gemma 3 with its vision tower in one file, as Ollama's engine wants it: joining a language model
// and a tower into it, and splitting it again into the two files of llama.cpp.
//
// Both only say which tensors go where, under which names, and what the metadata become: a plan
// (quantize/plan_tensors.h) turns that into files. Language model tensors keep their bits always;
// tower tensors do wherever both containers store them in one type.
//
// Sources of names, keys and defaults: Ollama v0.6.2 to August 2026 (converter, engine, file
// writer), llama.cpp August 2026.

#ifndef GGUF_TOOLCHAIN_FORMATS_VISION_OLLAMA_FILE_H_
#define GGUF_TOOLCHAIN_FORMATS_VISION_OLLAMA_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_choice.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"

namespace gguf {

struct OllamaFile {
  Metadata metadata;  // sorted by key, as Ollama writes it
  // Blocks of the language model first, by number, then everything else by name, as Ollama writes
  // them. source_index counts the text's tensors, then those of `vision`.
  std::vector<TensorChoice> tensors;
  // What differs from the inputs beyond names: keys added or corrected, types changed and at what
  // cost. One sentence each, for the user.
  std::vector<std::string> changes;
};

// `text`: a complete gemma3 language model without a tower; `vision`: a projector file or a
// VisionCheckpoint (OpenTower). Reads tower tensors that are F32 or BF16, to decide whether F16,
// which Ollama uses, holds their values: F32 that it does not hold stays F32; BF16 becomes F16, and
// what that changes is said, unless values would become infinite. Quantized tensors stay as they
// are.
//
// InvalidArgument, naming what is in conflict: another architecture, a text that has a tower
// already, tensors that are missing or superfluous, a projector made for a model of another width.
absl::StatusOr<OllamaFile> JoinOllamaFile(const TensorSource& text, const TensorSource& vision);

struct LlamaCppFiles {
  Metadata text_metadata;
  std::vector<TensorChoice> text_tensors;
  Metadata mmproj_metadata;  // general.file_type excepted, which follows from `matrix_type`
  std::vector<TensorChoice> mmproj_tensors;
  TensorType matrix_type;            // of the tower's first matrix
  std::vector<std::string> changes;  // as above
};

// Splits `model`, a gemma3 with a tower, Ollama's own files included: keys that only Ollama has go
// or get their usual names, keys that llama.cpp needs are added with the values that Ollama's
// engine takes for granted, the vocabulary is cut to the rows of token_embd. Patch and position
// embeddings become F32. InvalidArgument as above.
absl::StatusOr<LlamaCppFiles> SplitOllamaFile(const TensorSource& model);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VISION_OLLAMA_FILE_H_
