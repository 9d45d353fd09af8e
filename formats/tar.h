// Reading the list of files in a tar archive (POSIX.1-2017 pax, "ustar", GNU long names).
//
// An archive is headers of 512 bytes, each followed by its file's bytes, padded to 512; it ends
// with two blocks of zeros. Headers of kinds 'x' (for the next file), 'g' (for all that follow),
// 'L' (GNU) carry names and sizes that do not fit into a header.

#ifndef GGUF_TOOLCHAIN_FORMATS_TAR_H_
#define GGUF_TOOLCHAIN_FORMATS_TAR_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gguf {

// Fills the span from a position of the archive as far as there is data; returns how much.
using TarReader =
    absl::FunctionRef<absl::StatusOr<size_t>(uint64_t offset, absl::Span<uint8_t> out)>;

struct TarMember {
  std::string name;     // "model/config.json": without "./" and doubled slashes
  bool is_file = true;  // a regular file; otherwise a link or a device
  uint64_t offset = 0;  // of its bytes in the archive
  uint64_t size = 0;
};

// What is accepted: bytes of a pax header and of a name, headers in all.
inline constexpr uint64_t kMaxTarExtension = uint64_t{1} << 20;
inline constexpr size_t kMaxTarName = 4096;
inline constexpr uint64_t kMaxTarHeaders = 20000;

// Calls `visit` for everything in the archive but folders, in order, each before anything behind it
// is read. Nothing is ever written, so names are only compared; those that lead out of the archive
// ("/etc/x", "../x") are InvalidArgument all the same, and so are wrong checksums, sparse files,
// kinds that are not known, data behind the end. DataLoss: the archive ends too early.
absl::Status ReadTar(absl::string_view archive, TarReader read,
                     absl::FunctionRef<absl::Status(const TarMember&)> visit);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TAR_H_
