#include "quantize/encode/q4_k.h"

#include "formats/codec/q4_k.h"
#include "quantize/encode/affine_test_cases.h"

namespace gguf {
namespace {

const EncoderUnderTest kQ4K = {"Q4_K", BlockQ4_K::kValues, sizeof(BlockQ4_K), EncodeQ4_K,
                               EncodeQ4_KReference};

GGUF_AFFINE_ENCODER_TESTS(Q4KTest, kQ4K);

}  // namespace
}  // namespace gguf
