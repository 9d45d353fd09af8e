#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq2_xs_refine.cc"
#define GGUF_REFINED_GRID_TYPE IQ2_XS
#include "quantize/encode/refine/refined_grid_type-inl.h"
