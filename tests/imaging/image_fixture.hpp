// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.hpp"
#include "imaging/image.hpp"
#include "tests/catch.hpp"

namespace holdfast::imaging {

// A folder that goes away with the test.
class ScratchFolder {
 public:
  ScratchFolder() {
    // Not the temporary folder, which may be a tmpfs: holes are to be real ones of a disk.
    std::string name = "/var/tmp/holdfast-imaging-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string{name}; }
  const std::string& path() const { return path_; }

 private:
  std::string path_{};
};

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out << bytes;
  REQUIRE(out.flush());
}

inline std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

inline std::uint64_t bytes_on_disk(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

inline std::string random_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937_64 random{seed};
  std::string bytes;
  while (bytes.size() < size) {
    const auto word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  bytes.resize(size);
  return bytes;
}

// 8 MiB and a bit: 1 MiB of data, zeros, a lone byte far in, and an odd tail.
inline std::string disk_content() {
  std::string content = random_bytes(1 << 20);
  content.resize(8 << 20, '\0');
  content[5 << 20] = 'x';
  return content + "tail";
}

inline std::string hash_of(std::string_view bytes) { return to_hex(sha256(bytes)); }

inline std::string compressed(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

// For making inputs only; what is under test never uses a shell.
inline void shell(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

inline Source source_of(const std::string& path, Format format, std::string_view content) {
  return {path, format, content.size(), hash_of(content)};
}

// A filesystem of `size_mib`, where space runs out. Needs root.
class SmallFilesystem {
 public:
  SmallFilesystem(std::string path, int size_mib) : path_{std::move(path)} {
    std::filesystem::create_directory(path_);
    const auto options = "size=" + std::to_string(size_mib) + "m";
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallFilesystem() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallFilesystem(const SmallFilesystem&) = delete;
  SmallFilesystem& operator=(const SmallFilesystem&) = delete;
  // Prints the reason when there is none.
  bool is_mounted() const {
    if (!mounted_) WARN("skipped: cannot mount a small tmpfs (needs root)");
    return mounted_;
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

// Asserts an error of `code` whose message has every one of `words`.
template <class T>
void check_error(const Result<T>& result, Errc code, std::initializer_list<std::string> words) {
  REQUIRE_FALSE(result);
  INFO(result.error().message());
  CHECK(to_string(result.error().code()) == to_string(code));
  for (const auto& word : words) {
    INFO("expected to find: " << word);
    CHECK(result.error().message().find(word) != std::string::npos);
  }
}

}  // namespace holdfast::imaging
