// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/campaign_operations.hpp"

#include <stdexcept>
#include <utility>

#include "base/sha256.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "schema/desired_state.hpp"

namespace holdfast::sim {
namespace {

using Operations = std::vector<CampaignOperation>;
using Edit = std::function<void(GuestSpec&)>;

const std::string name = "acme";
const std::string snapshot = "before";

Resources acme(const Edit& edit = {}) {
  Resources resources;
  resources.guests = {small_guest(name)};
  if (edit) edit(resources.guests.front().spec);
  return resources;
}

std::function<void(const Stage&)> want(Resources resources) {
  return [resources = std::move(resources)](const Stage& stage) { stage.want(resources); };
}

const SimDomain* guest(const SimWorld& world) { return world.find_by_name(name); }

std::function<bool(const SimWorld&)> guest_is(std::function<bool(const SimDomain&)> so) {
  return [so = std::move(so)](const SimWorld& world) {
    const SimDomain* found = guest(world);
    return found != nullptr && so(*found);
  };
}

std::function<bool(const SimWorld&)> power_is(host::PowerState power) {
  return guest_is([power](const SimDomain& domain) { return domain.power == power; });
}

std::function<bool(const SimWorld&)> disk_is(std::string disk, Bytes size) {
  return [disk = std::move(disk), size](const SimWorld& world) {
    const SimDomain* found = guest(world);
    if (found == nullptr) return false;
    for (const host::Disk& present : found->configured.disks) {
      if (present.name != disk) continue;
      const auto file = world.files.find(present.path);
      return file != world.files.end() && file->second.size == size;
    }
    return false;
  };
}

void stop(GuestSpec& spec) { spec.power = Power::stopped; }
void suspend(GuestSpec& spec) { spec.power = Power::suspended; }
void volumes(GuestSpec& spec) { spec.volumes = {Volume{"db", gibibytes(2)}}; }

// Given again until it is in the journal, as a queue of jobs does.
void order(const Stage& stage, const std::function<Result<OperationId>(GuestReconciler&)>& give) {
  bool is_taken = false;
  while (!is_taken) {
    stage.scenario.attempt([&](Daemon& daemon) {
      if (daemon.journal().unfinished(guest_subject(name)).value()) {
        is_taken = true;  // by a daemon that died right after
        return;
      }
      Engine& engine = dynamic_cast<EngineDaemon&>(daemon).engine();
      const auto given = give(engine.guests());
      if (!given) throw std::runtime_error{"an order: " + given.error().describe()};
      engine.wake_for_order(name);
      is_taken = true;
    });
  }
}

void order_snapshot(const Stage& stage) {
  order(stage, [](GuestReconciler& guests) { return guests.begin_snapshot(name, snapshot); });
}

// Signed, accepted and left to the guest's next pass.
std::function<void(const Stage&)> job(gate::Verb verb, std::string object = {}) {
  return [verb, object = std::move(object)](const Stage& stage) {
    const SimWorld& world = stage.scenario.world();
    const SimDomain* subject = world.find_by_name(name);
    for (const auto& [uuid, domain] : world.domains)
      if (domain.marker && domain.marker->provenance == "tombstone") subject = &domain;
    const auto authority = sign_order(stage.hub, stage.scenario, verb, *subject, object);
    give_job(stage.scenario, job_of(authority, guest_subject(name)));
  };
}

void order_destroy(const Stage& stage) { job(gate::Verb::destroy_guest)(stage); }

// A destroyed guest's disks, under whatever name.
std::size_t tombstones(const SimWorld& world) {
  std::size_t count = 0;
  for (const auto& [uuid, domain] : world.domains)
    if (domain.marker && domain.marker->provenance == "tombstone") ++count;
  return count;
}

Operations births() {
  Resources two = acme();
  two.guests.push_back(small_guest("beta"));
  const Edit rich = [](GuestSpec& spec) {
    volumes(spec);
    spec.volumes.push_back(Volume{"media", gibibytes(3)});
    spec.bootstrap.user_data = "#cloud-config\n{}";
    spec.interfaces.push_back({"lan", Interface::Kind::bridge, "br0", "virtio"});
  };
  const Edit stopped = [rich](GuestSpec& spec) {
    rich(spec);
    stop(spec);
  };
  const auto has_all = guest_is([](const SimDomain& domain) {
    return domain.configured.disks.size() == 3 && !domain.configured.seed_path.empty();
  });
  return {
      {"create", {}, {}, want(acme()), power_is(host::PowerState::running)},
      {"create with volumes and a seed", {}, {}, want(acme(rich)), has_all},
      {"create stopped", {}, {}, want(acme(stopped)), power_is(host::PowerState::stopped)},
      {"create suspended", {}, {}, want(acme(suspend)), power_is(host::PowerState::suspended)},
      {"create two", {}, {}, want(two), power_is(host::PowerState::running)},
  };
}

Operations power_changes() {
  const auto ignore = [](const Stage& stage) {
    stage.scenario.world().find_by_name(name)->on_stop.ignores = true;
  };
  return {
      {"start", acme(stop), {}, want(acme()), power_is(host::PowerState::running)},
      {"stop", acme(), {}, want(acme(stop)), power_is(host::PowerState::stopped), true},
      {"stop escalated", acme(), ignore, want(acme(stop)), power_is(host::PowerState::stopped),
       true},
      {"suspend", acme(), {}, want(acme(suspend)), power_is(host::PowerState::suspended)},
      {"resume", acme(suspend), {}, want(acme()), power_is(host::PowerState::running)},
  };
}

Operations configurations() {
  const Edit more = [](GuestSpec& spec) {
    spec.cpus = 4;
    spec.memory = mebibytes(768);
  };
  const Edit too_much = [](GuestSpec& spec) {
    spec.cpus = 64;
    spec.memory = gibibytes(64);
  };
  const Edit limits = [](GuestSpec& spec) {
    spec.limits.cpu_shares = 512;
    spec.limits.io_read_bps = mebibytes(100);
  };
  const Edit nics = [](GuestSpec& spec) {
    spec.interfaces.push_back({"lan", Interface::Kind::bridge, "br0", "virtio"});
  };
  const Edit seed = [](GuestSpec& spec) { spec.bootstrap.user_data = "#cloud-config\n{}"; };
  const auto with_stop = [](Edit edit) {
    return Edit{[edit](GuestSpec& spec) {
      edit(spec);
      stop(spec);
    }};
  };
  const auto cpus_are = [](unsigned cpus) {
    return guest_is([cpus](const SimDomain& domain) { return domain.configured.cpus == cpus; });
  };
  const auto nics_are = [](std::size_t count) {
    return guest_is(
        [count](const SimDomain& domain) { return domain.configured.nics.size() == count; });
  };
  return {
      {"configure live", acme(), {}, want(acme(more)), cpus_are(4)},
      {"configure until the next stop",
       acme(),
       {},
       want(acme(too_much)),
       cpus_are(64),
       false,
       true},
      {"configure offline", acme(stop), {}, want(acme(with_stop(more))), cpus_are(4)},
      {"limits live", acme(), {}, want(acme(limits)), guest_is([](const SimDomain& domain) {
         return domain.live && domain.live->limits.cpu_shares == 512U;
       })},
      {"attach an interface live", acme(), {}, want(acme(nics)), nics_are(2)},
      {"detach an interface live", acme(nics), {}, want(acme()), nics_are(1)},
      {"interfaces offline", acme(stop), {}, want(acme(with_stop(nics))), nics_are(2)},
      {"write another seed", acme(), {}, want(acme(seed)), power_is(host::PowerState::running)},
  };
}

Operations disks() {
  const Edit bigger = [](GuestSpec& spec) { spec.root_disk.size = gibibytes(12); };
  const auto stopped = [](Edit edit) {
    return Edit{[edit](GuestSpec& spec) {
      edit(spec);
      stop(spec);
    }};
  };
  const auto detach = [](const Stage& stage) {
    const Uuid uuid = stage.scenario.world().find_by_name(name)->uuid;
    stage.scenario.host().drift(uuid, [](SimDomain& domain) {
      domain.configured.disks.resize(1);
      if (domain.live) domain.live->disks.resize(1);
    });
  };
  return {
      {"grow a disk live", acme(), {}, want(acme(bigger)), disk_is("root", gibibytes(12))},
      {"grow a disk offline",
       acme(stop),
       {},
       want(acme(stopped(bigger))),
       disk_is("root", gibibytes(12))},
      {"add a volume live", acme(), {}, want(acme(volumes)), disk_is("db", gibibytes(2))},
      {"add a volume offline",
       acme(stop),
       {},
       want(acme(stopped(volumes))),
       disk_is("db", gibibytes(2))},
      {"attach a detached volume again", acme(volumes), {}, detach, disk_is("db", gibibytes(2))},
  };
}

Operations repairs() {
  const auto undefine = [](const Stage& stage) {
    stage.scenario.host().remove_by_hand(stage.scenario.world().find_by_name(name)->uuid);
  };
  const auto misname = [](const Stage& stage) {
    const Uuid uuid = stage.scenario.world().find_by_name(name)->uuid;
    stage.scenario.host().drift(uuid, [](SimDomain& domain) { domain.name = "misnamed"; });
  };
  return {
      {"redefine", acme(volumes), {}, undefine, disk_is("db", gibibytes(2))},
      {"rename", acme(stop), {}, misname, power_is(host::PowerState::stopped)},
  };
}

Operations orders() {
  const auto snapshots_are = [](std::size_t count) {
    return guest_is([count](const SimDomain& domain) { return domain.snapshots.size() == count; });
  };
  const auto gone = [](const SimWorld& world) {
    return guest(world) == nullptr && tombstones(world) == 1 && !world.files.empty();
  };
  const auto freed = [](const SimWorld& world) {
    return world.domains.empty() && world.files.empty();
  };
  // Still wanted, it would be made anew once the tombstone is free.
  const auto destroy_and_drop = [](const Stage& stage) {
    order_destroy(stage);
    stage.scenario.settle();
    stage.want({});
  };
  const auto week_passes = [](const Stage& stage) { let_a_week_pass(stage.scenario); };
  return {
      {"snapshot", acme(volumes), {}, order_snapshot, snapshots_are(1)},
      {"snapshot offline", acme(stop), {}, order_snapshot, snapshots_are(1)},
      {"roll back", acme(volumes), order_snapshot, job(gate::Verb::roll_back_snapshot, snapshot),
       power_is(host::PowerState::running), true},
      {"remove a snapshot", acme(volumes), order_snapshot,
       job(gate::Verb::remove_snapshot, snapshot), snapshots_are(0)},
      {"destroy", acme(volumes), {}, order_destroy, gone, true},
      {"destroy offline", acme(stop), {}, order_destroy, gone},
      {"undelete", acme(volumes), order_destroy, job(gate::Verb::undelete_guest),
       power_is(host::PowerState::running)},
      {"free a tombstone", acme(volumes), destroy_and_drop, week_passes, freed},
      {"free a tombstone early", acme(), destroy_and_drop, job(gate::Verb::free_tombstone), freed},
  };
}

// A disk is exchanged or taken away, and what it was is set aside. Desired state says so
// first, is refused, and what it wants is signed. Stopped guests, but for one: stopping and
// starting are operations of their own.
Operations disk_orders() {
  const auto stopped = [](Edit edit) {
    return acme([edit](GuestSpec& spec) {
      edit(spec);
      stop(spec);
    });
  };
  const auto wish = [](Resources wanted) {
    return [wanted](const Stage& stage) {
      stage.scenario.world().add_image({"debian-12", "2"}, gibibytes(4));
      stage.scenario.world().targets["other"] = SimTarget{"/sim/other"};
      stage.want(wanted);
    };
  };
  const Edit reimaged = [](GuestSpec& spec) { spec.image.version = "2"; };
  const Edit smaller = [](GuestSpec& spec) { spec.volumes = {Volume{"db", gibibytes(1)}}; };
  const Edit moved = [](GuestSpec& spec) {
    volumes(spec);
    spec.volumes[0].target = "other";
  };
  const Edit none = [](GuestSpec&) {};
  const auto has_files = [](std::size_t count, std::size_t disks) {
    return [=](const SimWorld& world) {
      const SimDomain* found = guest(world);
      return found != nullptr && world.files.size() == count &&
             found->configured.disks.size() == disks;
    };
  };
  const auto remove_db = [wish, stopped, none](const Stage& stage) {
    wish(stopped(none))(stage);
    stage.scenario.settle();
    job(gate::Verb::remove_volume, "db")(stage);
  };
  const auto week_passes = [](const Stage& stage) { let_a_week_pass(stage.scenario); };
  return {
      {"reimage", acme(), wish(acme(reimaged)), job(gate::Verb::replace_image, "debian-12/2"),
       guest_is([](const SimDomain& domain) {
         return domain.marker->incarnation.value == 2 && domain.is_up();
       }),
       true, false, 6},
      {"shrink a disk", stopped(volumes), wish(stopped(smaller)),
       job(gate::Verb::shrink_disk, "db 1Gi"), disk_is("db", gibibytes(1)), false, false, 4},
      {"remove a volume", stopped(volumes), wish(stopped(none)),
       job(gate::Verb::remove_volume, "db"), has_files(3, 1), false, false, 4},
      {"move a disk", stopped(volumes), wish(stopped(moved)),
       job(gate::Verb::move_disk, "db other"), has_files(3, 2), false, false, 4},
      {"free a disk set aside", stopped(volumes), remove_db, week_passes, has_files(2, 1)},
  };
}

Operations adoptions() {
  const auto plant = [](const Stage& stage) {
    stage.scenario.host().plant_foreign_domain("legacy", false);
  };
  const auto adopt = [](const Stage& stage) {
    const SimDomain& legacy = *stage.scenario.world().find_by_name("legacy");
    const auto authority =
        sign_order(stage.hub, stage.scenario, gate::Verb::adopt_guest, legacy, "legacy");
    give_job(stage.scenario, job_of(authority, "guest/legacy"));
  };
  return {{"adopt", acme(stop), plant, adopt, [](const SimWorld& world) {
             const SimDomain* legacy = world.find_by_name("legacy");
             return legacy != nullptr && legacy->marker.has_value();
           }}};
}

// Volume media is one that no backup takes.
Operations backups() {
  const Edit two = [](GuestSpec& spec) {
    volumes(spec);
    spec.volumes.push_back(Volume{"media", gibibytes(3)});
  };
  const auto free_job = [](const Stage& stage, const std::string& action,
                           const std::string& subject, std::map<std::string, std::string> params) {
    const SimDomain& guest = *stage.scenario.world().find_by_name(name);
    const auto order = sign_free_order(stage.hub, stage.scenario, action, guest, std::move(params));
    give_job(stage.scenario, job_of(order, guest_subject(subject)));
  };
  const auto back_up = [free_job](const Stage& stage) {
    free_job(stage, "guest.backup", name, {{"note", "monday"}});
  };
  const auto prepare = [back_up](const Stage& stage) {
    const Uuid uuid = stage.scenario.world().find_by_name(name)->uuid;
    stage.scenario.host().drift(uuid, [](SimDomain& domain) {
      for (host::Disk& disk : domain.configured.disks) disk.is_backed_up = disk.name != "media";
    });
    back_up(stage);
  };
  const auto restore = [free_job](const Stage& stage) {
    const std::string id = stage.scenario.world().backups.front().facts.id;
    free_job(stage, "guest.restore", "copy",
             {{"object", id}, {"name", "copy"}, {"isolated", "true"}});
  };
  const auto restore_over = [](const Stage& stage) {
    job(gate::Verb::restore_over, stage.scenario.world().backups.front().facts.id)(stage);
  };
  return {
      {"back up",
       acme(two),
       {},
       back_up,
       [](const SimWorld& world) { return world.backups.size() == 1; }},
      {"restore as a new guest", acme(two), prepare, restore,
       [](const SimWorld& world) {
         const SimDomain* copy = world.find_by_name("copy");
         return copy != nullptr && !copy->is_up() && copy->configured.disks.size() == 2 &&
                !copy->configured.nics.front().is_linked && world.backups.size() == 1;
       },
       false, false, 2},
      {"restore over", acme(two), prepare, restore_over,
       [](const SimWorld& world) {
         const SimDomain* found = guest(world);
         return found != nullptr && found->is_up() && found->marker->incarnation.value == 2 &&
                found->configured.disks.size() == 3 && world.backups.size() == 2;
       },
       true, false, 6},
  };
}

// A held state that goes through on a signature: the one guest it keeps takes its change.
Operations host_orders() {
  Resources three = acme();
  three.guests.push_back(small_guest("beta"));
  three.guests.push_back(small_guest("gamma"));
  for (std::size_t i : {1U, 2U}) three.guests[i].spec.power = Power::stopped;
  const auto allow = [](const Stage& stage) {
    const Resources rest = acme([](GuestSpec& spec) { spec.cpus = 4; });
    const Time now = stage.scenario.clock().now();
    const std::string digest =
        digest_of(resources_to_canonical_json(with_envelope(rest, stage.hub.host_id(), 1, now)));
    stage.want(rest);
    const auto authority =
        sign_order(stage.hub, stage.scenario, gate::Verb::allow_mass_change, SimDomain{}, digest);
    give_job(stage.scenario, job_of(authority, "host"));
  };
  return {{"allow a mass change", three, {}, allow, guest_is([](const SimDomain& domain) {
             return domain.configured.cpus == 4;
           })}};
}

}  // namespace

Operations campaign_operations() {
  Operations all;
  for (const auto& group : {births(), power_changes(), configurations(), disks(), repairs(),
                            orders(), disk_orders(), backups(), adoptions(), host_orders()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

}  // namespace holdfast::sim
