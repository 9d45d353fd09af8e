// Turns errno of a failed call on a file into one sentence.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_POSIX_ERROR_H_
#define GGUF_TOOLCHAIN_GGUF_IO_POSIX_ERROR_H_

#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gguf {

// "cannot open 'a/b': No such file or directory", with the code that fits `error` (ENOTDIR counts
// as NotFound: a folder of the path does not exist).
inline absl::Status PosixError(int error, absl::string_view action, absl::string_view path) {
  const absl::StatusCode code = error == ENOTDIR  ? absl::StatusCode::kNotFound
                                : error == ENOSPC ? absl::StatusCode::kResourceExhausted
                                                  : absl::ErrnoToStatusCode(error);
  return absl::Status(code, absl::StrCat("cannot ", action, " '", path,
                                         "': ", std::generic_category().message(error)));
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_POSIX_ERROR_H_
