#include "gguf/io/zstd_frames.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr uint32_t kFrameMagic = 0xFD2FB528;
constexpr uint32_t kSkippableMagic = 0x184D2A50;  // the low four bits are free
constexpr uint32_t kTableMagic = 0x184D2A5E;
constexpr uint32_t kSeekableMagic = 0x8F92EAB1;
constexpr uint64_t kFooterBytes = 9;
constexpr uint64_t kSkippableHeaderBytes = 8;

uint64_t Number(const uint8_t* bytes, size_t num_bytes) {
  uint64_t value = 0;
  for (size_t i = num_bytes; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

void PutNumber(uint64_t value, size_t num_bytes, std::string* out) {
  for (size_t i = 0; i < num_bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

absl::Status Damaged(const RandomAccessFile& file, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("'", file.name(), "': ", what,
                                          "; it is damaged, download or compress it again"));
}

// Reads few bytes at a time at places that ascend.
class HeaderReader {
 public:
  explicit HeaderReader(const RandomAccessFile& file) : file_(file) {}

  // `num_bytes` bytes from `offset`; DataLoss when the file ends before.
  absl::StatusOr<uint64_t> Read(uint64_t offset, size_t num_bytes) {
    if (offset > file_.size() || num_bytes > file_.size() - offset) {
      return Damaged(
          file_, absl::StrCat("its ", file_.size(), " bytes end in the middle of compressed data"));
    }
    if (offset < begin_ || offset + num_bytes > begin_ + filled_) {
      begin_ = offset;
      filled_ = std::min<uint64_t>(sizeof(buffer_), file_.size() - offset);
      GGUF_RETURN_IF_ERROR(file_.Read(offset, absl::MakeSpan(buffer_, filled_)));
    }
    return Number(buffer_ + (offset - begin_), num_bytes);
  }

 private:
  const RandomAccessFile& file_;
  uint8_t buffer_[512];
  uint64_t begin_ = 0;
  uint64_t filled_ = 0;
};

// Appends what follows the frames that are there; both sums stay below 2^64.
absl::Status Append(const RandomAccessFile& file, uint64_t file_offset, uint64_t file_bytes,
                    uint64_t bytes, std::vector<ZstdFrame>* frames) {
  const uint64_t offset = frames->empty() ? 0 : frames->back().offset + frames->back().bytes;
  if (bytes > std::numeric_limits<int64_t>::max() - offset) {
    return Damaged(file, "its frames claim more than 2^63 bytes");
  }
  if (bytes > 0) frames->push_back({file_offset, file_bytes, offset, bytes});
  return absl::OkStatus();
}

// The frames of a table of `table_bytes` at the end of the file.
absl::StatusOr<std::vector<ZstdFrame>> ReadTable(const RandomAccessFile& file, uint64_t num_frames,
                                                 size_t entry_bytes, uint64_t table_bytes) {
  HeaderReader reader(file);
  const uint64_t table = file.size() - table_bytes;
  GGUF_ASSIGN_OR_RETURN(const uint64_t magic, reader.Read(table, 4));
  GGUF_ASSIGN_OR_RETURN(const uint64_t frame_bytes, reader.Read(table + 4, 4));
  if (magic != kTableMagic || frame_bytes != table_bytes - kSkippableHeaderBytes) {
    return Damaged(
        file, absl::StrCat("its table of ", num_frames, " frames does not begin where it must"));
  }
  std::vector<ZstdFrame> frames;
  uint64_t file_offset = 0;
  for (uint64_t i = 0; i < num_frames; ++i) {
    const uint64_t entry = table + kSkippableHeaderBytes + i * entry_bytes;
    GGUF_ASSIGN_OR_RETURN(const uint64_t sizes, reader.Read(entry, 8));
    const uint64_t compressed = sizes & 0xFFFFFFFF;
    if (compressed > table - file_offset) {
      return Damaged(file, absl::StrCat("frame ", i, " of its table ends at byte ",
                                        file_offset + compressed, ", expected at most ", table));
    }
    GGUF_RETURN_IF_ERROR(Append(file, file_offset, compressed, sizes >> 32, &frames));
    file_offset += compressed;
  }
  if (file_offset == table) return frames;
  return Damaged(file, absl::StrCat("the frames of its table end at byte ", file_offset,
                                    ", expected ", table));
}

// The parts of a frame's header that matter here.
struct FrameHeader {
  uint64_t header_bytes;
  bool has_checksum;
  uint64_t bytes;
};

absl::StatusOr<FrameHeader> ReadFrameHeader(const RandomAccessFile& file, uint64_t offset,
                                            HeaderReader* reader) {
  constexpr size_t kSizeBytes[] = {0, 2, 4, 8};
  constexpr size_t kDictionaryBytes[] = {0, 1, 2, 4};
  GGUF_ASSIGN_OR_RETURN(const uint64_t descriptor, reader->Read(offset + 4, 1));
  const bool is_single_segment = (descriptor & 0x20) != 0;
  const size_t dictionary_bytes = kDictionaryBytes[descriptor & 3];
  size_t size_bytes = kSizeBytes[descriptor >> 6];
  if (size_bytes == 0 && is_single_segment) size_bytes = 1;
  if ((descriptor & 0x08) != 0) {
    return Damaged(file, absl::StrCat("the frame at byte ", offset, " has a reserved bit set"));
  }
  const uint64_t dictionary_offset = offset + 5 + (is_single_segment ? 0 : 1);
  uint64_t dictionary = 0;
  if (dictionary_bytes > 0) {
    GGUF_ASSIGN_OR_RETURN(dictionary, reader->Read(dictionary_offset, dictionary_bytes));
  }
  if (dictionary != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", file.name(),
                     "' was compressed with a dictionary, which is not here; "
                     "decompress it with zstd -d -D DICTIONARY"));
  }
  if (size_bytes == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", file.name(), "': the frame at byte ", offset,
        " does not say how long its data is, as "
        "when zstd compresses a pipe; decompress it with zstd -d, then use gguf compress"));
  }
  const uint64_t size_offset = dictionary_offset + dictionary_bytes;
  GGUF_ASSIGN_OR_RETURN(uint64_t bytes, reader->Read(size_offset, size_bytes));
  if (size_bytes == 2) bytes += 256;
  return FrameHeader{size_offset + size_bytes - offset, (descriptor & 0x04) != 0, bytes};
}

