// Where the frames of a zstd file lie, without decompressing it.
//
// Zstandard data (RFC 8878) is a row of frames, each of which can be decompressed by itself. The
// "seekable format" (zstd, contrib/seekable_format/zstd_seekable_compression_format.md, version
// 0.1) lists them in a skippable frame at the end of the file, numbers little-endian:
//
//   bytes  content
//   4      0x184D2A5E, a skippable frame
//   4      bytes of that frame behind these eight
//   8 | 12 per frame: its compressed bytes, its decompressed bytes, with checksums also the low
//   half
//          of XXH64 of the latter (u32 each)
//   4      number of frames
//   1      bit 7: there are checksums; bits 6 to 2 must be 0
//   4      0x8F92EAB1
//
// Without that table the frames are found by going from block to block, of which only the headers
// are read.

#ifndef GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FRAMES_H_
#define GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FRAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"

namespace gguf {

// What compressed files are called by, behind their names.
inline constexpr absl::string_view kZstdSuffix = ".zst";

// First bytes of a zstd file, or of its skippable frames.
bool IsZstd(absl::string_view first_bytes);

// A file of more than kMaxFreeZstdBytes must not be more than kMaxZstdRatio times as long when it
// is decompressed: weights never are.
inline constexpr uint64_t kMaxZstdRatio = 1000;
inline constexpr uint64_t kMaxFreeZstdBytes = uint64_t{1} << 30;

// InvalidArgument when `decompressed` bytes from `compressed` ones are beyond that.
absl::Status CheckZstdRatio(absl::string_view name, uint64_t compressed, uint64_t decompressed);

struct ZstdFrame {
  uint64_t file_offset;
  uint64_t file_bytes;
  uint64_t offset;  // of its bytes in the decompressed file
  uint64_t bytes;   // as claimed: only decompressing shows whether it is true
};

// The frames with data, in order, back to back in the decompressed file; from the table when the
// file ends in one. Memory: at most eight bytes per byte of the file. DataLoss: a table or frame
// that does not fit into the file, reserved bits. InvalidArgument: a frame that does not say how
// long it is, one that needs a dictionary, a ratio beyond the limit above.
absl::StatusOr<std::vector<ZstdFrame>> ReadZstdFrames(const RandomAccessFile& file);

// The table for frames of at most 2^32 - 1 bytes each, without checksums: zstd's own are in the
// frames.
std::string EncodeSeekTable(absl::Span<const ZstdFrame> frames);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_IO_ZSTD_FRAMES_H_
