// SPDX-License-Identifier: Apache-2.0
#include "hubclient/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/posix_error.hpp"
#include "base/unique_fd.hpp"

namespace holdfast {
namespace {

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, "write " + path);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return ok();
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string fresh = directory + "/." + name + ".new";
  ::unlink(fresh.c_str());  // one that a crash left may have another mode
  UniqueFd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!fd) return posix_error(errno, "create " + fresh);
  auto written = write_all(fd.get(), content, fresh);
  if (written && ::fsync(fd.get()) != 0) written = posix_error(errno, "sync " + fresh);
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0)
    written = posix_error(errno, "rename " + fresh);
  if (!written) {
    ::unlink(fresh.c_str());
    return written;
  }
  const UniqueFd folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder || ::fsync(folder.get()) != 0) return posix_error(errno, "sync " + directory);
  return ok();
}

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t most) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd && errno == ENOENT) return std::optional<std::string>{};
  if (!fd) return posix_error(errno, "read " + path);
  std::string content;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, "read " + path);
    if (n == 0) return std::optional{std::move(content)};
    content.append(buffer.data(), static_cast<std::size_t>(n));
    if (content.size() > most)
      return Error{Errc::invalid, path + ": larger than " + std::to_string(most) + " bytes"};
  }
}

}  // namespace holdfast
