// SPDX-License-Identifier: Apache-2.0
// The hostile hubs of tests/sim against the real driver, on a Proxmox host that answers from
// memory: whatever is sent, and whatever goes wrong meanwhile, no volume with data on it is lost,
// shrunk or rolled back, no guest is destroyed, no stranger's is touched, no request is one that
// the schemas refuse; and an honest state afterwards converges. HOLDFAST_SEEDS=n, HOLDFAST_SEED=n.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <stdexcept>

#include "reconcilers/guest/guest_identity.hpp"
#include "tests/drivers/proxmox/engine_on_proxmox.hpp"
#include "tests/sim/hostile_hub.hpp"
#include "tests/sim/seeds.hpp"

using namespace holdfast;
using namespace holdfast::test;
using sim::Breaches;
using sim::SeededRandom;

namespace {

constexpr std::uint64_t usual_seeds = 300;

struct Totals {
  std::size_t sent = 0;
  std::size_t parsed = 0;
  std::size_t accepted = 0;
  std::size_t deaths = 0;
  std::size_t marks = 0;
  std::size_t refusals = 0;
  std::uint64_t requests = 0;
};

// A volume that somebody's data is on.
struct Mark {
  int vmid = 0;
  std::uint64_t birth = 0;
  std::string key{};
  std::string content{};
  std::uint64_t size = 0;
};

std::string volume_in(const std::string& value) { return value.substr(0, value.find(',')); }

bool is_volume_key(const std::string& key) {
  for (const char* prefix : {"rootfs", "mp", "scsi", "virtio", "sata", "ide"})
    if (key.starts_with(prefix) && key != "scsihw") return true;
  return false;
}

// What the customers of a host have there, and whether it is all still there.
class Customers {
 public:
  explicit Customers(EngineOnProxmox& host) : host_{host} {}

  // Everybody's guests that are live write data on all that they have.
  void write() {
    for (const Provenance& row : host_.journal->all_provenance().value()) {
      if (row.life != Life::live) continue;
      if (standin::Guest* guest = find(row.uuid)) write_on(*guest);
    }
  }
  void plant_stranger(int vmid, standin::GuestKind kind, const std::string& name) {
    auto& world = host_.world();
    if (world.find_guest(vmid) != nullptr) return;
    const bool is_container = kind == standin::GuestKind::lxc;
    const standin::Config config =
        is_container ? standin::Config{{"hostname", name}, {"rootfs", "local:1"}}
                     : standin::Config{{"name", name}, {"memory", "512"}, {"scsi0", "local:1"}};
    strangers_.emplace(vmid, world.add_guest(kind, vmid, config, "theirs"));
    write_on(*world.find_guest(vmid));
  }

  Breaches lost() {
    Breaches broken;
    for (const auto& [id, mark] : marks_) {
      const std::string what = id + " of guest " + std::to_string(mark.vmid);
      const standin::Guest* guest = host_.world().find_guest(mark.vmid);
      const standin::Volume* volume = host_.world().find_volume(id);
      if (guest == nullptr || guest->birth != mark.birth)
        broken.push_back("guest " + std::to_string(mark.vmid) + " is gone");
      else if (volume == nullptr)
        broken.push_back(what + " is gone");
      else if (volume->content != mark.content)
        broken.push_back(what + " holds '" + volume->content + "', not '" + mark.content + "'");
      else if (volume->size < mark.size)
        broken.push_back(what + " was shrunk");
      else if (volume_in(value_of(*guest, mark.key)) != id)
        broken.push_back(what + " was taken out of its guest");
    }
    for (const auto& [vmid, was] : strangers_) {
      const standin::Guest* now = host_.world().find_guest(vmid);
      if (now == nullptr || now->birth != was.birth || now->config != was.config ||
          now->power != was.power || !now->snapshots.empty())
        broken.push_back("stranger " + std::to_string(vmid) + " was touched");
    }
    return broken;
  }
  std::size_t marks() const { return marks_.size(); }

  standin::Guest* find(const Uuid& uuid) {
    const std::string text = to_string(uuid);
    for (auto& [vmid, guest] : host_.world().guests)
      if (strangers_.count(vmid) == 0 &&
          value_of(guest, "description").find(text) != std::string::npos)
        return &guest;
    return nullptr;
  }

 private:
  static std::string value_of(const standin::Guest& guest, const std::string& key) {
    const auto found = guest.config.find(key);
    return found == guest.config.end() ? std::string{} : found->second;
  }
  void write_on(const standin::Guest& guest) {
    for (const auto& [key, value] : guest.config) {
      if (!is_volume_key(key)) continue;
      standin::Volume* volume = host_.world().find_volume(volume_in(value));
      if (volume == nullptr) continue;
      Mark& mark = marks_[volume->id];
      if (mark.birth == 0)
        mark = {guest.vmid, guest.birth, key, "data " + std::to_string(marks_.size()), 0};
      else if (volume->content != mark.content)
        continue;  // lost, which is said elsewhere
      volume->content = mark.content;
      mark.size = std::max(mark.size, volume->size);
    }
  }

