// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/event_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <csignal>
#include <mutex>
#include <utility>

#include <libvirt/libvirt.h>

#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/event_poll.hpp"

namespace holdfast::libvirt {
namespace {

// libvirt keeps what it was given for as long as the process lives, so this does, too.
EventPoll& event_poll() {
  static auto* const poll = new EventPoll;
  return *poll;
}

struct Noted {
  bool is_wanted = false;
  UniqueFd socket{};
};
Noted& noted() {
  thread_local Noted here;
  return here;
}

bool is_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

int add_handle(int fd, int events, virEventHandleCallback ready, void* opaque,
               virFreeCallback release) {
  if (noted().is_wanted && !noted().socket && is_socket(fd))
    noted().socket = UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
  return event_poll().add_handle(fd, events, ready, opaque, release);
}

bool register_once() {
  silence_default_error_printing();
  if (virInitialize() != 0) return false;
  // Registering twice is an error that libvirt reports and ignores; the first one stays.
  virEventRegisterImpl(
      add_handle, [](int watch, int events) { event_poll().update_handle(watch, events); },
      [](int watch) { return event_poll().remove_handle(watch); },
      [](int period, virEventTimeoutCallback due, void* opaque, virFreeCallback release) {
        return event_poll().add_timeout(period, due, opaque, release);
      },
      [](int timer, int period) { event_poll().update_timeout(timer, period); },
      [](int timer) { return event_poll().remove_timeout(timer); });
  return true;
}

void run(const std::stop_token& stop) {
  block_broken_pipe_signal();
  while (!stop.stop_requested()) event_poll().run_once();
}

}  // namespace

void block_broken_pipe_signal() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::shared_ptr<EventLoop> EventLoop::acquire() {
  static std::mutex mutex;
  static std::weak_ptr<EventLoop> current;
  const std::lock_guard lock{mutex};
  if (auto loop = current.lock()) return loop;
  std::shared_ptr<EventLoop> loop{new EventLoop};
  current = loop;
  return loop;
}

EventLoop::EventLoop() {
  [[maybe_unused]] static const bool registered = register_once();
  thread_ = std::jthread{run};
}

EventLoop::~EventLoop() {
  thread_.request_stop();
  event_poll().wake();
  // The last owner may be a callback's, on the loop's own thread, which cannot join itself.
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
    return;
  }
  thread_.join();
  event_poll().release_removed();  // what connections that were just closed left with the loop
}

OpenedSocket::OpenedSocket() { noted().is_wanted = true; }
OpenedSocket::~OpenedSocket() { noted() = Noted{}; }
UniqueFd OpenedSocket::take() { return std::exchange(noted().socket, UniqueFd{}); }

}  // namespace holdfast::libvirt
