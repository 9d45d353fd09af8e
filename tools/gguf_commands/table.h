// Columns of text, as wide as their widest cell.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_TABLE_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_TABLE_H_

#include <string>
#include <utility>
#include <vector>

namespace gguf {

enum class Align { kLeft, kRight };

class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  // One cell per column, UTF-8 without control characters.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // Rows indented by two spaces, columns two spaces apart, no space at the end of a line. A column
  // grows to at most 64 characters; longer cells push the rest of their row to the right.
  std::string ToString() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_TABLE_H_
