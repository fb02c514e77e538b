// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "drivers/libvirt/calls.hpp"
#include "drivers/libvirt/event_loop.hpp"
#include "drivers/libvirt/handles.hpp"
#include "drivers/libvirt/platform.hpp"
#include "host/observed.hpp"

namespace holdfast::libvirt {

// One connection that was opened: asked what it can run and, where wished, subscribed to its
// events. Closed when the last call that uses it is done.
struct Connection {
  UniqueFd socket{};  // a second descriptor of it; empty: its driver is in this process
  ConnectHandle handle{};
  Platform platform{};
  std::vector<int> subscriptions{};
  bool has_close_callback = false;
  mutable std::atomic<unsigned> given_up{0};  // calls that miss their deadline and wait still

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();
};
using ConnectionPtr = std::shared_ptr<const Connection>;

// Keeps a connection to `uri`: opens it on a thread of its own, again and again, and
// hands out the one that lives. Thread-safe.
class Session : public std::enable_shared_from_this<Session> {
 public:
  // From libvirt's event thread: this guest changed; the nil UUID: any may have, because a
  // connection was lost or opened, which is told whether or not the guests' events are.
  using OnEvent = std::function<void(const Uuid&)>;

  enum class Events : bool { ignored, told };

  Session(std::string uri, std::string console_dir, Logger log, std::shared_ptr<CallCounts> calls,
          OnEvent on_event, Events events);
  // Begins to connect. The session lives on until its thread is back from libvirt.
  void start();
  // No new connection from here on, and no more events.
  void stop();

  // False when the patience is over and there is no connection.
  bool wait_connected(Duration patience);
  // Errc::unavailable, with the reason, when there is none.
  Result<ConnectionPtr> current();
  // After a call failed: looks whether the connection is still there.
  void suspect(const ConnectionPtr& connection);
  // There is none from here on, until another one was opened; calls that run on it keep it.
  void give_up(const ConnectionPtr& connection, const std::string& why);
  // Opens another one, and hands this one out until then.
  void replace(const ConnectionPtr& connection);

  void on_event(const Uuid& uuid);
  void on_close(const virConnect* closed);

 private:
  struct State {
    ConnectionPtr connection{};
    std::string reason = "libvirt: not connected yet";
    bool lost = false;
    bool is_worn = false;  // to be replaced
    bool stopping = false;
  };

  void keep_connected();
  bool wait_for_work(Duration pause);
  Result<ConnectionPtr> open();
  void publish(ConnectionPtr connection);

  const std::string uri_;
  const std::string console_dir_;
  const Logger log_;
  const std::shared_ptr<CallCounts> calls_;
  const OnEvent on_event_;
  const Events events_;
  std::atomic<bool> muted_{false};
  std::shared_ptr<EventLoop> loop_;
  Guarded<State> state_;
};

}  // namespace holdfast::libvirt
