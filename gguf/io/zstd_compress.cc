#include "gguf/io/zstd_compress.h"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gguf/base/parallel.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/shorten_output.h"
#include "gguf/io/zstd_frames.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxFrames = uint64_t{1} << 27;  // of the seekable format
constexpr uint64_t kFramesPerThread = 4;            // that are compressed before they are written

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, FreeContext>;

absl::Status CheckNotCancelled(const CopyOptions& options) {
  const bool is_cancelled = options.cancelled != nullptr && options.cancelled->load();
  return is_cancelled ? absl::CancelledError("interrupted") : absl::OkStatus();
}

// Reads frame `index` of the uncompressed file.
absl::Status ReadPiece(const RandomAccessFile& in, uint64_t index, std::vector<uint8_t>* bytes) {
  const uint64_t offset = index * kZstdFrameBytes;
  bytes->resize(std::min(kZstdFrameBytes, in.size() - offset));
  return in.Read(offset, absl::MakeSpan(*bytes));
}

absl::Status CompressPiece(ZSTD_CCtx* context, int level, absl::Span<const uint8_t> bytes,
                           std::vector<uint8_t>* out) {
  if (context == nullptr) return absl::ResourceExhaustedError("no memory to compress");
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  out->resize(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress2(context, out->data(), out->size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size)) {
    return absl::InternalError(absl::StrCat("zstd: ", ZSTD_getErrorName(size)));
  }
  out->resize(size);
  return absl::OkStatus();
}

uint64_t NumPieces(const RandomAccessFile& in) {
  return in.size() / kZstdFrameBytes + (in.size() % kZstdFrameBytes != 0 ? 1 : 0);
}

absl::Status WriteText(absl::string_view text, uint64_t offset, WritableFile* out) {
  return out->Write(
      offset, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace

absl::StatusOr<uint64_t> CompressFile(const RandomAccessFile& in, absl::string_view path, int level,
                                      const CopyOptions& options) {
  const uint64_t num_frames = NumPieces(in);
  if (num_frames > kMaxFrames) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", in.name(), "' has ", in.size(), " bytes, expected at most ",
                     kMaxFrames * kZstdFrameBytes, "; split it first"));
  }
  const uint64_t bound = num_frames * (ZSTD_compressBound(kZstdFrameBytes) + 8) + 64;
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> out,
                        OutputFile::Create(path, bound, {options.replace}));
  const int threads = in.stream_offset().has_value() ? 1 : std::max(1, options.threads);
  std::vector<Context> contexts(threads);
  for (Context& context : contexts) context.reset(ZSTD_createCCtx());
  std::vector<std::vector<uint8_t>> pieces(threads), compressed(kFramesPerThread * threads);
  std::vector<ZstdFrame> frames;
  uint64_t written = 0;
  for (uint64_t first = 0; first < num_frames; first += compressed.size()) {
    const uint64_t count = std::min<uint64_t>(compressed.size(), num_frames - first);
    GGUF_RETURN_IF_ERROR(ParallelFor(count, threads, [&](uint64_t i, int thread) -> absl::Status {
      GGUF_RETURN_IF_ERROR(CheckNotCancelled(options));
      GGUF_RETURN_IF_ERROR(ReadPiece(in, first + i, &pieces[thread]));
      if (options.progress) options.progress(pieces[thread].size());
      return CompressPiece(contexts[thread].get(), level, pieces[thread], &compressed[i]);
    }));
    for (uint64_t i = 0; i < count; ++i) {
      GGUF_RETURN_IF_ERROR(out->Write(written, compressed[i]));
      const uint64_t offset = (first + i) * kZstdFrameBytes;
      frames.push_back(
          {written, compressed[i].size(), offset, std::min(kZstdFrameBytes, in.size() - offset)});
      written += compressed[i].size();
    }
  }
  const std::string table = EncodeSeekTable(frames);
  GGUF_RETURN_IF_ERROR(WriteText(table, written, out.get()));
  written += table.size();
  GGUF_RETURN_IF_ERROR(ShortenOutput(*out, written));
  GGUF_RETURN_IF_ERROR(out->Commit());
  return written;
}

absl::Status CopyFile(const RandomAccessFile& in, absl::string_view path,
                      const CopyOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> out,
                        OutputFile::Create(path, in.size(), {options.replace}));
  const int threads = in.stream_offset().has_value() ? 1 : std::max(1, options.threads);
  std::vector<std::vector<uint8_t>> pieces(threads);
  GGUF_RETURN_IF_ERROR(
      ParallelFor(NumPieces(in), threads, [&](uint64_t i, int thread) -> absl::Status {
        GGUF_RETURN_IF_ERROR(CheckNotCancelled(options));
        GGUF_RETURN_IF_ERROR(ReadPiece(in, i, &pieces[thread]));
        if (options.progress) options.progress(pieces[thread].size());
        return out->Write(i * kZstdFrameBytes, pieces[thread]);
      }));
  return out->Commit();
}

}  // namespace gguf
