// SPDX-License-Identifier: Apache-2.0
#include "hubclient/directory_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace holdfast {
namespace {

constexpr std::uint32_t interesting = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
// One save by an editor is several events: one call a burst is enough.
constexpr int quiet_ms = 250;
// How often a directory that could not be watched is tried again.
constexpr int look_again_ms = 5'000;

void drain(int fd) {
  std::array<char, 4096> buffer{};
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

// A directory that may come, go and be replaced by another of its name.
class Watched {
 public:
  explicit Watched(const std::string& directory) : directory_{directory} {}
  int events() const { return events_.get(); }
  bool is_there() const { return watch_ >= 0; }
  // Forgets what was told; false: it is not there. Removing and re-adding the watch is how a
  // replaced directory is noticed.
  bool look_again() {
    if (is_there()) ::inotify_rm_watch(events_.get(), watch_);
    drain(events_.get());
    watch_ = ::inotify_add_watch(events_.get(), directory_.c_str(), interesting);
    return is_there();
  }

 private:
  const std::string& directory_;
  const UniqueFd events_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  int watch_ = -1;
};

int patience_ms(bool is_pending, bool is_there) {
  if (is_pending) return quiet_ms;
  return is_there ? -1 : look_again_ms;
}

}  // namespace

DirectoryWatch::DirectoryWatch(std::string directory, std::function<void()> changed)
    : directory_{std::move(directory)},
      changed_{std::move(changed)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      thread_{[this](const std::stop_token& stop) { run(stop); }} {}

void DirectoryWatch::run(const std::stop_token& stop) const {
  const std::stop_callback wake{stop, [this] {
                                  const std::uint64_t one = 1;
                                  // An eventfd at its maximum is readable already.
                                  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
                                }};
  Watched folder{directory_};
  bool is_pending = false;
  while (!stop.stop_requested()) {
    if (!folder.is_there()) is_pending = folder.look_again() || is_pending;
    std::array<pollfd, 2> fds{{{wake_.get(), POLLIN, 0}, {folder.events(), POLLIN, 0}}};
    const int n = ::poll(fds.data(), fds.size(), patience_ms(is_pending, folder.is_there()));
    if (stop.stop_requested()) return;
    const bool is_quiet = n == 0;
    if (is_quiet && std::exchange(is_pending, false)) changed_();
    if (n > 0 && (fds[1].revents & POLLIN) != 0) {
      is_pending = true;
      folder.look_again();
    }
  }
}

}  // namespace holdfast
