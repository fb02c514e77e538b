// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast {

// A number of bytes: memory, disk sizes, bytes per second.
struct Bytes {
  std::uint64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};

constexpr Bytes kibibytes(std::uint64_t count) { return Bytes{count << 10U}; }
constexpr Bytes mebibytes(std::uint64_t count) { return Bytes{count << 20U}; }
constexpr Bytes gibibytes(std::uint64_t count) { return Bytes{count << 30U}; }
constexpr Bytes tebibytes(std::uint64_t count) { return Bytes{count << 40U}; }

// A Kubernetes quantity that comes to a whole number of bytes: 128974848, 1e3, 500M, 2Gi,
// 1.5Gi. Binary suffixes Ki..Ei, decimal k..E. A fraction of a byte, a sign, blanks, and
// more than 2^64-1 bytes are Errc::invalid.
Result<Bytes> parse_bytes(std::string_view text);
// Canonical: the largest binary suffix that divides exactly, else plain bytes.
// parse_bytes(to_string(b)) == b.
std::string to_string(Bytes bytes);

// Whole virtual CPUs, "2". A thousandth such as Kubernetes' "500m" is Errc::invalid:
// a guest has no half CPU; shares are said in limits.cpuShares.
Result<std::uint32_t> parse_cpus(std::string_view text);

// "250ms", "10s", "5m", "24h", "1h30m": units in falling order, each at most once,
// whole numbers, at most 10 years. Errc::invalid otherwise.
Result<Duration> parse_duration(std::string_view text);
// Canonical: "1m30s" for 90 seconds, "0s" for none. Not for
// negative durations. parse_duration(to_string(d)) == d.
std::string to_string(Duration duration);

}  // namespace holdfast
