#include "quantize/encode/q4_1.h"

#include "formats/codec/q4_1.h"
#include "quantize/encode/affine_test_cases.h"

namespace gguf {
namespace {

const EncoderUnderTest kQ41 = {"Q4_1", BlockQ4_1::kValues, sizeof(BlockQ4_1), EncodeQ4_1,
                               EncodeQ4_1Reference};

GGUF_AFFINE_ENCODER_TESTS(Q41Test, kQ41);

}  // namespace
}  // namespace gguf
