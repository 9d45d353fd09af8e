#include "tools/gguf_commands/table.h"

#include <algorithm>

namespace gguf {
namespace {

constexpr size_t kMaxWidth = 64;

// Characters, which for most scripts are columns of a terminal.
size_t WidthOf(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}

}  // namespace

std::string Table::ToString() const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      widths[i] = std::min(kMaxWidth, std::max(widths[i], WidthOf(row[i])));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t width = WidthOf(row[i]);
      const std::string space(width < widths[i] ? widths[i] - width : 0, ' ');
      line += "  " + (columns_[i] == Align::kLeft ? row[i] + space : space + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace gguf
