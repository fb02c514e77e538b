// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <map>

#include "drivers/proxmox/marker_text.hpp"
#include "tests/drivers/proxmox/backup_life.hpp"
#include "tests/drivers/proxmox/life.hpp"

// Every request of backing up, restoring and restoring over, one at a time: the daemon dies
// before it or after its effect, the request or its answer is lost, the API daemon answers 595
// or 596, the worker that it forks dies. What is left at the host must be exact.
using namespace holdfast;
using namespace holdfast::test;
using standin::GuestKind;

// Apart from its neighbours, with which it may be compiled as one.
namespace backup_crash {
namespace {

void do_harm(standin::StandIn& host, Harm harm, std::uint64_t call) {
  using Kind = standin::Fault::Kind;
  const auto die = [call](std::uint64_t number, const http::Request&) {
    if (number == call) throw Death{};
  };
  standin::Fault fault;
  fault.call = call;
  switch (harm) {
    case Harm::die_before: host.before = die; return;
    case Harm::die_after: host.after = die; return;
    case Harm::lost_before: fault.kind = Kind::lost_before; break;
    case Harm::lost_after: fault.kind = Kind::lost_after; break;
    case Harm::refused: fault.kind = Kind::connection_refused; break;
    case Harm::timed_out:
      fault.kind = Kind::timed_out;
      fault.has_effect = true;
      break;
    case Harm::killed_early: fault.kind = Kind::task_dies_early; break;
    case Harm::killed_late: fault.kind = Kind::task_dies_late; break;
  }
  host.add_fault(fault);
}

// Containers on 8.4, machines on 9.1: every request is checked against both schemas.
standin::Version version_for(GuestKind kind) {
  return kind == GuestKind::lxc ? standin::Version::v8_4 : standin::Version::v9_1;
}

standin::Guest& plant(GuestsOnProxmox& host) {
  return host.world().add_guest(GuestKind::lxc, 555,
                                {{"hostname", "theirs"}, {"rootfs", "local:1"}}, "their data");
}

// After the guest is born, whose own life has a test of its own.
bool go_through(BackupLife& life) {
  if (!life.back_up()) return false;
  life.write("root", "tuesday root");
  life.write("db", "tuesday db");
  return life.restore() && life.restore_over();
}

std::string wrong_with_jobs(BackupLife& life) {
  for (const std::string& id : {life.backup_job, life.restore_job, life.over_job}) {
    const auto job = life.job(id);
    if (job.state != JobState::done)
      return job.action + " is " + std::string{to_string(job.state)} + ": " + job.code + " " +
             job.message;
  }
  for (const Operation& op : life.host.journal->recent("", 1000).value())
    if (op.state == OperationState::open || op.state == OperationState::stuck)
      return to_string(op.id) + " " + op.kind + " did not end: " + op.cause;
  return {};
}

std::string wrong_with_world(BackupLife& life, const standin::Guest& stranger) {
  if (life.host.at_host("acme") == nullptr) return "there is not exactly one guest acme";
  if (life.host.at_host("copy") == nullptr) return "there is not exactly one guest copy";
  if (life.host.world().guests.size() != 3) return "a VMID is leaked";
  if (life.archives().size() != 2) return "a backup is there twice, or not at all";
  if (life.content("copy", "root") != "monday root") return "the copy's root is another";
  if (life.content("acme", "root") != "monday root") return "the root is another";
  if (life.content("acme", "db") != "monday db") return "the volume is another";
  if (!life.is_container() && life.content("acme", "media") != "all media")
    return "the bulk volume is lost";
  if (life.host.identity("acme")->incarnation != Incarnation{2}) return "it is restored twice";
  if (life.host.at_host("copy")->started != 0) return "the copy was started";
  const std::size_t disks = life.is_container() ? 2 : 3;
  for (const char* name : {"acme", "copy"}) {
    const int vmid = life.host.at_host(name)->vmid;
    std::size_t volumes = 0;
    for (const auto* volume : life.host.world().volumes_of(vmid))
      volumes += volume->kind != "backup";
    if (volumes != (std::string{name} == "acme" ? disks : 2)) return "a volume is leaked";
  }
  const standin::Guest* theirs = life.host.world().find_guest(555);
  if (theirs == nullptr || theirs->birth != stranger.birth || theirs->config != stranger.config)
    return "a stranger was touched";
  if (!life.host.site.stand_in.violations().empty())
    return standin::to_string(life.host.site.stand_in.violations().front());
  return {};
}

// What is wrong after a life with that harm; empty: nothing.
std::string live_with(GuestKind kind, Harm harm, std::uint64_t call) {
  BackupLife life{kind, version_for(kind)};
  const auto stranger = plant(life.host);
  if (!life.be_born(kind == GuestKind::qemu)) return "it is not born";
  do_harm(life.host.site.stand_in, harm, call);
  if (!go_through(life)) return "it does not settle: " + life.host.last_error;
  // What a worker left that died before it made the guest; only root may remove it.
  if (harm == Harm::killed_early && life.host.world().guests.size() == 4) life.host.unlock();
  std::string wrong = wrong_with_jobs(life);
  return wrong.empty() ? wrong_with_world(life, stranger) : wrong;
}

struct Calls {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::map<std::uint64_t, std::string> methods{};
};

Calls calls_of(GuestKind kind) {
  BackupLife life{kind, version_for(kind)};
  plant(life.host);
  REQUIRE(life.be_born(kind == GuestKind::qemu));
  Calls calls;
  calls.first = life.host.site.stand_in.calls() + 1;
  life.host.site.stand_in.before = [&](std::uint64_t number, const http::Request& request) {
    calls.methods[number] = request.method;
  };
  REQUIRE(go_through(life));
  INFO(wrong_with_jobs(life));
  REQUIRE(wrong_with_jobs(life).empty());
  calls.last = life.host.site.stand_in.calls();
  return calls;
}

struct Takeover {
  bool is_pool_kept = true;      // else the token may change every guest of the node
  bool is_another_ours = false;  // a guest of this very host, with a marker of its own
};

// Before that request guest acme goes, and another one comes under its number. Without a pool
// only where the driver can still tell: before what it reads, and before changes that are bound
// to what it read.
std::string live_with_stranger(GuestKind kind, std::uint64_t call, const Takeover& how,
                               std::uint64_t& planted) {
  BackupLife life{kind, version_for(kind)};
  auto& host = life.host;
  if (how.is_pool_kept) host.site.keep_to_pool();
  host.boot();
  plant(host);
  if (!life.be_born(kind == GuestKind::qemu)) return "it is not born";
  std::optional<standin::Guest> stranger;
  host.site.stand_in.before = [&](std::uint64_t number, const http::Request& request) {
    if (number != call) return;
    if (!how.is_pool_kept && request.method != "GET" && request.method != "PUT") return;
    const standin::Guest* acme = host.at_host("acme");
    if (acme == nullptr) return;
    auto& other = host.world().replace_by_stranger(acme->vmid, kind);
    if (how.is_another_ours) {
      proxmox::MarkerText marker{{}, other.vmid};
      marker.marker.uuid = Uuid::parse("00000000-0000-4000-8000-000000000042").value();
      marker.marker.incarnation = Incarnation{1};
      marker.marker.name = "another";
      other.config["description"] = proxmox::with_marker("", marker).value();
    }
    stranger = other;
  };
  go_through(life);  // need not come to its end
  if (!stranger) return {};
  ++planted;
  const standin::Guest* now = host.world().find_guest(stranger->vmid);
  if (now == nullptr || now->birth != stranger->birth) return "the stranger's guest is gone";
  if (now->config != stranger->config) return "the stranger's guest was changed";
  if (now->power != stranger->power) return "the stranger's guest was started or stopped";
  if (host.world().content_of(stranger->vmid, life.key("root")) != "a stranger's data")
    return "the stranger's data was changed";
  for (const auto* volume : life.archives())
    if (volume->archive && volume->archive->contents.contains(life.key("root")) &&
        volume->archive->contents.at(life.key("root")) == "a stranger's data")
      return "the stranger's data was backed up";
  return {};
}

}  // namespace

TEST_CASE("proxmox backup jobs: no request lost or cut short leaves anything behind",
          "[proxmox][crash]") {
  const GuestKind kind = GENERATE(GuestKind::lxc, GuestKind::qemu);
  const Calls calls = calls_of(kind);
  std::uint64_t lives = 0;
  for (const auto& [call, method] : calls.methods) {
    for (const Harm harm : harms_of(method)) {
      ++lives;
      const std::string wrong = live_with(kind, harm, call);
      INFO(to_string(Trouble{harm, call}) << ", of " << calls.first << " to " << calls.last);
      if (!wrong.empty()) FAIL_CHECK(wrong);
    }
  }
  std::printf("proxmox backups of %s: %llu lives with one harm each, %llu requests a life\n",
              std::string{standin::to_string(kind)}.c_str(), static_cast<unsigned long long>(lives),
              static_cast<unsigned long long>(calls.last - calls.first + 1));
}

TEST_CASE("proxmox backup jobs: a stranger that takes over a VMID at any moment is not touched",
          "[proxmox][crash][safety]") {
  const GuestKind kind = GENERATE(GuestKind::lxc, GuestKind::qemu);
  const Takeover how = GENERATE(Takeover{}, Takeover{false, false}, Takeover{false, true});
  const Calls calls = calls_of(kind);
  std::uint64_t planted = 0;
  for (std::uint64_t call = calls.first; call <= calls.last; ++call) {
    const std::string wrong = live_with_stranger(kind, call, how, planted);
    INFO("a stranger before request " << call << " from " << calls.first << " to " << calls.last
                                      << (how.is_pool_kept ? ", with" : ", without") << " a pool"
                                      << (how.is_another_ours ? ", of ours" : ""));
    if (!wrong.empty()) FAIL_CHECK(wrong);
  }
  std::printf("proxmox backups of %s: a stranger took over in %llu of %llu lives\n",
              std::string{standin::to_string(kind)}.c_str(),
              static_cast<unsigned long long>(planted),
              static_cast<unsigned long long>(calls.last - calls.first + 1));
  CHECK(planted > 50);
}

}  // namespace backup_crash
