#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq3_s_refine.cc"
#define GGUF_REFINED_GRID_TYPE IQ3_S
#include "quantize/encode/refine/refined_grid_type-inl.h"
