#include "gguf/io/npy_header.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gguf {

std::string NpyHeader(absl::Span<const uint64_t> dims) {
  // A tuple of one needs its comma.
  std::string dict = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(dims, ", "), dims.size() == 1 ? ",), }" : "), }");
  const size_t prefix = 10;
  dict.append(63 - (prefix + dict.size()) % 64, ' ');
  dict.push_back('\n');
  std::string header("\x93NUMPY\x01\x00", 8);
  header.push_back(static_cast<char>(dict.size() & 0xFF));
  header.push_back(static_cast<char>(dict.size() >> 8));
  return header + dict;
}

}  // namespace gguf
