// Any bytes as a statement: refused, or written again it says the same.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tools/provenance/statement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto statement =
      gguf::ParseStatement("f", absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!statement.ok()) return 0;
  const std::string once = gguf::EncodeStatement(*statement);
  const auto again = gguf::ParseStatement("f", once);
  if (!again.ok()) std::abort();
  if (again->subjects.size() != statement->subjects.size()) std::abort();
  if (again->dependencies.size() != statement->dependencies.size()) std::abort();
  if (again->tensors.size() != statement->tensors.size()) std::abort();
  gguf::StatementPath(once.substr(0, 100));
  return 0;
}