  EngineOnProxmox& host_;
  std::map<std::string, Mark> marks_{};  // by volume
  std::map<int, standin::Guest> strangers_{};
};

Resources honest_guests(std::size_t count) {
  static const std::array<const char*, 4> names{"acme", "beta", "gamma", "delta"};
  Resources resources;
  for (std::size_t i = 0; i < count; ++i) {
    Guest guest = tenant(names.at(i));
    if (i % 2 == 1) guest.spec.image = {"machine", "1"};
    if (i == 2) guest.spec.volumes.push_back({"media", gibibytes(4), VolumeClass::bulk, "local"});
    resources.guests.push_back(guest);
  }
  return resources;
}

void plant(EngineOnProxmox& host, Customers& customers, SeededRandom& random,
           const std::string& name) {
  const auto kind = random.one_in(2) ? standin::GuestKind::lxc : standin::GuestKind::qemu;
  const int range = host.site.last_vmid - host.site.first_vmid + 1;
  const int vmid =
      host.site.first_vmid + static_cast<int>(random.below(static_cast<std::uint64_t>(range)));
  customers.plant_stranger(vmid, kind, name);
}

// At one of the requests that come next.
void harm_a_request(EngineOnProxmox& host, SeededRandom& random) {
  using Kind = standin::Fault::Kind;
  static constexpr std::array kinds{Kind::connection_refused, Kind::timed_out,
                                    Kind::lost_before,        Kind::lost_after,
                                    Kind::task_dies_early,    Kind::task_dies_late};
  standin::Fault fault;
  fault.kind = kinds.at(random.below(kinds.size()));
  fault.has_effect = random.one_in(2);
  fault.call = host.site.stand_in.calls() + 1 + random.below(80);
  host.site.stand_in.add_fault(fault);
}

void die_soon(EngineOnProxmox& host, SeededRandom& random) {
  const std::uint64_t call = host.site.stand_in.calls() + 1 + random.below(80);
  const auto die = [call](std::uint64_t number, const http::Request&) {
    if (number == call) throw Death{};
  };
  (random.one_in(2) ? host.site.stand_in.before : host.site.stand_in.after) = die;
}

void something_happens(EngineOnProxmox& host, Customers& customers, SeededRandom& random) {
  switch (random.below(7)) {
    case 0: return die_soon(host, random);
    case 1: return harm_a_request(host, random);
    case 2:
      for (int count = 0; count < 6; ++count) harm_a_request(host, random);
      return;
    case 3: return plant(host, customers, random, "stranger-" + std::to_string(random.below(4)));
    // Where a guest of ours might be made next, by its name or by its number.
    case 4: return plant(host, customers, random, "new-" + std::to_string(1 + random.below(3)));
    default: return;
  }
}

void unlock(EngineOnProxmox& host) {
  std::vector<int> placeholders;
  for (auto& [vmid, guest] : host.world().guests) {
    const auto lock = guest.config.find("lock");
    if (lock == guest.config.end()) continue;
    if (lock->second == "create") placeholders.push_back(vmid);
    guest.config.erase(lock);
  }
  for (const int vmid : placeholders) host.world().erase_guest(vmid);
}

void calm(EngineOnProxmox& host) {
  host.site.stand_in.clear_faults();
  host.site.stand_in.before = {};
  host.site.stand_in.after = {};
  host.site.stand_in.let_tasks_end();
  unlock(host);
  // A field that others changed again and again is only reported for a day.
  host.site.stand_in.advance(std::chrono::hours{25});
  host.boot();
  // What is under way comes to its end, so that one can tell what there is.
  for (int minute = 0; minute < 10 && !host.journal->unfinished().value().empty(); ++minute)
    host.run_for(std::chrono::minutes{1});
}

// What an honest operator would write for the guests as they are: all that was grown and
// added stays, and nothing else remains of what the hostile hub said.
Resources honest_again(EngineOnProxmox& host, Customers& customers, const Resources& honest) {
  Resources wanted;
  for (const Provenance& row : host.journal->all_provenance().value()) {
    if (row.life != Life::live) continue;
    const auto identity = parse_identity(row.detail).value();
    Guest guest = tenant(identity.name);
    for (const Guest& known : honest.guests)
      if (known.name == identity.name) guest = known;
    guest.spec.image = identity.image;
    guest.spec.volumes.clear();
    const auto observed = host.site.ports().inventory.observe(row.uuid).value();
    if (!observed) continue;
    for (const host::Disk& disk : observed->configured.disks) {
      const auto cls = disk.is_backed_up ? VolumeClass::hot : VolumeClass::bulk;
      if (disk.name == "root")
        guest.spec.root_disk = {disk.size, disk.target};
      else
        guest.spec.volumes.push_back({disk.name, disk.size, cls, disk.target});
    }
    wanted.guests.push_back(guest);
    if (customers.find(row.uuid) == nullptr) throw std::runtime_error{"a live guest has no VMID"};
  }
  return wanted;
}

Breaches not_converged(EngineOnProxmox& host, const Resources& wanted) {
  Breaches broken;
  for (const Guest& guest : wanted.guests) {
    const auto plan = host.engine->guests().plan(guest.name);
    if (!plan) {
      broken.push_back(guest.name + " cannot be planned: " + plan.error().describe());
      continue;
    }
    for (const PlannedAction& action : plan->actions)
      broken.push_back(guest.name + " is not converged: " + describe(action.action) + ": " +
                       action.reason);
    if (!plan->blocked.empty()) broken.push_back(guest.name + ": " + plan->blocked_by);
  }
  for (const Operation& op : host.journal->unfinished().value())
    broken.push_back(to_string(op.id) + " " + op.kind + " " + op.subject + " did not end (" +
                     std::string{to_string(op.state)} + "): " + op.cause);
  return broken;
}

void add(Breaches& to, const Breaches& more) { to.insert(to.end(), more.begin(), more.end()); }

Breaches be_hostile(EngineOnProxmox& host, Customers& customers, sim::HostileHub& hostile,
                    SeededRandom& random) {
  for (auto messages = 3 + random.below(6); messages > 0; --messages) {
    hostile.send(host.hub, host.site.stand_in.clock().now());
    something_happens(host, customers, random);
    host.engine->wake_host();
    host.run_for(std::chrono::seconds{1 + random.below(240)});
    if (Breaches broken = customers.lost(); !broken.empty()) return broken;
    customers.write();
  }
  return {};
}

void settle_down(EngineOnProxmox& host, const Resources& wanted) {
  const auto accepted = host.journal->accepted().value();
  // States without an envelope were numbered by the controller, past the hub's own count.
  const std::uint64_t newest = std::max(host.hub.generation(), accepted ? accepted->generation : 0);
  host.hub.send(
      {with_envelope(wanted, host.hub.host_id(), newest + 1, host.site.stand_in.clock().now()),
       true});
  host.engine->wake_host();
  host.run_for(std::chrono::minutes{15});
}

Breaches play(std::uint64_t seed, Totals& totals) {
  SeededRandom random{seed};
  EngineOnProxmox host{random.next(),
                       seed % 2 == 0 ? standin::Version::v8_4 : standin::Version::v9_1};
  host.world().add_storage({.name = "nvme", .type = "btrfs"});
  host.site.storages["nvme"] = "nvme";
  host.site.last_vmid = host.site.first_vmid + 31;  // numbers are met again and again
  host.site.add_image();
  host.site.add_image(standin::GuestKind::lxc, "debian-12 2");
  host.site.add_image(standin::GuestKind::qemu, "machine 1");
  host.site.add_image(standin::GuestKind::qemu, "other 1");
  if (seed % 3 == 0) host.site.keep_to_pool();
  host.boot();
  const Resources honest = honest_guests(2 + seed % 3);
  host.want(honest);
  host.run_for(std::chrono::minutes{5});
  Customers customers{host};
  customers.plant_stranger(100, standin::GuestKind::lxc, "stranger-0");
  customers.write();
  if (customers.marks() < honest.guests.size() * 2 + 1) return {"the beginning is not settled"};

  sim::HostileHub hostile{random.next(), honest};
  Breaches broken = be_hostile(host, customers, hostile, random);
  calm(host);
  const auto accepted = host.journal->accepted().value();
  if (accepted && accepted->generation > 1) ++totals.accepted;
  const Resources wanted = honest_again(host, customers, honest);
  settle_down(host, wanted);
  add(broken, not_converged(host, wanted));
  add(broken, customers.lost());
  if (wanted.guests.size() < honest.guests.size()) broken.push_back("a guest is gone");
  for (const auto& violation : host.site.stand_in.violations())
    broken.push_back(standin::to_string(violation));

  totals.sent += hostile.sent();
  totals.parsed += hostile.parsed();
  totals.deaths += host.deaths;
  totals.marks += customers.marks();
  totals.requests += host.site.stand_in.calls();
  for (const AuditEntry& entry : host.journal->audit_tail(10'000).value())
    totals.refusals += entry.kind == "refusal" ? 1U : 0U;
  return broken;
}

}  // namespace

int main() {
  Totals totals;
  const int code = sim::run_seeds("hostile desired states on Proxmox", usual_seeds,
                                  [&](std::uint64_t seed) { return play(seed, totals); });
  std::printf(
      "%zu messages, %zu of them well-formed, %zu hosts took one, %zu refusals by the gate, "
      "%zu deaths of the daemon, %zu volumes with customers' data, %llu requests\n",
      totals.sent, totals.parsed, totals.accepted, totals.refusals, totals.deaths, totals.marks,
      static_cast<unsigned long long>(totals.requests));
  return code;
}
