// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "schema/quantity.hpp"

// Caps on what is accepted from a hub or a file. Generous for one host, small enough that
// no input can exhaust the daemon.
namespace holdfast::limits {

inline constexpr std::size_t document_bytes = std::size_t{8} << 20U;
// yaml-cpp holds a whole flow collection as tokens, about 250 bytes for each bracket, before
// anything of ours can stop it.
inline constexpr std::size_t yaml_bytes = std::size_t{2} << 20U;
inline constexpr std::size_t depth = 32;
inline constexpr std::size_t resources = 10'000;
// Values and keys in one text; lists and mappings count twice.
inline constexpr std::size_t nodes = 1'000'000;
inline constexpr std::size_t string_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t user_data_bytes = std::size_t{512} << 10U;
inline constexpr std::size_t cmdline_bytes = 2048;  // COMMAND_LINE_SIZE on x86 and arm64
inline constexpr std::size_t problems_per_resource = 10;

// Between a host and its hub.
inline constexpr Duration longest_age = std::chrono::hours{24 * 3660};
inline constexpr std::size_t heartbeat_answer_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t job_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t job_signatures = 8;
inline constexpr std::size_t job_signature_bytes = std::size_t{8} << 10U;
inline constexpr std::size_t jobs_per_sync = 16;
inline constexpr std::size_t job_results_per_sync = 64;

inline constexpr std::size_t volumes = 32;
inline constexpr std::size_t interfaces = 16;
inline constexpr std::size_t ports = 64;
inline constexpr std::size_t image_disks = 33;        // root and one per volume
inline constexpr std::size_t image_frames = 200'000;  // hashes and runs of zeros between them

inline constexpr std::uint32_t cpus_min = 1;
inline constexpr std::uint32_t cpus_max = 512;
inline constexpr Bytes memory_min = mebibytes(16);
inline constexpr Bytes memory_max = tebibytes(16);
inline constexpr Bytes disk_min = mebibytes(1);
inline constexpr Bytes disk_max = tebibytes(1024);
inline constexpr Bytes bps_min = kibibytes(1);
inline constexpr Bytes bps_max = tebibytes(1);
inline constexpr std::uint32_t cpu_shares_min = 2;  // the range of cgroup v1 cpu.shares
inline constexpr std::uint32_t cpu_shares_max = 262'144;

}  // namespace holdfast::limits
