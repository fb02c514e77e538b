// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <optional>

#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/drivers/proxmox/life.hpp"

// A volume that an order by its operators takes out of a guest: kept for seven days as what Proxmox
// calls unused, then freed; whatever happens at any of the requests that it takes.
using namespace holdfast;
using namespace holdfast::test;

namespace {

// A guest runs with volume db, its customer's data on it, and nobody wants db any more.
struct UnwantedVolume {
  explicit UnwantedVolume(const Kin& kin, bool is_pool_kept = false)
      : life{kin}, is_container{kin.kind == standin::GuestKind::lxc} {
    if (is_pool_kept) host.site.keep_to_pool();
    if (is_pool_kept) host.boot();
    Guest acme = tenant("acme");
    REQUIRE(host.want(acme));
    vmid = host.at_host("acme")->vmid;
    host.world().write_content(vmid, key(), "their database");
    volume = value_of(key());
    volume = volume.substr(0, volume.find(','));
    acme.spec.volumes.clear();
    REQUIRE(host.want(acme));
    REQUIRE(host.condition("acme", "Blocked").reason == "NeedsSignature");
    begun = host.site.stand_in.calls();
  }

  std::string key() const { return is_container ? "mp0" : "scsi1"; }
  std::string value_of(const std::string& option) {
    const standin::Guest* guest = host.world().find_guest(vmid);
    const auto found = guest->config.find(option);
    return found == guest->config.end() ? std::string{} : found->second;
  }
  gate::Authority order(gate::Verb verb, const std::string& object) {
    const auto authority = host.sign(verb, *host.identity("acme"), object);
    JobRecord job;
    job.id = authority.job_id();
    job.payload_sha256 = "payload " + job.id;
    job.subject = guest_subject("acme");
    job.action = gate::job_action(verb);
    job.expires = authority.expires();
    REQUIRE(host.journal->commit([&](Writes& writes) { return writes.put_job(job); }));
    return authority;
  }
  JobRecord job(const gate::Authority& authority) {
    return host.journal->job(authority.job_id()).value().value();
  }

  // What is wrong once the order was carried out; empty: nothing.
  std::string removed() {
    const auto authority = order(gate::Verb::remove_volume, "db");
    if (!host.settle("acme")) return "it does not settle: " + host.last_error;
    if (job(authority).state != JobState::done) return "the job ended: " + job(authority).message;
    const standin::Volume* kept = host.world().find_volume(volume);
    if (kept == nullptr || kept->content != "their database") return "the volume's data is gone";
    if (!value_of(key()).empty()) return "the volume is still attached";
    if (value_of("unused0") != volume) return "the volume is not kept with its guest";
    if (host.at_host("acme") == nullptr) return "there is not exactly one guest acme";
    if (host.at_host("acme")->power != standin::PowerState::running) return "it does not run";
    if (host.identity("acme")->aside.size() != 1) return "it is not remembered as set aside";
    return {};
  }
  std::string freed() {
    host.site.stand_in.advance(std::chrono::hours{24 * 6});
    if (!host.settle("acme")) return "it does not settle: " + host.last_error;
    if (host.world().find_volume(volume) == nullptr) return "the volume went too early";
    host.site.stand_in.advance(std::chrono::hours{24 * 2});
    if (!host.settle("acme")) return "it does not settle in the end: " + host.last_error;
    if (host.world().find_volume(volume) != nullptr) return "the volume is left";
    if (!value_of("unused0").empty()) return "its line is left";
    if (host.world().volumes_of(vmid).size() != 1) return "the guest has not just its root";
    if (!host.identity("acme")->aside.empty()) return "it is still remembered";
    for (const Operation& op : host.journal->unfinished().value())
      return to_string(op.id) + " " + op.kind + " did not end: " + op.cause;
    const auto& violations = host.site.stand_in.violations();
    return violations.empty() ? std::string{} : standin::to_string(violations.front());
  }
  std::string all() {
    std::string wrong = removed();
    return wrong.empty() ? freed() : wrong;
  }

  GuestLife life;
  GuestsOnProxmox& host = life.host;
  bool is_container;
  int vmid = 0;
  std::string volume{};
  std::uint64_t begun = 0;
};

// The methods of the requests that the order and its end take.
std::vector<std::string> requests_of_a_removal(const Kin& kin) {
  UnwantedVolume site{kin};
  std::vector<std::string> methods;
  site.host.site.stand_in.before = [&](std::uint64_t, const http::Request& request) {
    methods.push_back(request.method);
  };
  CHECK(site.all() == "");
  return methods;
}

}  // namespace

