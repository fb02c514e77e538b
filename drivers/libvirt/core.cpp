// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/core.hpp"

namespace holdfast::libvirt {
namespace {

// Of the five calls that libvirt serves of one connection, how many may hang before those that
// follow get a fresh one (max_client_requests in libvirtd.conf).
constexpr unsigned most_given_up = 3;

bool is_in_process(const std::string& uri) { return uri.starts_with("test:"); }

}  // namespace

Core::Core(Options opened, const Clock& time) : options{std::move(opened)}, clock{time} {}

std::shared_ptr<Core> Core::open(Options options, const Clock& clock, Duration patience) {
  auto core = std::make_shared<Core>(std::move(options), clock);
  core->readers = core->make_session(Session::Events::told);
  core->workers = is_in_process(core->options.uri) ? core->readers
                                                   : core->make_session(Session::Events::ignored);
  core->readers->start();
  if (core->workers != core->readers) core->workers->start();
  const Duration until = clock.elapsed() + patience;
  if (core->readers->wait_connected(patience))
    core->workers->wait_connected(until - clock.elapsed());
  return core;
}

void Core::close() const {
  *listener->lock() = nullptr;
  readers->stop();
  workers->stop();
}

// Of either connection, from libvirt's event thread or the one that connects.
void Core::on_event(const Uuid& uuid) {
  if (uuid.is_nil()) {
    cache->mark_all();
    // One without the other is of no use, so both together are told, and the first loss.
    const bool are_up = is_connected();
    if (!were_up_.exchange(are_up) && !are_up) return;
  } else {
    cache->mark(uuid);
  }
  const auto tell = *listener->lock();  // a copy: it may take its time
  if (tell) tell(uuid);
}

bool Core::is_connected() const { return readers->current() && workers->current(); }

// Both threads of the sessions may outlive us.
std::shared_ptr<Session> Core::make_session(Session::Events events) {
  const auto on_event = [core = weak_from_this()](const Uuid& uuid) {
    if (const auto self = core.lock()) self->on_event(uuid);
  };
  // Both come and go with the daemon; the log need not say so twice.
  const Logger log = events == Session::Events::told ? options.log : Logger{};
  return std::make_shared<Session>(options.uri, options.console_dir, log, calls, on_event, events);
}

Error Core::silent_error() {
  return Error{Errc::unavailable, "libvirt: its QEMU does not answer; does its storage hang?"};
}

BoundedCalls::Late Core::when_late(const Uuid& uuid, const ConnectionPtr& connection) {
  const auto self = shared_from_this();
  return {.gave_up =
              [self, uuid, connection] {
                self->silent.gave_up(uuid);
                if (++connection->given_up >= most_given_up) self->workers->replace(connection);
              },
          .came_back =
              [self, uuid, connection] {
                --connection->given_up;
                if (!self->silent.came_back(uuid)) return;
                // What could not be asked can be now.
                self->on_event(uuid);
              }};
}

}  // namespace holdfast::libvirt
