// How far an artifact's predictions are from those of a base file or of the model it was made from.

#ifndef GGUF_TOOLCHAIN_TOOLS_JOB_DIVERGENCE_H_
#define GGUF_TOOLCHAIN_TOOLS_JOB_DIVERGENCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "gguf/io/file.h"
#include "gguf/metadata.h"
#include "tools/cli/cli.h"

namespace gguf {

struct Divergence {
  double mean = 0;  // nats per token
  double standard_error = 0;
};

struct DivergenceText {
  std::string path;
  uint32_t context = 512;
  uint32_t chunks = 0;  // 0: all
};

// A base that artifacts are measured against, one after the other.
class DivergenceBase {
 public:
  // A file of `evaluate logits`. `text` (may be empty): check that it was made of that text.
  static absl::StatusOr<std::unique_ptr<DivergenceBase>> FromFile(const std::string& path,
                                                                  const std::string& text);

  // What the GGUF `model` predicts in the text. Takes a temporary file `scratch`, which has no name
  // any more when this returns.
  static absl::StatusOr<std::unique_ptr<DivergenceBase>> FromModel(const std::string& model,
                                                                   const DivergenceText& text,
                                                                   const std::string& scratch,
                                                                   const CommonOptions& common);

  // Of the GGUF file `model`. Errors of opening and running it, and of a base of another model.
  absl::StatusOr<Divergence> Measure(const std::string& model, const CommonOptions& common) const;

 private:
  DivergenceBase(std::shared_ptr<const RandomAccessFile> file, std::string text)
      : file_(std::move(file)), text_(std::move(text)) {}

  std::shared_ptr<const RandomAccessFile> file_;
  std::string text_;
};

// Refuses a model that the runtime cannot run on a text, by its metadata; `name` is what errors
// call it.
absl::Status CheckCanRun(const std::string& name, const Metadata& metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_JOB_DIVERGENCE_H_