// Where the frame whose first block is at `offset` ends.
absl::StatusOr<uint64_t> EndOfBlocks(const RandomAccessFile& file, uint64_t offset,
                                     HeaderReader* reader) {
  for (;;) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t header, reader->Read(offset, 3));
    const uint64_t kind = header >> 1 & 3;
    if (kind == 3) {
      return Damaged(file, absl::StrCat("the block at byte ", offset, " is of a reserved kind"));
    }
    offset += 3 + (kind == 1 ? 1 : header >> 3);  // kind 1 repeats one byte
    if (header & 1) return offset;
  }
}

absl::StatusOr<std::vector<ZstdFrame>> WalkFrames(const RandomAccessFile& file) {
  HeaderReader reader(file);
  std::vector<ZstdFrame> frames;
  uint64_t offset = 0;
  while (offset < file.size()) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t magic, reader.Read(offset, 4));
    uint64_t end, bytes = 0;
    if ((magic & ~uint64_t{15}) == kSkippableMagic) {
      GGUF_ASSIGN_OR_RETURN(const uint64_t size, reader.Read(offset + 4, 4));
      end = offset + kSkippableHeaderBytes + size;
    } else if (magic == kFrameMagic) {
      GGUF_ASSIGN_OR_RETURN(const FrameHeader header, ReadFrameHeader(file, offset, &reader));
      GGUF_ASSIGN_OR_RETURN(end, EndOfBlocks(file, offset + header.header_bytes, &reader));
      if (header.has_checksum) end += 4;
      bytes = header.bytes;
    } else {
      return Damaged(file, absl::StrCat("at byte ", offset, " no zstd frame begins"));
    }
    if (end > file.size()) {
      return Damaged(file, absl::StrCat("the frame at byte ", offset, " ends at byte ", end,
                                        ", the file at ", file.size()));
    }
    GGUF_RETURN_IF_ERROR(Append(file, offset, end - offset, bytes, &frames));
    offset = end;
  }
  return frames;
}

absl::StatusOr<std::vector<ZstdFrame>> FindFrames(const RandomAccessFile& file) {
  if (file.size() < kSkippableHeaderBytes + kFooterBytes) return WalkFrames(file);
  HeaderReader reader(file);
  const uint64_t footer = file.size() - kFooterBytes;
  GGUF_ASSIGN_OR_RETURN(const uint64_t num_frames, reader.Read(footer, 4));
  GGUF_ASSIGN_OR_RETURN(const uint64_t descriptor, reader.Read(footer + 4, 1));
  GGUF_ASSIGN_OR_RETURN(const uint64_t magic, reader.Read(footer + 5, 4));
  if (magic != kSeekableMagic) return WalkFrames(file);
  if ((descriptor & 0x7C) != 0) {
    return Damaged(file, "its table of frames has a reserved bit set");
  }
  const size_t entry_bytes = (descriptor & 0x80) != 0 ? 12 : 8;
  const uint64_t table_bytes = kSkippableHeaderBytes + num_frames * entry_bytes + kFooterBytes;
  if (table_bytes > file.size()) {
    return Damaged(file, absl::StrCat("its table claims ", num_frames, " frames, for which its ",
                                      file.size(), " bytes have no room"));
  }
  return ReadTable(file, num_frames, entry_bytes, table_bytes);
}

}  // namespace

bool IsZstd(absl::string_view first_bytes) {
  if (first_bytes.size() < 4) return false;
  if (absl::StartsWith(first_bytes, "\x28\xB5\x2F\xFD")) return true;
  return (first_bytes[0] & 0xF0) == 0x50 && first_bytes.substr(1, 3) == "\x2A\x4D\x18";
}

absl::Status CheckZstdRatio(absl::string_view name, uint64_t compressed, uint64_t decompressed) {
  if (decompressed <= kMaxFreeZstdBytes || decompressed / kMaxZstdRatio <= compressed) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": decompresses to more than ", kMaxZstdRatio, " times its size (",
                   decompressed, " bytes from the first ", compressed,
                   "), which no model does; unpack it yourself if you trust it."));
}

absl::StatusOr<std::vector<ZstdFrame>> ReadZstdFrames(const RandomAccessFile& file) {
  GGUF_ASSIGN_OR_RETURN(std::vector<ZstdFrame> frames, FindFrames(file));
  const uint64_t bytes = frames.empty() ? 0 : frames.back().offset + frames.back().bytes;
  GGUF_RETURN_IF_ERROR(CheckZstdRatio(file.name(), file.size(), bytes));
  return frames;
}

std::string EncodeSeekTable(absl::Span<const ZstdFrame> frames) {
  std::string table;
  PutNumber(kTableMagic, 4, &table);
  PutNumber(8 * frames.size() + kFooterBytes, 4, &table);
  for (const ZstdFrame& frame : frames) {
    PutNumber(frame.file_bytes, 4, &table);
    PutNumber(frame.bytes, 4, &table);
  }
  PutNumber(frames.size(), 4, &table);
  PutNumber(0, 1, &table);
  PutNumber(kSeekableMagic, 4, &table);
  return table;
}

}  // namespace gguf
