// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.hpp"
#include "tests/drivers/libvirt/libvirt_world.hpp"

// A QEMU, or the daemon, that is there and does not answer: stopped in its tracks, as one whose
// storage hangs is. Run by tests/sandbox/libvirt_sandbox.sh.
namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;
using host::PowerState;

// A process that is stopped for as long as this lives.
class Stopped {
 public:
  explicit Stopped(const std::string& pid_file) {
    std::ifstream{pid_file} >> pid_;
    REQUIRE(pid_ > 1);
    REQUIRE(::kill(pid_, SIGSTOP) == 0);
  }
  Stopped(Stopped&& other) noexcept : pid_{std::exchange(other.pid_, 0)} {}
  Stopped& operator=(Stopped&&) = delete;
  ~Stopped() { go_on(); }
  void go_on() {
    if (pid_ > 1) ::kill(std::exchange(pid_, 0), SIGCONT);
  }

 private:
  pid_t pid_ = 0;
};

Stopped stop_guest(const std::string& name) {
  return Stopped{"/run/libvirt/qemu/" + name + ".pid"};
}

Options hasty() {
  Options options;
  options.observe_deadline = 2s;
  options.ask_deadline = 1s;
  return options;
}

void must(const Result<void>& result) {
  if (!result) FAIL(result.error().describe());
}

Uuid run(LibvirtWorld& world, const std::string& name) {
  const auto definition = world.definition(name);
  must(world.hypervisor().define(definition));
  must(world.power().start(definition.marker.uuid));
  return definition.marker.uuid;
}

host::ObservedGuestPtr find(const host::Inventory& all, const Uuid& uuid) {
  for (const auto& guest : all.guests)
    if (guest->uuid == uuid) return guest;
  return nullptr;
}

// As in the next complete listing; for a moment there may be no connection.
std::string problem_of(LibvirtWorld& world, const Uuid& uuid) {
  auto all = world.inventory().observe_all();
  const auto is_listed = [&] {
    if (!all) all = world.inventory().observe_all();
    return bool{all};
  };
  if (!world.wait_until(is_listed)) FAIL(all.error().describe());
  const auto guest = find(*all, uuid);
  REQUIRE(guest);
  return guest->problem;
}

void check_says(const std::string& text, const std::string& what) {
  INFO(text);
  CHECK(text.find(what) != std::string::npos);
}

template <class T>
void check_unavailable(const Result<T>& result, const std::string& why) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::unavailable);
  check_says(result.error().message(), why);
}

// Only an event makes anybody read a guest again: that of its start may be on its way.
bool becomes_silent(LibvirtWorld& world, const Uuid& uuid) {
  if (problem_of(world, uuid).empty()) {
    static_cast<void>(virDomainSetMetadata(world.find(uuid).get(), VIR_DOMAIN_METADATA_TITLE, "new",
                                           nullptr, nullptr, VIR_DOMAIN_AFFECT_CONFIG));
  }
  return world.wait_until([&] { return !problem_of(world, uuid).empty(); });
}

bool becomes_readable(LibvirtWorld& world, const Uuid& uuid) {
  return world.wait_until([&] { return problem_of(world, uuid).empty(); });
}

TEST_CASE("qemu: a guest that hangs is listed with its problem and heals by itself", "[qemu]") {
  LibvirtWorld world{"qemu:///system", hasty()};
  const Uuid acme = run(world, "acme");
  const Uuid other = run(world, "other");
  REQUIRE(becomes_readable(world, acme));
  REQUIRE(becomes_readable(world, other));
  auto stopped = stop_guest("acme");
  REQUIRE(becomes_silent(world, acme));
  check_says(problem_of(world, acme), "no answer within 1s");
  CHECK(problem_of(world, other).empty());

  const auto before = world.host().calls();
  check_unavailable(world.power().suspend(acme), "does not answer");
  CHECK(world.host().calls() == before);  // nobody asks again
  must(world.power().suspend(other));
  CHECK(find(world.inventory().observe_all().value(), other)->power == PowerState::suspended);

  std::atomic<bool> told{false};
  world.inventory().on_change([&](const Uuid& changed) {
    if (changed == acme) told = true;
  });
  stopped.go_on();
  CHECK(world.wait_until([&] { return told.load(); }));
  world.inventory().on_change(nullptr);
  CHECK(becomes_readable(world, acme));
  must(world.power().suspend(acme));
}

TEST_CASE("qemu: a guest that hangs can be powered off", "[qemu]") {
  LibvirtWorld world{"qemu:///system", hasty()};
  const Uuid acme = run(world, "acme");
  const auto stopped = stop_guest("acme");
  REQUIRE(becomes_silent(world, acme));
  must(world.power().power_off(acme));  // libvirt gives a process 15 s to die of SIGTERM
  CHECK(becomes_readable(world, acme));
  CHECK(find(world.inventory().observe_all().value(), acme)->power == PowerState::stopped);
  must(world.power().start(acme));
}

TEST_CASE("qemu: more hung guests than libvirt serves calls do not hold up the others", "[qemu]") {
  LibvirtWorld world{"qemu:///system", hasty()};
  std::vector<Uuid> hung;
  std::vector<Stopped> stopped;
  for (const char* name : {"one", "two", "three", "four", "five", "six"}) {
    hung.push_back(run(world, name));
    stopped.push_back(stop_guest(name));
  }
  const Uuid other = run(world, "other");
  for (const Uuid& uuid : hung) REQUIRE(becomes_silent(world, uuid));
  REQUIRE(becomes_readable(world, other));
  must(world.power().suspend(other));
  CHECK(find(world.inventory().observe_all().value(), other)->power == PowerState::suspended);
  stopped.clear();
  for (const Uuid& uuid : hung) CHECK(becomes_readable(world, uuid));
}

TEST_CASE("qemu: a daemon that hangs is given up in time and found again", "[qemu]") {
  LibvirtWorld world{"qemu:///system", hasty()};
  const Uuid acme = run(world, "acme");
  REQUIRE(world.inventory().observe_all());
  Stopped stopped{"/run/libvirtd.pid"};
  const auto all = world.inventory().observe_all();
  check_unavailable(all, "no answer within 2s");
  CHECK_FALSE(world.host().is_connected());
  stopped.go_on();
  REQUIRE(world.wait_until([&] { return world.host().is_connected(); }));
  CHECK(find(world.inventory().observe_all().value(), acme)->power == PowerState::running);
}

}  // namespace
}  // namespace holdfast::libvirt
