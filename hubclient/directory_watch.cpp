// SPDX-License-Identifier: Apache-2.0
#include "hubclient/directory_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>

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
  const UniqueFd events{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  int watch = -1;
  bool is_pending = false;
  while (!stop.stop_requested()) {
    if (watch < 0) {
      watch = ::inotify_add_watch(events.get(), directory_.c_str(), interesting);
      is_pending = is_pending || watch >= 0;
    }
    std::array<pollfd, 2> fds{{{wake_.get(), POLLIN, 0}, {events.get(), POLLIN, 0}}};
    const int timeout = is_pending ? quiet_ms : (watch < 0 ? look_again_ms : -1);
    const int n = ::poll(fds.data(), fds.size(), timeout);
    if (stop.stop_requested()) return;
    if (n == 0 && is_pending) {
      is_pending = false;
      changed_();
    }
    if (n > 0 && (fds[1].revents & POLLIN) != 0) {
      drain(events.get());
      is_pending = true;
      // Removing and re-adding is how a replaced directory is noticed.
      ::inotify_rm_watch(events.get(), watch);
      drain(events.get());
      watch = ::inotify_add_watch(events.get(), directory_.c_str(), interesting);
    }
  }
}

}  // namespace holdfast
