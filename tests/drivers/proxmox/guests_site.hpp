// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "tests/drivers/proxmox/proxmox_site.hpp"
#include "tests/reconcilers/guest_site.hpp"

namespace holdfast::test {

// The daemon's process ends here.
struct Death {};

// A guest reconciler on a Proxmox host that answers from memory. The journal outlives a death,
// as its file does; everything else is made anew.
struct GuestsOnProxmox {
  explicit GuestsOnProxmox(standin::Version version = standin::Version::v8_4) : site{version} {
    JournalOptions options;
    options.path = ":memory:";
    options.writer = JournalOptions::Writer::inline_writer;
    options.sync = false;
    journal = Journal::open(options, site.stand_in.clock()).value();
    boot();
  }

  void boot() {
    guests.reset();
    gate.reset();
    site.boot();
    gate = std::make_unique<gate::Gate>(*journal, site.stand_in.clock(), random);
    guests = std::make_unique<GuestReconciler>(
        GuestWorld{*journal, *gate, site.ports(), site.stand_in.clock(), random, desk, signatures,
                   host_id, "proxmox", Logger{}, ProgressSink{}, std::stop_token{}});
  }

  // One pass; a death in it ends the process, and the next pass is another one's.
  Result<Requeue> pass(const std::string& name) {
    try {
      return guests->reconcile(name);
    } catch (const Death&) {
      ++deaths;
      boot();
      return Error{Errc::unavailable, "the daemon died"};
    }
  }
  // Passes until nothing is wanted soon. False: it goes on and on.
  bool settle(const std::string& name) {
    for (int count = 0; count < 120; ++count) {
      const auto requeue = pass(name);
      if (!requeue) {
        last_error = requeue.error().describe();
        if (count == 60) unlock();
        site.stand_in.advance(std::chrono::seconds{2});
        continue;
      }
      if (!requeue->delay || *requeue->delay >= std::chrono::minutes{5}) return true;
      if (count == 60) unlock();
      site.stand_in.advance(*requeue->delay);
    }
    return false;
  }
  bool want(const Guest& guest) {
    desk.want(guest);
    return settle(guest.name);
  }
  // Orders as a queue gives them: again, until they are journaled.
  template <class Give>
  bool order(Give give) {
    for (int count = 0; count < 20; ++count) {
      try {
        if (give(*guests)) return true;
      } catch (const Death&) {
        ++deaths;
        boot();
      }
      site.stand_in.advance(std::chrono::seconds{2});
    }
    return false;
  }

  // What root on the node does about what died workers left, once somebody tells.
  void unlock() {
    for (auto& [vmid, guest] : world().guests) {
      const auto lock = guest.config.find("lock");
      if (lock == guest.config.end()) continue;
      // A guest that something was being restored over is none.
      const bool is_placeholder = lock->second == "create" && guest.config.size() == 1;
      guest.config.erase(lock);
      ++unlocked;
      if (is_placeholder) return world().erase_guest(vmid);
    }
  }

  std::optional<GuestIdentity> identity(const std::string& name) {
    for (const Provenance& row : journal->all_provenance().value())
      if (row.subject == guest_subject(name) && row.life != Life::gone)
        return parse_identity(row.detail).value();
    return std::nullopt;
  }
  gate::Authority sign(gate::Verb verb, const GuestIdentity& guest,
                       const std::string& object = {}) {
    gate::SignedOrder order;
    order.verb = verb;
    order.uuid = guest.uuid;
    order.incarnation = guest.incarnation;
    order.expires = site.stand_in.clock().now() + std::chrono::hours{24 * 6};
    order.object = object;
    order.extra_budget = 10;
    order.job_id = std::to_string(++signed_jobs);
    order.job_id.insert(0, 32 - order.job_id.size(), '0');
    const auto authority = gate::AuthorityIssuer::issue(order);
    signatures.add(authority);
    return authority;
  }
  // A signed job that was accepted, and waits for the next pass over `name`.
  std::string give(const std::string& name, const std::string& job, const std::string& action,
                   Time expires) {
    JobRecord record;
    record.id = job;
    record.payload_sha256 = "payload " + job;
    record.subject = guest_subject(name);
    record.action = action;
    record.expires = expires;
    if (!journal->commit([&](Writes& writes) { return writes.put_job(record); })) return {};
    return job;
  }
  std::string give(const std::string& name, const gate::Authority& authority) {
    return give(name, authority.job_id(), std::string{gate::job_action(authority.verb())},
                authority.expires());
  }
  // One that the gate is not asked about.
  std::string give_free(const std::string& name, const std::string& action,
                        const GuestIdentity& guest, std::map<std::string, std::string> params) {
    FreeOrder order;
    order.action = action;
    order.job = std::to_string(++signed_jobs);
    order.job.insert(0, 32 - order.job.size(), '0');
    order.uuid = guest.uuid;
    order.incarnation = guest.incarnation;
    order.expires = site.stand_in.clock().now() + std::chrono::hours{24 * 6};
    order.params = std::move(params);
    signatures.add(order);
    return give(name, order.job, action, order.expires);
  }
  ConditionRecord condition(const std::string& name, const std::string& type) {
    for (const ConditionRecord& c : journal->conditions(guest_subject(name)).value())
      if (c.type == type) return c;
    return {};
  }
  // Ours and others', at the host itself.
  standin::World& world() { return site.stand_in.world(); }
  // The only guest there that is called `name`; null when there is none or more than one.
  standin::Guest* at_host(const std::string& name) {
    standin::Guest* found = nullptr;
    for (auto& [vmid, guest] : world().guests) {
      const char* const key = guest.kind == standin::GuestKind::lxc ? "hostname" : "name";
      if (guest.config[key] != name) continue;
      if (found != nullptr) return nullptr;
      found = &guest;
    }
    return found;
  }

  ProxmoxSite site;
  sim::SeededRandom random{11};
  std::unique_ptr<Journal> journal{};
  std::unique_ptr<gate::Gate> gate{};
  Desk desk{};
  Signatures signatures{};
  std::unique_ptr<GuestReconciler> guests{};
  std::string last_error{};
  unsigned signed_jobs = 0;
  unsigned deaths = 0;
  unsigned unlocked = 0;
};

// Guest `name` from the archive of ProxmoxSite::add_image().
inline Guest tenant(const std::string& name) {
  Guest guest = acme();
  guest.name = name;
  guest.spec.provider = "proxmox";
  guest.spec.memory = mebibytes(512);
  guest.spec.root_disk = {gibibytes(2), "fast"};
  guest.spec.volumes.front().size = gibibytes(1);
  guest.spec.volumes.front().target = "fast";
  guest.spec.interfaces.front().source = "vmbr0";
  return guest;
}

}  // namespace holdfast::test
