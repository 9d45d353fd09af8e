// The one interface over everything tensors come from: GGUF files, checkpoints, and sources that
// wrap another (merge, rename, prune).

#ifndef GGUF_TOOLCHAIN_FORMATS_TENSOR_SOURCE_H_
#define GGUF_TOOLCHAIN_FORMATS_TENSOR_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct SourceTensor {
  std::string name;  // as in a GGUF: "blk.0.attn_q.weight"
  Shape shape;       // outermost first
  // Type of the bytes ReadRows gives. A checkpoint presents what conversion always stores as F32
  // (1-D tensors, norms, biases, routers) as F32, and matrices in the checkpoint's own precision;
  // BF16, F16 and F32 as they are, anything else widened to F32.
  TensorType type;
};

// Thread-safe: ReadRows may be called from many threads at once.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  // For messages: the path as the user gave it.
  virtual const std::string& name() const = 0;

  // Metadata as a GGUF holds it.
  virtual const Metadata& metadata() const = 0;

  // In the source's own order; names are distinct. Valid as long as the source.
  virtual const std::vector<SourceTensor>& tensors() const = 0;

  // Shard of an input split set a tensor lies in, and how many there are (for --keep-split).
  virtual uint32_t shard_of(size_t /*index*/) const { return 0; }
  virtual uint32_t num_shards() const { return 1; }

  // True when the source is read well only from front to back (an archive); then callers that read
  // much do so in ascending order of StreamPosition, which says where about the rows lie.
  virtual bool is_stream() const { return false; }
  virtual uint64_t StreamPosition(size_t /*index*/, uint64_t /*first_row*/) const { return 0; }

  // Reads rows [first_row, first_row + num_rows) of tensor `index`, row-major over all outer
  // dimensions, little-endian, into `out`, whose size is exactly num_rows * RowBytes. Names file
  // and tensor on failure.
  virtual absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                absl::Span<uint8_t> out) const = 0;

  // Files read from, for the check that no output is also an input.
  virtual std::vector<std::string> input_paths() const = 0;

  // What reading has taken so far, for those who want to know; empty: nothing worth telling.
  virtual std::string reading_note() const { return ""; }

  // What is questionable in the files but does not stop the work: one sentence each, for the user.
  virtual std::vector<std::string> warnings() const { return {}; }
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_TENSOR_SOURCE_H_