TEST_CASE("proxmox volumes: a signed removal keeps the data for seven days", "[proxmox]") {
  const Kin kin = GENERATE(container_on_8, container_on_9, machine_on_8, machine_on_9);
  CAPTURE(to_string(kin));
  UnwantedVolume site{kin};
  CHECK(site.removed() == "");
  CHECK(site.host.condition("acme", "Ready").status == ConditionStatus::yes);

  // Wanted anew, it gets a new volume; the old one's data stays beside it.
  REQUIRE(site.host.want(tenant("acme")));
  CHECK(site.value_of(site.key()).find(site.volume) == std::string::npos);
  CHECK(site.value_of("unused0") == site.volume);
  CHECK(site.host.world().content_of(site.vmid, site.key()) == "");
  site.host.site.stand_in.advance(std::chrono::hours{24 * 8});
  REQUIRE(site.host.settle("acme"));
  CHECK(site.host.world().find_volume(site.volume) == nullptr);
  CHECK(site.host.world().volumes_of(site.vmid).size() == 2);
}

TEST_CASE("proxmox volumes: one that was set aside is freed early only on a signature",
          "[proxmox]") {
  UnwantedVolume site{container_on_8};
  REQUIRE(site.removed() == "");
  const std::string path = site.host.identity("acme")->aside.front().disk.path;
  // Somebody attached it again, by hand: it is theirs to say.
  auto& config = site.host.world().find_guest(site.vmid)->config;
  config.erase("unused0");
  config["mp3"] = site.volume + ",mp=/mnt/again,size=1G";
  const auto early = site.order(gate::Verb::free_set_aside, path);
  site.host.settle("acme");
  CHECK(site.job(early).state == JobState::failed);
  CHECK(site.host.world().find_volume(site.volume) != nullptr);

  config.erase("mp3");
  config["unused0"] = site.volume;
  const auto again = site.order(gate::Verb::free_set_aside, path);
  REQUIRE(site.host.settle("acme"));
  CHECK(site.job(again).state == JobState::done);
  CHECK(site.host.world().find_volume(site.volume) == nullptr);
}

TEST_CASE("proxmox volumes: what the API cannot do to a disk is refused, and says so",
          "[proxmox]") {
  UnwantedVolume site{machine_on_9};
  const auto shrink = site.order(gate::Verb::shrink_disk, "db 512Mi");
  const auto root = site.order(gate::Verb::remove_volume, "root");
  REQUIRE(site.host.settle("acme"));
  CHECK(site.job(shrink).code == "NotSupported");
  CHECK(site.job(root).code == "BadOrder");
  CHECK(site.value_of(site.key()).find(site.volume) == 0);
}

TEST_CASE("proxmox volumes: no request of a removal lost or cut short loses or leaves anything",
          "[proxmox][crash]") {
  const Kin kin = GENERATE(container_on_8, machine_on_9);
  const auto methods = requests_of_a_removal(kin);
  std::size_t points = 0;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    for (const Harm harm : harms_of(methods[i])) {
      UnwantedVolume site{kin};
      const Trouble trouble{harm, site.begun + i + 1};
      site.life.meet({trouble});
      const std::string wrong = site.all();
      ++points;
      INFO(to_string(kin) << ": " << to_string(trouble));
      if (!wrong.empty()) FAIL_CHECK(wrong);
    }
  }
  std::printf("proxmox %s: %zu crash points of a removed volume at %zu requests\n",
              to_string(kin).c_str(), points, methods.size());
}

TEST_CASE("proxmox volumes: a stranger that takes over during a removal is not touched",
          "[proxmox][crash][safety]") {
  const Kin kin = GENERATE(container_on_8, machine_on_9);
  const std::size_t calls = requests_of_a_removal(kin).size();
  for (std::size_t call = 1; call <= calls; ++call) {
    UnwantedVolume site{kin, true};
    std::optional<standin::Guest> stranger;
    site.host.site.stand_in.before = [&](std::uint64_t number, const http::Request&) {
      if (number != site.begun + call) return;
      auto& other = site.host.world().replace_by_stranger(site.vmid, kin.kind);
      const std::string theirs = other.config[site.is_container ? "rootfs" : "scsi0"];
      other.config["unused0"] = theirs.substr(0, theirs.find(','));
      stranger = other;
    };
    site.order(gate::Verb::remove_volume, "db");
    site.host.settle("acme");
    site.host.site.stand_in.advance(std::chrono::hours{24 * 8});
    site.host.settle("acme");
    INFO(to_string(kin) << ": a stranger before request " << call << " of " << calls);
    if (!stranger) continue;
    const standin::Guest* now = site.host.world().find_guest(site.vmid);
    REQUIRE(now != nullptr);
    CHECK(now->birth == stranger->birth);
    CHECK(now->config == stranger->config);
    CHECK(now->power == stranger->power);
  }
}
