// Blocks of 32 values.

#include "formats/codec/q4_0.h"
#include "formats/codec/q4_1.h"
#include "formats/codec/q5_0.h"
#include "formats/codec/q5_1.h"
#include "formats/codec/q8_0.h"
#include "formats/codec/q8_1.h"
#include "runtime/cuda/product_kernels.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {

const GgufCudaTypeKernels kLegacyTypes[6] = {
    KernelsOf<BlockQ4_0>(2), KernelsOf<BlockQ4_1>(3), KernelsOf<BlockQ5_0>(6),
    KernelsOf<BlockQ5_1>(7), KernelsOf<BlockQ8_0>(8), KernelsOf<BlockQ8_1>(9),
};

}  // namespace device
}  // namespace gguf
