#include "formats/codec/codec.h"

#include <cmath>
#include <cstddef>
#include <cstring>

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
bool HasSaneScale(const BlockBF16& block) { return (block.value & 0x7F80) != 0x7F80; }
bool HasSaneScale(const BlockF32& block) { return std::isfinite(block.value); }
bool HasSaneScale(const BlockF64& block) { return std::isfinite(block.value); }

size_t AllSane(const uint8_t*, size_t num_blocks) { return num_blocks; }

#define GGUF_F16_AT(type, field) FindBadF16<Block##type, offsetof(Block##type, field)>
#define GGUF_F16_AT_BOTH(type, field1, field2) \
  FindBadF16<Block##type, offsetof(Block##type, field1), offsetof(Block##type, field2)>
#define GGUF_CODEC(type, find_bad_block)                                             \
  {                                                                                  \
    TensorType::k##type, DecodeReference<Block##type>, DecodeReference<Block##type>, \
        find_bad_block                                                               \
  }

const Codec kCodecs[] = {
    GGUF_CODEC(F32, (FindBad<BlockF32, HasSaneScale>)),
    GGUF_CODEC(F16, (GGUF_F16_AT(F16, value))),
    GGUF_CODEC(Q4_0, (GGUF_F16_AT(Q4_0, d))),
    GGUF_CODEC(Q4_1, (GGUF_F16_AT_BOTH(Q4_1, d, m))),
    GGUF_CODEC(Q5_0, (GGUF_F16_AT(Q5_0, d))),
    GGUF_CODEC(Q5_1, (GGUF_F16_AT_BOTH(Q5_1, d, m))),
    GGUF_CODEC(Q8_0, (GGUF_F16_AT(Q8_0, d))),
    GGUF_CODEC(Q8_1, (GGUF_F16_AT_BOTH(Q8_1, d, s))),
    GGUF_CODEC(Q2_K, (GGUF_F16_AT_BOTH(Q2_K, d, dmin))),
    GGUF_CODEC(Q3_K, (GGUF_F16_AT(Q3_K, d))),
    GGUF_CODEC(Q4_K, (GGUF_F16_AT_BOTH(Q4_K, d, dmin))),
    GGUF_CODEC(Q5_K, (GGUF_F16_AT_BOTH(Q5_K, d, dmin))),
    GGUF_CODEC(Q6_K, (GGUF_F16_AT(Q6_K, d))),
    GGUF_CODEC(Q8_K, (FindBad<BlockQ8_K, HasSaneScale>)),
    GGUF_CODEC(IQ2_XXS, (GGUF_F16_AT(IQ2_XXS, d))),
    GGUF_CODEC(IQ2_XS, (GGUF_F16_AT(IQ2_XS, d))),
    GGUF_CODEC(IQ3_XXS, (GGUF_F16_AT(IQ3_XXS, d))),
    GGUF_CODEC(IQ1_S, (GGUF_F16_AT(IQ1_S, d))),
    GGUF_CODEC(IQ4_NL, (GGUF_F16_AT(IQ4_NL, d))),
    GGUF_CODEC(IQ3_S, (GGUF_F16_AT(IQ3_S, d))),
    GGUF_CODEC(IQ2_S, (GGUF_F16_AT(IQ2_S, d))),
    GGUF_CODEC(IQ4_XS, (GGUF_F16_AT(IQ4_XS, d))),
    GGUF_CODEC(I8, AllSane),
    GGUF_CODEC(I16, AllSane),
    GGUF_CODEC(I32, AllSane),
    GGUF_CODEC(I64, AllSane),
    GGUF_CODEC(F64, (FindBad<BlockF64, HasSaneScale>)),
    GGUF_CODEC(IQ1_M, (FindBad<BlockIQ1_M, HasSaneScale>)),
    GGUF_CODEC(BF16, (FindBad<BlockBF16, HasSaneScale>)),
    GGUF_CODEC(TQ1_0, (GGUF_F16_AT(TQ1_0, d))),
    GGUF_CODEC(TQ2_0, (GGUF_F16_AT(TQ2_0, d))),
    GGUF_CODEC(MXFP4, (FindBad<BlockMXFP4, HasSaneScale>)),
    GGUF_CODEC(NVFP4, AllSane),
    GGUF_CODEC(Q1_0, (GGUF_F16_AT(Q1_0, d))),
    GGUF_CODEC(Q2_0, (GGUF_F16_AT(Q2_0, d))),
};

#undef GGUF_CODEC
#undef GGUF_F16_AT
#undef GGUF_F16_AT_BOTH

}  // namespace

absl::Span<const Codec> AllCodecs() { return kCodecs; }

const Codec& CodecOf(TensorType type) {
  for (const Codec& codec : kCodecs) {
    if (codec.type == type) return codec;
  }
  return kCodecs[0];
}

}  // namespace gguf
