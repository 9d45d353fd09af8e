#include "quantize/encode/encoder.h"

#include "quantize/encode/f16.h"
#include "quantize/encode/iq1_m.h"
#include "quantize/encode/iq1_s.h"
#include "quantize/encode/iq2_s.h"
#include "quantize/encode/iq2_xs.h"
#include "quantize/encode/iq2_xxs.h"
#include "quantize/encode/iq3_s.h"
#include "quantize/encode/iq3_xxs.h"
#include "quantize/encode/iq4_nl.h"
#include "quantize/encode/iq4_xs.h"
#include "quantize/encode/mxfp4.h"
#include "quantize/encode/nvfp4.h"
#include "quantize/encode/q1_0.h"
#include "quantize/encode/q2_0.h"
#include "quantize/encode/q2_k.h"
#include "quantize/encode/q3_k.h"
#include "quantize/encode/q4_0.h"
#include "quantize/encode/q4_1.h"
#include "quantize/encode/q4_k.h"
#include "quantize/encode/q5_0.h"
#include "quantize/encode/q5_1.h"
#include "quantize/encode/q5_k.h"
#include "quantize/encode/q6_k.h"
#include "quantize/encode/q8_0.h"
#include "quantize/encode/refine/grid_encoders.h"
#include "quantize/encode/refine/iq1.h"
#include "quantize/encode/refine/iq4_nl.h"
#include "quantize/encode/refine/iq4_xs.h"
#include "quantize/encode/refine/k_affine_refined.h"
#include "quantize/encode/refine/legacy_affine_refined.h"
#include "quantize/encode/refine/mxfp4.h"
#include "quantize/encode/refine/nvfp4.h"
#include "quantize/encode/refine/q2_0.h"
#include "quantize/encode/refine/q3_k.h"
#include "quantize/encode/refine/q4_0.h"
#include "quantize/encode/refine/q5_0.h"
#include "quantize/encode/refine/q6_k.h"
#include "quantize/encode/refine/q8_0.h"
#include "quantize/encode/refine/tq.h"
#include "quantize/encode/tq1_0.h"
#include "quantize/encode/tq2_0.h"

