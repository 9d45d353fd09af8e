// Plain floats and integers.

#include "formats/codec/plain.h"
#include "runtime/cuda/product_kernels.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {

const GgufCudaTypeKernels kPlainTypes[8] = {
    KernelsOf<BlockF32>(0),  KernelsOf<BlockF16>(1),   KernelsOf<BlockI8>(24),
    KernelsOf<BlockI16>(25), KernelsOf<BlockI32>(26),  KernelsOf<BlockI64>(27),
    KernelsOf<BlockF64>(28), KernelsOf<BlockBF16>(30),
};

}  // namespace device
}  // namespace gguf
