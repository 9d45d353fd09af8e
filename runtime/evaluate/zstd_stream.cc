#include "runtime/evaluate/zstd_stream.h"

#include <zstd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/shorten_output.h"

namespace gguf {
namespace {

constexpr size_t kBufferBytes = size_t{128} << 10;
constexpr int kLevel = 3;
constexpr int kMaxWindowLog = 23;  // what level 3 needs is less
constexpr uint8_t kMagic[] = {0x28, 0xB5, 0x2F, 0xFD};

}  // namespace

ZstdWriter::ZstdWriter(std::unique_ptr<OutputFile> file)
    : file_(std::move(file)), buffer_(kBufferBytes), context_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
}

ZstdWriter::~ZstdWriter() { ZSTD_freeCCtx(context_); }

absl::StatusOr<std::unique_ptr<ZstdWriter>> ZstdWriter::Create(absl::string_view path,
                                                               uint64_t num_bytes, bool replace) {
  OutputFile::Options options;
  options.replace = replace;
  // Blocks that do not shrink are stored with a few bytes each; frame, checksum and end besides.
  const uint64_t bound = num_bytes + num_bytes / 256 + (uint64_t{64} << 10);
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, OutputFile::Create(path, bound, options));
  std::unique_ptr<ZstdWriter> writer(new ZstdWriter(std::move(file)));
  if (writer->context_ == nullptr) return absl::ResourceExhaustedError("no memory to compress");
  return writer;
}

absl::Status ZstdWriter::Compress(absl::Span<const uint8_t> bytes, bool is_end) {
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {buffer_.data(), buffer_.size(), 0};
    left = ZSTD_compressStream2(context_, &out, &in, is_end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) {
      return absl::InternalError(
          absl::StrCat("'", file_->name(), "': zstd: ", ZSTD_getErrorName(left)));
    }
    GGUF_RETURN_IF_ERROR(file_->Write(offset_, absl::MakeConstSpan(buffer_.data(), out.pos)));
    offset_ += out.pos;
  } while (is_end ? left != 0 : in.pos < in.size);
  return absl::OkStatus();
}

absl::Status ZstdWriter::Append(absl::Span<const uint8_t> bytes) { return Compress(bytes, false); }

absl::Status ZstdWriter::Commit() {
  GGUF_RETURN_IF_ERROR(Compress({}, true));
  GGUF_RETURN_IF_ERROR(ShortenOutput(*file_, offset_));
  return file_->Commit();
}

SequentialReader::SequentialReader(std::unique_ptr<RandomAccessFile> file)
    : file_(std::move(file)), buffer_(kBufferBytes) {}

SequentialReader::~SequentialReader() { ZSTD_freeDCtx(context_); }

absl::StatusOr<std::unique_ptr<SequentialReader>> SequentialReader::Open(
    std::unique_ptr<RandomAccessFile> file) {
  std::unique_ptr<SequentialReader> reader(new SequentialReader(std::move(file)));
  GGUF_RETURN_IF_ERROR(reader->Refill());
  const size_t size = sizeof(kMagic);
  if (reader->end_ >= size && std::equal(kMagic, kMagic + size, reader->buffer_.begin())) {
    reader->context_ = ZSTD_createDCtx();
    if (reader->context_ == nullptr) return absl::ResourceExhaustedError("no memory to decompress");
    ZSTD_DCtx_setParameter(reader->context_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  return reader;
}

absl::Status SequentialReader::Refill() {
  const uint64_t count = std::min<uint64_t>(buffer_.size(), file_->size() - offset_);
  GGUF_RETURN_IF_ERROR(file_->Read(offset_, absl::MakeSpan(buffer_.data(), count)));
  offset_ += count;
  begin_ = 0;
  end_ = count;
  return absl::OkStatus();
}

// Some bytes, 0 only at the end.
absl::StatusOr<size_t> SequentialReader::ReadSome(absl::Span<uint8_t> out) {
  while (!is_frame_done_) {
    if (begin_ == end_) GGUF_RETURN_IF_ERROR(Refill());
    if (context_ == nullptr) {
      const size_t count = std::min(out.size(), end_ - begin_);
      std::copy_n(buffer_.begin() + begin_, count, out.begin());
      begin_ += count;
      return count;
    }
    ZSTD_inBuffer in = {buffer_.data() + begin_, end_ - begin_, 0};
    ZSTD_outBuffer to = {out.data(), out.size(), 0};
    const size_t left = ZSTD_decompressStream(context_, &to, &in);
    if (ZSTD_isError(left)) {
      return absl::DataLossError(absl::StrCat(
          "'", name(), "' is damaged (zstd: ", ZSTD_getErrorName(left), "); make it again"));
    }
    begin_ += in.pos;
    is_frame_done_ = left == 0;
    if (to.pos > 0) return to.pos;
    if (in.size == 0 && offset_ == file_->size()) return 0;
  }
  return 0;
}

absl::Status SequentialReader::Read(absl::Span<uint8_t> out) {
  while (!out.empty()) {
    GGUF_ASSIGN_OR_RETURN(const size_t count, ReadSome(out));
    if (count == 0) {
      return absl::DataLossError(absl::StrCat("'", name(), "' ends ", out.size(),
                                              " bytes too early; it was not written completely"));
    }
    out.remove_prefix(count);
  }
  return absl::OkStatus();
}

absl::Status SequentialReader::ExpectEnd() {
  uint8_t byte;
  GGUF_ASSIGN_OR_RETURN(const size_t count, ReadSome(absl::MakeSpan(&byte, 1)));
  if (count == 0 && (context_ == nullptr || is_frame_done_)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("'", name(), "' ", count == 0 ? "lacks its end" : "goes on after its last row",
                   "; make it again"));
}

}  // namespace gguf
