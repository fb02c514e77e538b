// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/terminal.hpp"

namespace holdfast::cli {

struct Cell {
  Cell(std::string value, Color paint = Color::none)  // NOLINT(google-explicit-constructor)
      : text{std::move(value)}, color{paint} {}
  Cell(const char* value) : text{value} {}  // NOLINT(google-explicit-constructor)
  std::string text{};
  Color color = Color::none;
};

// Columns as wide as their widest cell on a terminal, three blanks apart, as kubectl prints
// them. An empty cell is shown as "-", so that every row has every column for awk.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_{std::move(headers)} {}
  // As many cells as there are headers.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  // Lines, the last one ended too. Control characters in cells are made harmless.
  std::string render(const Style& style) const;

 private:
  std::vector<std::string> headers_{};
  std::vector<std::vector<Cell>> rows_{};
};

}  // namespace holdfast::cli
