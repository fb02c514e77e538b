// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <thread>

#include "base/unique_fd.hpp"

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

  std::jthread thread_{};
};

// The socket of a connection that is opened while this lives, on this thread: libvirt gives
// it to no one but its event loop. At most one of these a thread.
class OpenedSocket {
 public:
  OpenedSocket();
  ~OpenedSocket();
  OpenedSocket(const OpenedSocket&) = delete;
  OpenedSocket& operator=(const OpenedSocket&) = delete;

  // A descriptor of our own for it, which stays ours when libvirt closes its own; empty for
  // a driver within this process.
  UniqueFd take();
};

}  // namespace holdfast::libvirt
