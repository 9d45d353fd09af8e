#include "tools/benchmark_steps/text_file.h"

#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"

namespace gguf {

absl::Status WriteTextFile(absl::string_view path, absl::string_view text, bool replace) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, text.size(), {replace}));
  GGUF_RETURN_IF_ERROR(file->Write(
      0, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size())));
  return file->Commit();
}

}  // namespace gguf
