// Activation functions of feed-forward parts, and the cap of scores and logits.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_H_

#include <cstddef>

namespace gguf {

enum class Activation {
  kSilu,           // gate * sigmoid(gate) * up
  kGeluTanh,       // gelu(gate) * up, by 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  kGeluErf,        // gelu(gate), by the error function; no up
  kClampedSwiglu,  // g = min(gate, 7), u = clamp(up, -7, 7): g * sigmoid(1.702 g) * (u + 1)
};

// gate[i] = the function of gate[i] and up[i]. `up` may be null for kGeluErf. Relative error of the
// sigmoid at most 1e-6.
void Activate(Activation activation, float* gate, const float* up, size_t n);
void ActivateReference(Activation activation, float* gate, const float* up, size_t n);

// values[i] = cap * tanh(values[i] / cap); cap > 0.
void SoftCap(float cap, float* values, size_t n);
void SoftCapReference(float cap, float* values, size_t n);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_ACTIVATION_H_
