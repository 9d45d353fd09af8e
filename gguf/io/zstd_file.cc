#include "gguf/io/zstd_file.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/zstd_random_access.h"

namespace gguf {

// What one thread needs to decompress frames.
class ZstdDecoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {}
  ~ZstdDecoder() { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  absl::Status Decode(const RandomAccessFile& file, const ZstdFrame& frame,
                      absl::Span<uint8_t> out) {
    if (context_ == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("'", file.name(), "': there is not enough memory to decompress it"));
    }
    input_.resize(frame.file_bytes);
    GGUF_RETURN_IF_ERROR(file.Read(frame.file_offset, absl::MakeSpan(input_)));
    const size_t size =
        ZSTD_decompressDCtx(context_, out.data(), out.size(), input_.data(), input_.size());
    if (!ZSTD_isError(size) && size == out.size()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        "'", file.name(), "': the frame at byte ", frame.file_offset, " cannot be decompressed to ",
        frame.bytes, " bytes (",
        ZSTD_isError(size) ? std::string(ZSTD_getErrorName(size)) : absl::StrCat(size, " bytes"),
        "); it is damaged, download or compress it again"));
  }

 private:
  ZSTD_DCtx* context_;
  std::vector<uint8_t> input_;
};

namespace {

absl::Status CheckRange(const RandomAccessFile& file, uint64_t offset, size_t num_bytes) {
  if (offset <= file.size() && num_bytes <= file.size() - offset) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("'", file.name(), "' decompresses to ", file.size(),
                                            " bytes, cannot read ", num_bytes, " at byte ",
                                            offset));
}

// Frames too large to be decompressed as a whole.
class ZstdStreamFile : public RandomAccessFile {
 public:
  ZstdStreamFile(std::unique_ptr<RandomAccessFile> file, uint64_t size)
      : stream_(std::move(file)), size_(size) {}

  const std::string& name() const override { return stream_.name(); }
  uint64_t size() const override { return size_; }
  absl::optional<uint64_t> stream_offset() const override { return uint64_t{0}; }

  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override {
    GGUF_RETURN_IF_ERROR(CheckRange(*this, offset, out.size()));
    GGUF_ASSIGN_OR_RETURN(const size_t count, stream_.Read(offset, out));
    if (count == out.size()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("'", name(), "' decompresses to ", offset + count,
                                            " bytes, its frames claim ", size_,
                                            "; it is damaged, download or compress it again"));
  }

 private:
  mutable ZstdRandomAccess stream_;  // thread-safe
  uint64_t size_;
};

// Decompressed as a whole, a frame must be of moderate size, and not be much longer compressed.
bool IsWhole(const ZstdFrame& frame) {
  return frame.bytes <= kMaxWholeFrameBytes &&
         frame.file_bytes <= ZSTD_compressBound(frame.bytes) + kMaxWholeFrameBytes / 64;
}

absl::StatusOr<bool> BeginsAsZstd(const RandomAccessFile& file) {
  char bytes[4];
  if (file.size() < sizeof(bytes)) return false;
  GGUF_RETURN_IF_ERROR(
      file.Read(0, absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes), sizeof(bytes))));
  return IsZstd(absl::string_view(bytes, sizeof(bytes)));
}

}  // namespace

ZstdFramesFile::ZstdFramesFile(std::unique_ptr<RandomAccessFile> file,
                               std::vector<ZstdFrame> frames)
    : file_(std::move(file)),
      frames_(std::move(frames)),
      size_(frames_.empty() ? 0 : frames_.back().offset + frames_.back().bytes) {}

ZstdFramesFile::~ZstdFramesFile() = default;

absl::Status ZstdFramesFile::Decode(const ZstdFrame& frame, absl::Span<uint8_t> out) const {
  std::unique_ptr<ZstdDecoder> decoder;
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      decoder = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (decoder == nullptr) decoder = std::make_unique<ZstdDecoder>();
  const absl::Status status = decoder->Decode(*file_, frame, out);
  absl::MutexLock lock(&mutex_);
  idle_.push_back(std::move(decoder));
  return status;
}

absl::StatusOr<ZstdFramesFile::Bytes> ZstdFramesFile::Cached(size_t index) const {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = std::find_if(cache_.begin(), cache_.end(),
                                    [index](const auto& entry) { return entry.first == index; });
    if (found != cache_.end()) {
      cache_.splice(cache_.begin(), cache_, found);
      return found->second;
    }
  }
  auto bytes = std::make_shared<std::vector<uint8_t>>(frames_[index].bytes);
  GGUF_RETURN_IF_ERROR(Decode(frames_[index], absl::MakeSpan(*bytes)));
  absl::MutexLock lock(&mutex_);
  cache_.emplace_front(index, bytes);
  cached_bytes_ += bytes->size();
  while (cached_bytes_ > kCacheBytes && cache_.size() > 2) {
    cached_bytes_ -= cache_.back().second->size();
    cache_.pop_back();
  }
  return bytes;
}

absl::Status ZstdFramesFile::Read(uint64_t offset, absl::Span<uint8_t> out) const {
  GGUF_RETURN_IF_ERROR(CheckRange(*this, offset, out.size()));
  if (out.empty()) return absl::OkStatus();
  const auto after =
      std::upper_bound(frames_.begin(), frames_.end(), offset,
                       [](uint64_t at, const ZstdFrame& frame) { return at < frame.offset; });
  for (size_t i = static_cast<size_t>(after - frames_.begin()) - 1; !out.empty(); ++i) {
    const ZstdFrame& frame = frames_[i];
    const uint64_t skipped = offset - frame.offset;
    const size_t count = std::min<uint64_t>(out.size(), frame.bytes - skipped);
    if (count == frame.bytes) {
      GGUF_RETURN_IF_ERROR(Decode(frame, out.subspan(0, count)));
    } else {
      GGUF_ASSIGN_OR_RETURN(const Bytes bytes, Cached(i));
      std::memcpy(out.data(), bytes->data() + skipped, count);
    }
    offset += count;
    out.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> Decompressed(
    std::unique_ptr<RandomAccessFile> file) {
  GGUF_ASSIGN_OR_RETURN(const bool is_zstd, BeginsAsZstd(*file));
  if (!is_zstd) return file;
  GGUF_ASSIGN_OR_RETURN(std::vector<ZstdFrame> frames, ReadZstdFrames(*file));
  if (std::all_of(frames.begin(), frames.end(), IsWhole)) {
    return std::make_unique<ZstdFramesFile>(std::move(file), std::move(frames));
  }
  const uint64_t size = frames.back().offset + frames.back().bytes;
  return std::make_unique<ZstdStreamFile>(std::move(file), size);
}

bool IsZstdFile(absl::string_view path) {
  const auto file = OpenFile(path);
  return file.ok() && BeginsAsZstd(**file).value_or(false);
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenDecompressed(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  return Decompressed(std::move(file));
}

absl::StatusOr<std::string> FirstDecompressedBytes(absl::string_view path, size_t num_bytes) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  GGUF_ASSIGN_OR_RETURN(const bool is_zstd, BeginsAsZstd(*file));
  std::string bytes(num_bytes, '\0');
  const auto out = absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  size_t count = std::min<uint64_t>(num_bytes, file->size());
  if (is_zstd) {
    GGUF_ASSIGN_OR_RETURN(count, ZstdRandomAccess(std::move(file)).Read(0, out));
  } else {
    GGUF_RETURN_IF_ERROR(file->Read(0, out.subspan(0, count)));
  }
  bytes.resize(count);
  return bytes;
}

}  // namespace gguf
