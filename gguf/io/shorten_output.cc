#include "gguf/io/shorten_output.h"

#include <unistd.h>

#include <cerrno>

#include "gguf/io/posix_error.h"

namespace gguf {

absl::Status ShortenOutput(const OutputFile& file, uint64_t size) {
  const std::string& partial = file.partial_path();
  if (truncate(partial.c_str(), static_cast<off_t>(size)) == 0) return absl::OkStatus();
  return PosixError(errno, "shorten", partial);
}

}  // namespace gguf
