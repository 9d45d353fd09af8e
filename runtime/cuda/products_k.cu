// Blocks of 256 values with scales in blocks.

#include "formats/codec/q2_k.h"
#include "formats/codec/q3_k.h"
#include "formats/codec/q4_k.h"
#include "formats/codec/q5_k.h"
#include "formats/codec/q6_k.h"
#include "formats/codec/q8_k.h"
#include "runtime/cuda/product_kernels.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {

const GgufCudaTypeKernels kKTypes[6] = {
    KernelsOf<BlockQ2_K>(10), KernelsOf<BlockQ3_K>(11), KernelsOf<BlockQ4_K>(12),
    KernelsOf<BlockQ5_K>(13), KernelsOf<BlockQ6_K>(14), KernelsOf<BlockQ8_K>(15),
};

}  // namespace device
}  // namespace gguf
