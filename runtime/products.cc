#include "runtime/products.h"

#include "absl/container/inlined_vector.h"

namespace gguf {

void Products::Run(const float* x, size_t count, std::initializer_list<Target> targets) {
  const size_t columns = targets.begin()->linear->columns;
  activations_.Assign(x, count, columns);
  absl::InlinedVector<MatrixProduct, 4> products;
  for (const Target& target : targets) {
    const Linear& linear = *target.linear;
    products.push_back(
        {linear.matrix(target.expert), linear.bias_of(target.expert), target.out, linear.rows});
    if (observer_ == nullptr) continue;
    const bool is_stack = linear.num_experts > 1;
    observer_({linear.tensor->name, is_stack ? static_cast<int32_t>(target.expert) : -1, count,
               columns, x});
  }
  Multiply(&activations_, products, threads_, type_);
}

}  // namespace gguf
