// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <thread>

namespace holdfast::libvirt {

// libvirt masks SIGPIPE only while a caller waits; from its event loop a write to a daemon
// that just died would end the whole process. Called first on each thread of this folder.
void block_broken_pipe_signal();

// The thread on which libvirt delivers events, answers keepalives and notices that a
// connection died. libvirt allows one event loop per process, so it is shared by all
// connections and ends with the last of them. Acquire it before opening a connection.
class EventLoop {
 public:
  static std::shared_ptr<EventLoop> acquire();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

 private:
  EventLoop();
  void run(const std::stop_token& stop) const;

  int wake_ = -1;  // a libvirt timer that is off until the loop must look up
  std::jthread thread_{};
};

}  // namespace holdfast::libvirt
