// Decoding rows of every tensor type to float, and checking that blocks are sane.
//
// Per type there is a plain C++17 header (formats/codec/<type>.h) with the packed block and
// DecodeRun (runs.h), one arithmetic for host and device. The table here adds a Highway decoder that
// gives the same bits.

#ifndef GGUF_TOOLCHAIN_FORMATS_CODEC_CODEC_H_
#define GGUF_TOOLCHAIN_FORMATS_CODEC_CODEC_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "formats/codec/code_row.h"
#include "gguf/tensor_type.h"

namespace gguf {

struct Codec {
  TensorType type;

  // Decodes `num_values` (a multiple of the block's values) from whole blocks at `blocks` (any
  // alignment) to `out`. The two give identical bits; `decode` is the fast one. (Where a scale is
  // Inf or NaN, sign and payload of the NaNs that follow from it are the instruction set's.)
  void (*decode)(const uint8_t* blocks, size_t num_values, float* out);
  void (*decode_reference)(const uint8_t* blocks, size_t num_values, float* out);

  // Index of the first block that no encoder may write: an F16/BF16/F32/F64 element or a scale or
  // minimum that is Inf or NaN, an E8M0 exponent of 255. `num_blocks` when all are sane.
  size_t (*find_bad_block)(const uint8_t* blocks, size_t num_blocks);

  // The same values before they become floats (code_row.h), for products of integers. Null for
  // types that are no blocks; may be called where CanUnpack().
  void (*unpack)(const uint8_t* blocks, size_t num_values, CodeRow out);
};

// Whether the instruction set in use has vectors for Codec::unpack.
bool CanUnpack();

// Whether rows of the type have minimums.
bool HasMinimums(TensorType type);

// One per tensor type, integers included (converted to the nearest float), in order of id.
absl::Span<const Codec> AllCodecs();

// `type` must be one of the enumerators.
const Codec& CodecOf(TensorType type);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_CODEC_CODEC_H_
