// Ternary and smaller types, and the 4-bit floats.

#include "formats/codec/mxfp4.h"
#include "formats/codec/nvfp4.h"
#include "formats/codec/q1_0.h"
#include "formats/codec/q2_0.h"
#include "formats/codec/tq1_0.h"
#include "formats/codec/tq2_0.h"
#include "runtime/cuda/product_kernels.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {

const GgufCudaTypeKernels kFewBitTypes[6] = {
    KernelsOf<BlockTQ1_0>(34), KernelsOf<BlockTQ2_0>(35), KernelsOf<BlockMXFP4>(39),
    KernelsOf<BlockNVFP4>(40), KernelsOf<BlockQ1_0>(41),  KernelsOf<BlockQ2_0>(42),
};

}  // namespace device
}  // namespace gguf
