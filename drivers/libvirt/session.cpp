// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/session.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>

#include "drivers/libvirt/errors.hpp"

namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;

// A daemon that answers no ping for 5 s is asked three more times.
constexpr int keepalive_interval = 5;  // seconds
constexpr unsigned keepalive_count = 3;
constexpr Duration first_pause = 250ms;
constexpr Duration longest_pause = 5s;

// Handed to libvirt with each callback; freed by it when the callback is removed. Weak: a
// callback that comes late finds nobody.
struct Listener {
  std::weak_ptr<Session> session;
};

void free_listener(void* opaque) { delete static_cast<Listener*>(opaque); }

void forward(virDomainPtr domain, void* opaque) {
  const auto session = static_cast<Listener*>(opaque)->session.lock();
  std::array<std::uint8_t, VIR_UUID_BUFLEN> bytes{};
  if (!session || virDomainGetUUID(domain, bytes.data()) != 0) return;
  session->on_event(Uuid{bytes});
}

// libvirt's event signatures differ in what follows (connection, domain) and precedes the
// opaque pointer; of all of them only which guest it was matters here.
// NOLINTBEGIN(readability-function-size): so many parameters are libvirt's wish.
int on_lifecycle(virConnectPtr /*c*/, virDomainPtr domain, int /*event*/, int /*detail*/,
                 void* opaque) {
  forward(domain, opaque);
  return 0;
}
void on_plain(virConnectPtr /*c*/, virDomainPtr domain, void* opaque) { forward(domain, opaque); }
void on_device(virConnectPtr /*c*/, virDomainPtr domain, const char* /*alias*/, void* opaque) {
  forward(domain, opaque);
}
void on_balloon(virConnectPtr /*c*/, virDomainPtr domain, unsigned long long /*kib*/,
                void* opaque) {
  forward(domain, opaque);
}
void on_metadata(virConnectPtr /*c*/, virDomainPtr domain, int /*type*/, const char* /*uri*/,
                 void* opaque) {
  forward(domain, opaque);
}
void on_block_job(virConnectPtr /*c*/, virDomainPtr domain, const char* /*disk*/, int /*type*/,
                  int /*status*/, void* opaque) {
  forward(domain, opaque);
}
void on_tunable(virConnectPtr /*c*/, virDomainPtr domain, virTypedParameterPtr /*params*/,
                int /*count*/, void* opaque) {
  forward(domain, opaque);
}
void on_io_error(virConnectPtr /*c*/, virDomainPtr domain, const char* /*path*/,
                 const char* /*alias*/, int /*action*/, const char* /*reason*/, void* opaque) {
  forward(domain, opaque);
}
// NOLINTEND(readability-function-size)

void on_connection_closed(virConnectPtr c, int /*reason*/, void* opaque) {
  if (const auto session = static_cast<Listener*>(opaque)->session.lock()) session->on_close(c);
}

void subscribe(Connection& connection, const std::weak_ptr<Session>& session) {
  virConnectPtr c = connection.handle.get();
  const auto add = [&](int event, auto callback) {
    auto listener = std::make_unique<Listener>(Listener{session});
    const int id = virConnectDomainEventRegisterAny(
        c, nullptr, event, VIR_DOMAIN_EVENT_CALLBACK(callback), listener.get(), free_listener);
    // A driver without this event: the slow re-reading finds the change instead.
    if (id < 0) return;
    static_cast<void>(listener.release());
    connection.subscriptions.push_back(id);
  };
  add(VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_lifecycle);
  add(VIR_DOMAIN_EVENT_ID_REBOOT, on_plain);
  add(VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, on_device);
  add(VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, on_device);
  add(VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, on_balloon);
  add(VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, on_metadata);
  add(VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, on_block_job);
  add(VIR_DOMAIN_EVENT_ID_TUNABLE, on_tunable);
  add(VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, on_io_error);
}

Result<Platform> ask_platform(virConnectPtr connection) {
  const char* type = virConnectGetType(connection);
  Platform platform;
  if (type != nullptr && std::string_view{type} == "TEST") {
    platform.domain_type = "test";
    platform.max_cpus = 32;
    const CString text{virConnectGetCapabilities(connection)};
    if (text) platform.arch = parse_guest_arch(text.get());
  } else {
    CString text{virConnectGetDomainCapabilities(connection, nullptr, nullptr, nullptr, "kvm", 0)};
    if (!text) {  // no KVM on this host: the guests are emulated
      text.reset(virConnectGetDomainCapabilities(connection, nullptr, nullptr, nullptr, "qemu", 0));
    }
    if (!text) return last_error("virConnectGetDomainCapabilities");
    platform = TRY(parse_domain_capabilities(text.get()));
  }
  virNodeInfo node{};
  if (virNodeGetInfo(connection, &node) == 0) platform.host_cpus = std::max(1U, node.cpus);
  platform.cpu_weights = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  return platform;
}

}  // namespace

Connection::~Connection() {
  if (!handle) return;
  for (const int id : subscriptions) virConnectDomainEventDeregisterAny(handle.get(), id);
  if (has_close_callback) virConnectUnregisterCloseCallback(handle.get(), on_connection_closed);
}

