// SPDX-License-Identifier: Apache-2.0
#include "http/unix_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace holdfast::http {
namespace {

Error socket_error(int error, const std::string& doing) {
  const auto code = error == ENOENT || error == ENOTDIR  ? Errc::not_found
                    : error == EACCES || error == EPERM  ? Errc::denied
                    : error == EMFILE || error == ENOMEM ? Errc::exhausted
                                                         : Errc::unavailable;
  return {code, doing + ": " + std::system_category().message(error)};
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{Errc::invalid, "a socket's path has 1 to 107 bytes: " + path};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<UniqueFd> open_socket() {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return socket_error(errno, "create a socket");
  return fd;
}

// Held while deciding who owns the name, so that two servers cannot both take over the same
// leftover. On the folder: no lock file stays behind.
Result<UniqueFd> lock_folder(const std::string& path) {
  auto folder = std::filesystem::path{path}.parent_path().string();
  if (folder.empty()) folder = ".";
  UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return socket_error(errno, "open folder " + folder);
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return socket_error(errno, "lock folder " + folder);
  return fd;
}

// Removes a socket on which nobody listens.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return errno == ENOENT ? ok() : Result<void>{socket_error(errno, "look at " + path)};
  if (!S_ISSOCK(info.st_mode)) return Error{Errc::invalid, path + " exists and is not a socket"};
  const auto probe = TRY(open_socket());
  const bool answered = ::connect(probe.get(), generic(address), sizeof address) == 0;
  if (answered || errno == EAGAIN)  // EAGAIN: somebody listens, and is busy
    return Error{Errc::conflict, "another holdfastd is running: it answers on " + path};
  if (errno != ECONNREFUSED) return socket_error(errno, "probe " + path);
  if (::unlink(path.c_str()) != 0) return socket_error(errno, "remove the stale socket " + path);
  return ok();
}

}  // namespace

Result<UnixListener> UnixListener::bind(const std::string& path, mode_t mode,
                                        std::optional<gid_t> group) {
  const auto address = TRY(address_of(path));
  const auto lock = TRY(lock_folder(path));
  TRY(remove_stale(path, address));

  auto fd = TRY(open_socket());
  // The file takes the descriptor's mode less the umask: closed until it is as asked for.
  if (::fchmod(fd.get(), 0600) != 0) return socket_error(errno, "restrict a socket");
  if (::bind(fd.get(), generic(address), sizeof address) != 0)
    return socket_error(errno, "bind " + path);
  UnixListener listener{path, std::move(fd)};
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return socket_error(errno, "look at " + path);
  listener.device_ = info.st_dev;
  listener.inode_ = info.st_ino;
  if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return socket_error(errno, "give " + path + " to its group");
  if (::chmod(path.c_str(), mode) != 0) return socket_error(errno, "set the mode of " + path);
  if (::listen(listener.fd(), SOMAXCONN) != 0) return socket_error(errno, "listen on " + path);
  return listener;
}

UnixListener::~UnixListener() {
  if (!fd_) return;
  struct stat info {};
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace holdfast::http
