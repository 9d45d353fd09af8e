// Blocks that no encoder may write: NaN, infinities, scales that are neither.

#ifndef GGUF_TOOLCHAIN_FORMATS_VERIFY_VALUES_H_
#define GGUF_TOOLCHAIN_FORMATS_VERIFY_VALUES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/reader.h"

namespace gguf {

struct ValueFault {
  std::string tensor;
  TensorType type;
  uint64_t row;         // of the first bad block, counted over all outer dimensions
  uint64_t block;       // of that row, from 0; for plain types a block is one value
  uint64_t num_blocks;  // bad blocks in the whole tensor

  // "tensor 'x': block 3 of row 17 (Q4_K) holds ...".
  std::string ToString() const;
};

struct VerifyValuesOptions {
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;  // looked at between chunks; may be null
  // Told, from many threads, of each chunk that was looked at; may be empty.
  std::function<void(uint64_t bytes, absl::string_view tensor)> progress;
};

// One fault per tensor with bad blocks (Codec::find_bad_block), in the order of the model,
// independent of `threads`. Memory: 1 MiB per thread. Errors of reading; Cancelled.
absl::StatusOr<std::vector<ValueFault>> FindBadValues(const GgufModel& model,
                                                      const VerifyValuesOptions& options);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_VERIFY_VALUES_H_