Session::Session(std::string uri, std::string console_dir, Logger log,
                 std::shared_ptr<CallCounts> calls, OnEvent on_event, Events events)
    : uri_{std::move(uri)},
      console_dir_{std::move(console_dir)},
      log_{std::move(log)},
      calls_{std::move(calls)},
      on_event_{std::move(on_event)},
      events_{events},
      loop_{EventLoop::acquire()} {}

void Session::start() {
  // Detached: opening hangs for as long as a stopped daemon does, and our end must not.
  std::thread{[self = shared_from_this()] { self->keep_connected(); }}.detach();
}

void Session::stop() {
  muted_ = true;
  ConnectionPtr last;
  auto state = state_.lock();
  state->stopping = true;
  state->reason = "libvirt: stopped";
  last.swap(state->connection);
  state_.notify_all();
}

bool Session::wait_connected(Duration patience) {
  auto state = state_.lock();
  return state.wait_until(std::stop_token{}, std::chrono::steady_clock::now() + patience,
                          [&] { return state->connection != nullptr; });
}

Result<ConnectionPtr> Session::current() {
  auto state = state_.lock();
  if (state->connection && !state->lost) return state->connection;
  return Error{Errc::unavailable, state->reason};
}

void Session::suspect(const ConnectionPtr& connection) {
  if (virConnectIsAlive(connection->handle.get()) == 1) return;
  give_up(connection, "broke");
}

void Session::give_up(const ConnectionPtr& connection, const std::string& why) {
  auto state = state_.lock();
  if (state->connection != connection) return;
  state->lost = true;
  state->reason = "libvirt: the connection to " + uri_ + " " + why;
  state_.notify_all();
}

void Session::replace(const ConnectionPtr& connection) {
  auto state = state_.lock();
  if (state->connection != connection) return;
  state->is_worn = true;
  state_.notify_all();
}

void Session::on_event(const Uuid& uuid) {
  if (!muted_) on_event_(uuid);
}

void Session::on_close(const virConnect* closed) {
  auto state = state_.lock();
  if (!state->connection || state->connection->handle.get() != closed) return;
  state->lost = true;
  state->reason = "libvirt: the connection to " + uri_ + " was closed";
  state_.notify_all();
}

Result<ConnectionPtr> Session::open() {
  calls_->add(Call::open);
  auto connection = std::make_shared<Connection>();
  OpenedSocket opened;
  connection->handle.reset(virConnectOpen(uri_.c_str()));
  connection->socket = opened.take();
  if (!connection->handle) return last_error("virConnectOpen");
  virConnectPtr c = connection->handle.get();
  // In-process drivers have no peer that could fall silent, and refuse.
  static_cast<void>(virConnectSetKeepAlive(c, keepalive_interval, keepalive_count));

  auto listener = std::make_unique<Listener>(Listener{weak_from_this()});
  if (virConnectRegisterCloseCallback(c, on_connection_closed, listener.get(), free_listener) ==
      0) {
    static_cast<void>(listener.release());
    connection->has_close_callback = true;
  }
  // Before anything is read: what changes from here on is told.
  if (events_ == Events::told) subscribe(*connection, weak_from_this());
  connection->platform = TRY(ask_platform(c));
  connection->platform.console_dir = console_dir_;
  return ConnectionPtr{std::move(connection)};
}

void Session::publish(ConnectionPtr connection) {
  log_.info("connected to libvirt", {{"uri", uri_}, {"type", connection->platform.domain_type}});
  {
    auto state = state_.lock();
    if (state->stopping) return;
    // The one before, if there is one still, is closed after the lock is let go.
    state->connection.swap(connection);
    state->lost = false;
    state_.notify_all();
  }
  on_event(Uuid{});
}

// False: stop. Otherwise there is, or may be again, something to connect to.
bool Session::wait_for_work(Duration pause) {
  ConnectionPtr dead;  // closed after the lock is let go: closing may call the daemon
  auto state = state_.lock();
  const auto until = std::chrono::steady_clock::now() + pause;
  state.wait_until(std::stop_token{}, until, [&] { return state->stopping; });
  const auto is_wanted = [&] {
    return state->stopping || !state->connection || state->lost || state->is_worn;
  };
  state.wait(std::stop_token{}, is_wanted);
  if (state->lost) dead.swap(state->connection);
  state->lost = false;
  state->is_worn = false;
  return !state->stopping;
}

void Session::keep_connected() {
  block_broken_pipe_signal();
  Duration pause{0};
  bool complained = false;
  bool was_connected = false;
  while (wait_for_work(pause)) {
    // Whoever listens learns of the loss at once, not at its next look.
    if (std::exchange(was_connected, false)) on_event(Uuid{});
    auto connection = open();
    if (connection) {
      publish(std::move(connection).value());
      was_connected = true;
      pause = Duration{0};
      complained = false;
      continue;
    }
    pause = std::clamp(pause * 2, first_pause, longest_pause);
    const std::string reason = connection.error().message();
    if (!std::exchange(complained, true)) {
      log_.warn("cannot connect to libvirt", {{"uri", uri_}, {"error", reason}});
    }
    auto state = state_.lock();
    if (!state->stopping) state->reason = reason;
  }
}

}  // namespace holdfast::libvirt
