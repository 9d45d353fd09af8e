#include "quantize/encode/q5_k.h"

#include "formats/codec/q5_k.h"
#include "quantize/encode/affine_test_cases.h"

namespace gguf {
namespace {

const EncoderUnderTest kQ5K = {"Q5_K", BlockQ5_K::kValues, sizeof(BlockQ5_K), EncodeQ5_K,
                               EncodeQ5_KReference};

GGUF_AFFINE_ENCODER_TESTS(Q5KTest, kQ5K);

}  // namespace
}  // namespace gguf
