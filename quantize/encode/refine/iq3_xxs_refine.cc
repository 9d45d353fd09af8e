#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq3_xxs_refine.cc"
#define GGUF_REFINED_GRID_TYPE IQ3_XXS
#include "quantize/encode/refine/refined_grid_type-inl.h"
