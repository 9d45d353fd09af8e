#include "runtime/ops/activation.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/ops/activation.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 16>;

// x / (1 + exp(-x * slope)); the bound keeps exp finite where the result is zero anyway.
template <class V>
HWY_INLINE V TimesSigmoid(V x, V slope) {
  const DF d;
  const auto power = hn::Exp(d, hn::Min(hn::Neg(hn::Mul(x, slope)), hn::Set(d, 88.0f)));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0f), power));
}

template <class V>
HWY_INLINE V SiluOf(V gate, V up) {
  return hn::Mul(TimesSigmoid(gate, hn::Set(DF(), 1.0f)), up);
}

// 0.5 (1 + tanh(u)) = sigmoid(2u)
template <class V>
HWY_INLINE V GeluTanhOf(V gate, V up) {
  const DF d;
  const auto square = hn::Mul(gate, gate);
  const auto slope = hn::Mul(hn::Set(d, 1.5957691216057308f),
                             hn::MulAdd(square, hn::Set(d, 0.044715f), hn::Set(d, 1.0f)));
  return hn::Mul(TimesSigmoid(gate, slope), up);
}

template <class V>
HWY_INLINE V ClampedSwigluOf(V gate, V up) {
  const DF d;
  const auto g = hn::Min(gate, hn::Set(d, 7.0f));
  const auto u = hn::Min(hn::Max(up, hn::Set(d, -7.0f)), hn::Set(d, 7.0f));
  return hn::Mul(TimesSigmoid(g, hn::Set(d, 1.702f)), hn::Add(u, hn::Set(d, 1.0f)));
}

// gate[i] = f(gate[i], up[i]); the last vector through a buffer.
template <class Function>
HWY_INLINE void ForVectors(float* gate, const float* up, size_t n, const Function& f) {
  const DF d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(f(hn::LoadU(d, gate + i), hn::LoadU(d, up + i)), d, gate + i);
  }
  if (i == n) return;
  HWY_ALIGN float rest[2][16] = {};
  std::copy(gate + i, gate + n, rest[0]);
  std::copy(up + i, up + n, rest[1]);
  hn::Store(f(hn::Load(d, rest[0]), hn::Load(d, rest[1])), d, rest[0]);
  std::copy(rest[0], rest[0] + (n - i), gate + i);
}

void Gated(Activation activation, float* gate, const float* up, size_t n) {
  using V = hn::Vec<DF>;
  switch (activation) {
    case Activation::kSilu:
      return ForVectors(gate, up, n, [](V g, V u) HWY_ATTR { return SiluOf(g, u); });
    case Activation::kGeluTanh:
      return ForVectors(gate, up, n, [](V g, V u) HWY_ATTR { return GeluTanhOf(g, u); });
    case Activation::kClampedSwiglu:
      return ForVectors(gate, up, n, [](V g, V u) HWY_ATTR { return ClampedSwigluOf(g, u); });
    case Activation::kGeluErf:
      return ActivateReference(activation, gate, up, n);
  }
}

void Cap(float cap, float* values, size_t n) {
  const DF d;
  const auto inverse = hn::Set(d, 1.0f / cap);
  ForVectors(values, values, n, [&](hn::Vec<DF> x, hn::Vec<DF>) HWY_ATTR {
    return hn::Mul(hn::Set(d, cap), hn::Tanh(d, hn::Mul(x, inverse)));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {

HWY_EXPORT(Gated);
HWY_EXPORT(Cap);

void Activate(Activation activation, float* gate, const float* up, size_t n) {
  HWY_DYNAMIC_DISPATCH(Gated)(activation, gate, up, n);
}

void ActivateReference(Activation activation, float* gate, const float* up, size_t n) {
  const auto sigmoid = [](float x) { return 1.0f / (1.0f + std::exp(-x)); };
  for (size_t i = 0; i < n; ++i) {
    const float x = gate[i];
    if (activation == Activation::kSilu) {
      gate[i] = x * sigmoid(x) * up[i];
    } else if (activation == Activation::kGeluTanh) {
      gate[i] = x * sigmoid(1.5957691216057308f * (x + 0.044715f * x * x * x)) * up[i];
    } else if (activation == Activation::kGeluErf) {
      gate[i] = 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752f));
    } else {
      const float g = std::min(x, 7.0f);
      gate[i] = g * sigmoid(1.702f * g) * (std::clamp(up[i], -7.0f, 7.0f) + 1.0f);
    }
  }
}

void SoftCap(float cap, float* values, size_t n) { HWY_DYNAMIC_DISPATCH(Cap)(cap, values, n); }

void SoftCapReference(float cap, float* values, size_t n) {
  for (size_t i = 0; i < n; ++i) values[i] = cap * std::tanh(values[i] / cap);
}

}  // namespace gguf
#endif  // HWY_ONCE
