#include "formats/codec/codec.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "formats/codec/float_convert.h"
#include "formats/codec/iq1_m.h"
#include "formats/codec/iq1_s.h"
#include "formats/codec/iq2_s.h"
#include "formats/codec/iq2_xs.h"
#include "formats/codec/iq2_xxs.h"
#include "formats/codec/iq3_s.h"
#include "formats/codec/iq3_xxs.h"
#include "formats/codec/iq4_nl.h"
#include "formats/codec/iq4_xs.h"
#include "formats/codec/mxfp4.h"
#include "formats/codec/nvfp4.h"
#include "formats/codec/plain.h"
#include "formats/codec/q1_0.h"
#include "formats/codec/q2_0.h"
#include "formats/codec/q2_k.h"
#include "formats/codec/q3_k.h"
#include "formats/codec/q4_0.h"
#include "formats/codec/q4_1.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q5_0.h"
#include "formats/codec/q5_1.h"
#include "formats/codec/q5_k.h"
#include "formats/codec/q6_k.h"
#include "formats/codec/q8_0.h"
#include "formats/codec/q8_1.h"
#include "formats/codec/q8_k.h"
#include "formats/codec/rows.h"
#include "formats/codec/tq1_0.h"
#include "formats/codec/tq2_0.h"

namespace gguf {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are read as they lie in the file");

template <class Block>
void DecodeReference(const uint8_t* blocks, size_t num_values, float* out) {
  const Block* block = reinterpret_cast<const Block*>(blocks);
  for (size_t i = 0; i < num_values; i += Block::kValues) DecodeBlock(*block++, out + i);
}

bool IsFiniteF16(uint16_t half) { return (half & 0x7C00) != 0x7C00; }

// Blocks whose scales and minimums are binary16 at `kOffsets`.
template <class Block, size_t... kOffsets>
size_t FindBadF16(const uint8_t* blocks, size_t num_blocks) {
  for (size_t i = 0; i < num_blocks; ++i) {
    const uint8_t* block = blocks + i * sizeof(Block);
    const auto sane = [block](size_t offset) {
      uint16_t half;
      std::memcpy(&half, block + offset, sizeof(half));
      return IsFiniteF16(half);
    };
    if (!(sane(kOffsets) && ...)) return i;
  }
  return num_blocks;
}

template <class Block, bool (*kSane)(const Block&)>
size_t FindBad(const uint8_t* blocks, size_t num_blocks) {
  const Block* block = reinterpret_cast<const Block*>(blocks);
  for (size_t i = 0; i < num_blocks; ++i) {
    if (!kSane(block[i])) return i;
  }
  return num_blocks;
}

bool HasSaneScale(const BlockQ8_K& block) { return std::isfinite(block.d); }
bool HasSaneScale(const BlockIQ1_M& block) { return IsFiniteF16(IQ1_MScale(block)); }
bool HasSaneScale(const BlockMXFP4& block) { return block.e != 255; }

size_t AllSane(const uint8_t*, size_t num_blocks) { return num_blocks; }

// Rows of the table: plain types, block types with one or two binary16 fields to check, others.
#define GGUF_PLAIN(type, find_bad) \
  Codec { TensorType::k##type, Decode##type, DecodeReference<Block##type>, find_bad, nullptr }
#define GGUF_BLOCK(type, find_bad)                                                                \
  Codec {                                                                                         \
    TensorType::k##type, DecodeRow##type, DecodeReference<Block##type>, find_bad, UnpackRow##type \
  }
#define GGUF_F16_1(type, field) \
  GGUF_BLOCK(type, (FindBadF16<Block##type, offsetof(Block##type, field)>))
#define GGUF_F16_2(type, field1, field2) \
  GGUF_BLOCK(                            \
      type,                              \
      (FindBadF16<Block##type, offsetof(Block##type, field1), offsetof(Block##type, field2)>))

const Codec kCodecs[] = {
    GGUF_PLAIN(F32, FindNonFiniteF32),
    GGUF_PLAIN(F16, FindNonFiniteF16),
    GGUF_F16_1(Q4_0, d),
    GGUF_F16_2(Q4_1, d, m),
    GGUF_F16_1(Q5_0, d),
    GGUF_F16_2(Q5_1, d, m),
    GGUF_F16_1(Q8_0, d),
    GGUF_F16_2(Q8_1, d, s),
    GGUF_F16_2(Q2_K, d, dmin),
    GGUF_F16_1(Q3_K, d),
    GGUF_F16_2(Q4_K, d, dmin),
    GGUF_F16_2(Q5_K, d, dmin),
    GGUF_F16_1(Q6_K, d),
    GGUF_BLOCK(Q8_K, (FindBad<BlockQ8_K, HasSaneScale>)),
    GGUF_F16_1(IQ2_XXS, d),
    GGUF_F16_1(IQ2_XS, d),
    GGUF_F16_1(IQ3_XXS, d),
    GGUF_F16_1(IQ1_S, d),
    GGUF_F16_1(IQ4_NL, d),
    GGUF_F16_1(IQ3_S, d),
    GGUF_F16_1(IQ2_S, d),
    GGUF_F16_1(IQ4_XS, d),
    GGUF_PLAIN(I8, AllSane),
    GGUF_PLAIN(I16, AllSane),
    GGUF_PLAIN(I32, AllSane),
    GGUF_PLAIN(I64, AllSane),
    GGUF_PLAIN(F64, FindNonFiniteF64),
    GGUF_BLOCK(IQ1_M, (FindBad<BlockIQ1_M, HasSaneScale>)),
    GGUF_PLAIN(BF16, FindNonFiniteBF16),
    GGUF_F16_1(TQ1_0, d),
    GGUF_F16_1(TQ2_0, d),
    GGUF_BLOCK(MXFP4, (FindBad<BlockMXFP4, HasSaneScale>)),
    GGUF_BLOCK(NVFP4, AllSane),
    GGUF_F16_1(Q1_0, d),
    GGUF_F16_1(Q2_0, d),
};

#undef GGUF_PLAIN
#undef GGUF_BLOCK
#undef GGUF_F16_1
#undef GGUF_F16_2

}  // namespace

absl::Span<const Codec> AllCodecs() { return kCodecs; }

const Codec& CodecOf(TensorType type) {
  for (const Codec& codec : kCodecs) {
    if (codec.type == type) return codec;
  }
  return kCodecs[0];
}

bool CanUnpack() { return HasRowCodes(); }

bool HasMinimums(TensorType type) {
  constexpr TensorType kTypes[] = {TensorType::kQ4_1, TensorType::kQ5_1, TensorType::kQ2_K,
                                   TensorType::kQ4_K, TensorType::kQ5_K};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

}  // namespace gguf
