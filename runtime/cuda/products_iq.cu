// The IQ types, of a library of their own.

#include "formats/codec/iq1_m.h"
#include "formats/codec/iq1_s.h"
#include "formats/codec/iq2_s.h"
#include "formats/codec/iq2_xs.h"
#include "formats/codec/iq2_xxs.h"
#include "formats/codec/iq3_s.h"
#include "formats/codec/iq3_xxs.h"
#include "formats/codec/iq4_nl.h"
#include "formats/codec/iq4_xs.h"
#include "runtime/cuda/product_kernels.h"
#include "runtime/cuda/types.h"

namespace gguf {
namespace device {

const GgufCudaTypeKernels kIqTypes[9] = {
    KernelsOf<BlockIQ2_XXS>(16), KernelsOf<BlockIQ2_XS>(17), KernelsOf<BlockIQ3_XXS>(18),
    KernelsOf<BlockIQ1_S>(19),   KernelsOf<BlockIQ4_NL>(20), KernelsOf<BlockIQ3_S>(21),
    KernelsOf<BlockIQ2_S>(22),   KernelsOf<BlockIQ4_XS>(23), KernelsOf<BlockIQ1_M>(29),
};

}  // namespace device
}  // namespace gguf