namespace gguf {
namespace {

constexpr absl::string_view kEffortNames[] = {"reference", "standard", "max"};

constexpr Effort kRef = Effort::kReference;
constexpr Effort kStd = Effort::kStandard;
constexpr Effort kMax = Effort::kMax;

// Type, effort, uses weights, requires weights, fast, reference.
constexpr Encoder kEncoders[] = {
    {TensorType::kF32, kRef, false, false, EncodeF32, EncodeF32},
    {TensorType::kF16, kRef, false, false, EncodeF16, EncodeF16Reference},
    {TensorType::kQ4_0, kRef, true, false, EncodeQ4_0, EncodeQ4_0Reference},
    {TensorType::kQ4_0, kStd, true, false, EncodeQ4_0Standard, EncodeQ4_0StandardScalar},
    {TensorType::kQ4_0, kMax, true, false, EncodeQ4_0Max, EncodeQ4_0MaxScalar},
    {TensorType::kQ4_1, kRef, true, false, EncodeQ4_1, EncodeQ4_1Reference},
    {TensorType::kQ4_1, kStd, true, false, EncodeQ4_1Standard, EncodeQ4_1StandardScalar},
    {TensorType::kQ4_1, kMax, true, false, EncodeQ4_1Max, EncodeQ4_1MaxScalar},
    {TensorType::kQ5_0, kRef, true, false, EncodeQ5_0, EncodeQ5_0Reference},
    {TensorType::kQ5_0, kStd, true, false, EncodeQ5_0Standard, EncodeQ5_0StandardScalar},
    {TensorType::kQ5_0, kMax, true, false, EncodeQ5_0Max, EncodeQ5_0MaxScalar},
    {TensorType::kQ5_1, kRef, true, false, EncodeQ5_1, EncodeQ5_1Reference},
    {TensorType::kQ5_1, kStd, true, false, EncodeQ5_1Standard, EncodeQ5_1StandardScalar},
    {TensorType::kQ5_1, kMax, true, false, EncodeQ5_1Max, EncodeQ5_1MaxScalar},
    {TensorType::kQ8_0, kRef, false, false, EncodeQ8_0, EncodeQ8_0Reference},
    {TensorType::kQ8_0, kStd, false, false, EncodeQ8_0Standard, EncodeQ8_0StandardScalar},
    {TensorType::kQ8_0, kMax, false, false, EncodeQ8_0Max, EncodeQ8_0MaxScalar},
    {TensorType::kQ2_K, kRef, true, false, EncodeQ2_K, EncodeQ2_KReference},
    {TensorType::kQ2_K, kStd, true, false, EncodeQ2_KStandard, EncodeQ2_KStandardScalar},
    {TensorType::kQ2_K, kMax, true, false, EncodeQ2_KMax, EncodeQ2_KMaxScalar},
    {TensorType::kQ3_K, kRef, true, false, EncodeQ3_K, EncodeQ3_KReference},
    {TensorType::kQ3_K, kStd, true, false, EncodeQ3_KStandard, EncodeQ3_KStandardScalar},
    {TensorType::kQ3_K, kMax, true, false, EncodeQ3_KMax, EncodeQ3_KMaxScalar},
    {TensorType::kQ4_K, kRef, true, false, EncodeQ4_K, EncodeQ4_KReference},
    {TensorType::kQ4_K, kStd, true, false, EncodeQ4_KStandard, EncodeQ4_KStandardScalar},
    {TensorType::kQ4_K, kMax, true, false, EncodeQ4_KMax, EncodeQ4_KMaxScalar},
    {TensorType::kQ5_K, kRef, true, false, EncodeQ5_K, EncodeQ5_KReference},
    {TensorType::kQ5_K, kStd, true, false, EncodeQ5_KStandard, EncodeQ5_KStandardScalar},
    {TensorType::kQ5_K, kMax, true, false, EncodeQ5_KMax, EncodeQ5_KMaxScalar},
    {TensorType::kQ6_K, kRef, true, false, EncodeQ6_K, EncodeQ6_KReference},
    {TensorType::kQ6_K, kStd, true, false, EncodeQ6_KStandard, EncodeQ6_KStandardScalar},
    {TensorType::kQ6_K, kMax, true, false, EncodeQ6_KMax, EncodeQ6_KMaxScalar},
    {TensorType::kIQ2_XXS, kRef, true, true, EncodeIQ2_XXS, EncodeIQ2_XXSReference},
    {TensorType::kIQ2_XXS, kStd, true, true, EncodeIQ2_XXSStandard, EncodeIQ2_XXSStandardScalar},
    {TensorType::kIQ2_XXS, kMax, true, true, EncodeIQ2_XXSMax, EncodeIQ2_XXSMaxScalar},
    {TensorType::kIQ2_XS, kRef, true, true, EncodeIQ2_XS, EncodeIQ2_XSReference},
    {TensorType::kIQ2_XS, kStd, true, true, EncodeIQ2_XSStandard, EncodeIQ2_XSStandardScalar},
    {TensorType::kIQ2_XS, kMax, true, true, EncodeIQ2_XSMax, EncodeIQ2_XSMaxScalar},
    {TensorType::kIQ3_XXS, kRef, true, false, EncodeIQ3_XXS, EncodeIQ3_XXSReference},
    {TensorType::kIQ3_XXS, kStd, true, false, EncodeIQ3_XXSStandard, EncodeIQ3_XXSStandardScalar},
    {TensorType::kIQ3_XXS, kMax, true, false, EncodeIQ3_XXSMax, EncodeIQ3_XXSMaxScalar},
    {TensorType::kIQ1_S, kRef, true, true, EncodeIQ1_S, EncodeIQ1_SReference},
    {TensorType::kIQ1_S, kStd, true, true, EncodeIQ1_SStandard, EncodeIQ1_SStandardScalar},
    {TensorType::kIQ1_S, kMax, true, true, EncodeIQ1_SMax, EncodeIQ1_SMaxScalar},
    {TensorType::kIQ4_NL, kRef, true, false, EncodeIQ4_NL, EncodeIQ4_NLReference},
    {TensorType::kIQ4_NL, kStd, true, false, EncodeIQ4_NLStandard, EncodeIQ4_NLStandardScalar},
    {TensorType::kIQ4_NL, kMax, true, false, EncodeIQ4_NLMax, EncodeIQ4_NLMaxScalar},
    {TensorType::kIQ3_S, kRef, true, false, EncodeIQ3_S, EncodeIQ3_SReference},
    {TensorType::kIQ3_S, kStd, true, false, EncodeIQ3_SStandard, EncodeIQ3_SStandardScalar},
    {TensorType::kIQ3_S, kMax, true, false, EncodeIQ3_SMax, EncodeIQ3_SMaxScalar},
    {TensorType::kIQ2_S, kRef, true, false, EncodeIQ2_S, EncodeIQ2_SReference},
    {TensorType::kIQ2_S, kStd, true, false, EncodeIQ2_SStandard, EncodeIQ2_SStandardScalar},
    {TensorType::kIQ2_S, kMax, true, false, EncodeIQ2_SMax, EncodeIQ2_SMaxScalar},
    {TensorType::kIQ4_XS, kRef, true, false, EncodeIQ4_XS, EncodeIQ4_XSReference},
    {TensorType::kIQ4_XS, kStd, true, false, EncodeIQ4_XSStandard, EncodeIQ4_XSStandardScalar},
    {TensorType::kIQ4_XS, kMax, true, false, EncodeIQ4_XSMax, EncodeIQ4_XSMaxScalar},
    {TensorType::kIQ1_M, kRef, true, false, EncodeIQ1_M, EncodeIQ1_MReference},
    {TensorType::kIQ1_M, kStd, true, false, EncodeIQ1_MStandard, EncodeIQ1_MStandardScalar},
    {TensorType::kIQ1_M, kMax, true, false, EncodeIQ1_MMax, EncodeIQ1_MMaxScalar},
    {TensorType::kBF16, kRef, false, false, EncodeBF16, EncodeBF16Reference},
    {TensorType::kTQ1_0, kRef, false, false, EncodeTQ1_0, EncodeTQ1_0Reference},
    {TensorType::kTQ1_0, kStd, false, false, EncodeTQ1_0Standard, EncodeTQ1_0StandardScalar},
    {TensorType::kTQ2_0, kRef, false, false, EncodeTQ2_0, EncodeTQ2_0Reference},
    {TensorType::kTQ2_0, kStd, false, false, EncodeTQ2_0Standard, EncodeTQ2_0StandardScalar},
    {TensorType::kMXFP4, kRef, false, false, EncodeMXFP4, EncodeMXFP4Reference},
    {TensorType::kMXFP4, kStd, false, false, EncodeMXFP4Standard, EncodeMXFP4StandardScalar},
    {TensorType::kNVFP4, kRef, false, false, EncodeNVFP4, EncodeNVFP4Reference},
    {TensorType::kNVFP4, kStd, false, false, EncodeNVFP4Standard, EncodeNVFP4StandardScalar},
    {TensorType::kQ1_0, kRef, false, false, EncodeQ1_0, EncodeQ1_0Reference},
    {TensorType::kQ2_0, kRef, false, false, EncodeQ2_0, EncodeQ2_0Reference},
    {TensorType::kQ2_0, kStd, false, false, EncodeQ2_0Standard, EncodeQ2_0StandardScalar},
};

}  // namespace

absl::Span<const Encoder> AllEncoders() { return kEncoders; }

const Encoder* FindEncoder(TensorType type, Effort effort) {
  const Encoder* found = nullptr;
  for (const Encoder& encoder : kEncoders) {
    if (encoder.type == type && encoder.effort <= effort) found = &encoder;
  }
  return found;
}

absl::string_view NameOf(Effort effort) { return kEffortNames[static_cast<size_t>(effort)]; }

absl::optional<Effort> ParseEffort(absl::string_view name) {
  for (const Effort effort : kAllEfforts) {
    if (NameOf(effort) == name) return effort;
  }
  return absl::nullopt;
}

}  // namespace gguf
