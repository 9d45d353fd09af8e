#include "gguf/io/zstd_testing.h"

#include <zstd.h>

#include <algorithm>

#include "gtest/gtest.h"

namespace gguf {

std::string CompressZstd(absl::string_view bytes, size_t frame_bytes) {
  if (frame_bytes == 0) frame_bytes = std::max<size_t>(1, bytes.size());
  std::string out;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  do {
    const absl::string_view piece = bytes.substr(0, frame_bytes);
    bytes.remove_prefix(piece.size());
    std::string frame(ZSTD_compressBound(piece.size()), '\0');
    const size_t size =
        ZSTD_compress2(context, frame.data(), frame.size(), piece.data(), piece.size());
    EXPECT_FALSE(ZSTD_isError(size));
    out.append(frame, 0, size);
  } while (!bytes.empty());
  ZSTD_freeCCtx(context);
  return out;
}

}  // namespace gguf
