// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/drivers/proxmox/life.hpp"

namespace holdfast::test {

// Guest acme runs with volume db, its customer's data on it; operators sign orders about it.
struct GuestUnderOrders {
  explicit GuestUnderOrders(const Kin& kin, bool is_pool_kept = false)
      : life{kin}, is_container{kin.kind == standin::GuestKind::lxc} {
    if (is_pool_kept) host.site.keep_to_pool();
    if (is_pool_kept) host.boot();
    REQUIRE(host.want(tenant("acme")));
    vmid = host.at_host("acme")->vmid;
    host.world().write_content(vmid, key(), "their database");
    volume = value_of(key());
    volume = volume.substr(0, volume.find(','));
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

  // What is wrong once the order was carried out and the volume is out of use; empty: nothing.
  std::string carried_out(gate::Verb verb, const std::string& object) {
    const auto authority = order(verb, object);
    if (!host.settle("acme")) return "it does not settle: " + host.last_error;
    if (job(authority).state != JobState::done) return "the job ended: " + job(authority).message;
    const standin::Volume* kept = host.world().find_volume(volume);
    if (kept == nullptr || kept->content != "their database") return "the volume's data is gone";
    if (value_of("unused0") != volume) return "the volume is not kept with its guest";
    if (host.at_host("acme") == nullptr) return "there is not exactly one guest acme";
    if (host.at_host("acme")->power != standin::PowerState::running) return "it does not run";
    if (host.identity("acme")->aside.size() != 1) return "it is not remembered as set aside";
    return {};
  }
  // The same eight days later, when the guest has `left` volumes.
  std::string freed(std::size_t left) {
    host.site.stand_in.advance(std::chrono::hours{24 * 6});
    if (!host.settle("acme")) return "it does not settle: " + host.last_error;
    if (host.world().find_volume(volume) == nullptr) return "the volume went too early";
    host.site.stand_in.advance(std::chrono::hours{24 * 2});
    if (!host.settle("acme")) return "it does not settle in the end: " + host.last_error;
    if (host.world().find_volume(volume) != nullptr) return "the volume is left";
    if (!value_of("unused0").empty()) return "its line is left";
    if (host.world().volumes_of(vmid).size() != left) return "the guest has other volumes";
    if (!host.identity("acme")->aside.empty()) return "it is still remembered";
    for (const Operation& op : host.journal->unfinished().value())
      return holdfast::to_string(op.id) + " " + op.kind + " did not end: " + op.cause;
    const auto& violations = host.site.stand_in.violations();
    return violations.empty() ? std::string{} : standin::to_string(violations.front());
  }

  GuestLife life;
  GuestsOnProxmox& host = life.host;
  bool is_container;
  int vmid = 0;
  std::string volume{};  // db's, as it was at first
};

// Each request that `Site::all()` takes meets each harm; prints how many points that were.
template <class Site>
void check_order_points(const Kin& kin, const char* what) {
  std::vector<std::string> methods;
  std::uint64_t begun = 0;
  {
    Site site{kin};
    begun = site.host.site.stand_in.calls();
    site.host.site.stand_in.before = [&](std::uint64_t, const http::Request& request) {
      methods.push_back(request.method);
    };
    REQUIRE(site.all() == "");
  }
  std::size_t points = 0;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    for (const Harm harm : harms_of(methods[i])) {
      Site site{kin};
      const Trouble trouble{harm, begun + i + 1};
      site.life.meet({trouble});
      const std::string wrong = site.all();
      ++points;
      INFO(to_string(kin) << ": " << to_string(trouble));
      if (!wrong.empty()) FAIL_CHECK(wrong);
    }
  }
  std::printf("proxmox %s: %zu crash points of %s at %zu requests\n", to_string(kin).c_str(),
              points, what, methods.size());
}

// Before each request that the order takes a stranger's guest takes over.
template <class Site>
void check_order_takeovers(const Kin& kin) {
  std::uint64_t calls = 0;
  {
    Site site{kin, true};
    const std::uint64_t begun = site.host.site.stand_in.calls();
    REQUIRE(site.all() == "");
    calls = site.host.site.stand_in.calls() - begun;
  }
  for (std::uint64_t call = 1; call <= calls; ++call) {
    Site site{kin, true};
    const std::uint64_t begun = site.host.site.stand_in.calls();
    std::optional<standin::Guest> stranger;
    site.host.site.stand_in.before = [&](std::uint64_t number, const http::Request&) {
      if (number != begun + call) return;
      auto& other = site.host.world().replace_by_stranger(site.vmid, kin.kind);
      const std::string theirs = other.config[site.is_container ? "rootfs" : "scsi0"];
      other.config["unused0"] = theirs.substr(0, theirs.find(','));
      stranger = other;
    };
    site.all();
    INFO(to_string(kin) << ": a stranger before request " << call << " of " << calls);
    if (!stranger) continue;
    const standin::Guest* now = site.host.world().find_guest(site.vmid);
    REQUIRE(now != nullptr);
    CHECK(now->birth == stranger->birth);
    CHECK(now->config == stranger->config);
    CHECK(now->power == stranger->power);
  }
}

}  // namespace holdfast::test
