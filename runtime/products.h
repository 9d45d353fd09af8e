// Products of a model's weights with activations, and the hook through which they are observed.

#ifndef GGUF_TOOLCHAIN_RUNTIME_PRODUCTS_H_
#define GGUF_TOOLCHAIN_RUNTIME_PRODUCTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <utility>

#include "absl/strings/string_view.h"
#include "runtime/ops/matmul.h"
#include "runtime/weights.h"

namespace gguf {

// A matrix of weights is about to be multiplied with these activations.
struct ObservedProduct {
  absl::string_view weight;  // name of the tensor
  int32_t expert = -1;       // index in a stack of experts; -1: the tensor is one matrix
  size_t count = 0;          // tokens; of an expert: those routed to it
  size_t columns = 0;
  const float* activations = nullptr;  // [count][columns]
};

// Called from one thread at a time, in an order that does not depend on the number of threads.
using ProductObserver = std::function<void(const ObservedProduct&)>;

// Not thread-safe. Keeps packed activations between calls.
class Products {
 public:
  Products(int threads, ActivationType activations, ProductObserver observer)
      : threads_(threads), type_(activations), observer_(std::move(observer)) {}

  struct Target {
    const Linear* linear;
    float* out;  // [count][linear->rows]
    size_t expert = 0;
  };

  // Multiplies x [count][columns] with every target's matrix and adds its bias.
  void Run(const float* x, size_t count, std::initializer_list<Target> targets);

  int threads() const { return threads_; }

 private:
  const int threads_;
  const ActivationType type_;
  const ProductObserver observer_;
  Activations activations_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_PRODUCTS_H_
