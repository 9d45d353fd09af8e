#include "quantize/encode/q5_1.h"

#include "formats/codec/q5_1.h"
#include "quantize/encode/affine_test_cases.h"

namespace gguf {
namespace {

const EncoderUnderTest kQ51 = {"Q5_1", BlockQ5_1::kValues, sizeof(BlockQ5_1), EncodeQ5_1,
                               EncodeQ5_1Reference};

GGUF_AFFINE_ENCODER_TESTS(Q51Test, kQ51);

}  // namespace
}  // namespace gguf
