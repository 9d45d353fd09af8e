#include "quantize/encode/q2_k.h"

#include "formats/codec/q2_k.h"
#include "quantize/encode/affine_test_cases.h"

namespace gguf {
namespace {

const EncoderUnderTest kQ2K = {"Q2_K", BlockQ2_K::kValues, sizeof(BlockQ2_K), EncodeQ2_K,
                               EncodeQ2_KReference};

GGUF_AFFINE_ENCODER_TESTS(Q2KTest, kQ2K);

}  // namespace
}  // namespace gguf
