// SPDX-License-Identifier: Apache-2.0
#include "imaging/qcow2.hpp"

#include <cstdlib>
#include <string_view>

#include "imaging/process.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t magic = 0x514649fb;  // "QFI\xfb"
constexpr std::uint64_t incompatible_corrupt = 1U << 1;
constexpr std::uint64_t incompatible_data_file = 1U << 2;
constexpr std::uint64_t max_virtual_size = std::uint64_t{1} << 62;  // fits any off_t sum

std::uint64_t big_endian(std::span<const std::byte> head, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (const auto byte : head.subspan(offset, size))
    value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

// The last "(12.34/100%)" in a piece of `qemu-img -p` output.
double percent_in(std::string_view text) {
  const auto open = text.rfind('(');
  return open == std::string_view::npos
             ? -1
             : std::strtod(std::string{text.substr(open + 1)}.c_str(), nullptr);
}

Errc code_of(const std::string& errors) {
  if (errors.find("No space left") != std::string::npos) return Errc::exhausted;
  if (errors.find("corrupt") != std::string::npos) return Errc::invalid;
  if (errors.find("Input/output error") != std::string::npos) return Errc::unavailable;
  return Errc::invalid;
}

}  // namespace

bool is_qcow2(std::span<const std::byte> head) {
  return head.size() >= 4 && big_endian(head, 0, 4) == magic;
}

Result<std::uint64_t> check_qcow2(std::span<const std::byte> head, const std::string& path) {
  const auto refuse = [&path](const std::string& why) {
    return Error{Errc::invalid, path + ": " + why};
  };
  if (!is_qcow2(head)) return refuse("not a qcow2 image");
  if (head.size() < 72) return refuse("damaged: the qcow2 header is cut off");
  const auto version = big_endian(head, 4, 4);
  if (version != 2 && version != 3)
    return refuse("qcow2 version " + std::to_string(version) + " is not supported");
  if (big_endian(head, 8, 8) != 0)
    return refuse("refused: the qcow2 image names a backing file; a golden image stands alone");
  if (big_endian(head, 32, 4) != 0) return refuse("refused: the qcow2 image is encrypted");
  if (version == 3) {
    if (head.size() < qcow2_header_size) return refuse("damaged: the qcow2 header is cut off");
    const auto features = big_endian(head, 72, 8);
    if ((features & incompatible_data_file) != 0)
      return refuse("refused: the qcow2 image keeps its data in another file");
    if ((features & incompatible_corrupt) != 0) return refuse("the qcow2 image is marked corrupt");
  }
  const auto size = big_endian(head, 24, 8);
  if (size > max_virtual_size) return refuse("damaged: impossible virtual size in the header");
  return size;
}

Result<void> convert_qcow2(const Conversion& conversion) {
  Process process;
  // By descriptor, so that what was checked is what is read. -n with --target-is-zero: the
  // target is there, empty and of the right size, so it cannot grow and zeros stay holes.
  process.argv = {"qemu-img",
                  "convert",
                  "-p",
                  "-n",
                  "--target-is-zero",
                  "-W",
                  "-m",
                  "16",
                  "-t",
                  conversion.is_direct ? "none" : "writeback",
                  "-S",
                  "65536",
                  "-f",
                  "qcow2",
                  "-O",
                  "raw",
                  "/proc/self/fd/3",
                  "/proc/self/fd/4"};
  if (conversion.max_bytes_per_second != 0)
    process.argv.insert(process.argv.begin() + 2,
                        {"-r", std::to_string(conversion.max_bytes_per_second)});
  process.inherited = {conversion.source, conversion.target};
  process.priority = conversion.priority;
  process.stop = conversion.stop;
  process.on_stdout = [&conversion](std::string_view text) {
    const double percent = percent_in(text);
    if (percent >= 0 && conversion.on_percent) conversion.on_percent(percent);
  };
  const auto end = TRY(run(process));
  if (end.exit_status == 0) return ok();
  return Error{code_of(end.errors), conversion.name + ": qemu-img: " + end.errors};
}

}  // namespace holdfast::imaging
