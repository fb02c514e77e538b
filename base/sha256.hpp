// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace holdfast {

using Sha256 = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of what was added so far; for data that does not fit in memory.
// Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  void add(std::span<const std::byte> bytes);
  // Ends the hash; the hasher may not be used afterwards.
  Sha256 finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256 sha256(std::string_view bytes);
std::string to_hex(const Sha256& hash);
// "sha256:" and 64 hex digits: the form used in resources, markers and tickets.
std::string digest_of(std::string_view bytes);

}  // namespace holdfast
