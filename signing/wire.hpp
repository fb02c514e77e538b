// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Private to signing/: RFC 4251's `uint32`, `string` and raw bytes.
namespace holdfast::signing {

// Reads from the front of a text that must outlive it. Nothing when too little is left; then
// nothing was taken.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_{bytes} {}

  std::optional<std::string_view> raw(std::size_t length);
  std::optional<std::uint8_t> byte();
  std::optional<std::uint32_t> number();
  std::optional<std::string_view> text();
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

void append_number(std::string& out, std::uint32_t number);
void append_text(std::string& out, std::string_view text);

}  // namespace holdfast::signing
