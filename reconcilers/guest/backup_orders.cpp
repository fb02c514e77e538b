// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/backup_orders.hpp"

#include <algorithm>
#include <utility>

#include "gate/codes.hpp"
#include "reconcilers/guest/disk_orders.hpp"
#include "reconcilers/guest/executed_jobs.hpp"
#include "reconcilers/guest/guest_jobs.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "schema/guest.hpp"

namespace holdfast {
namespace {

OrderRefusal no(std::string_view code, std::string sentence) {
  return {std::string{code}, std::move(sentence)};
}

OrderRefusal no_backups(const GuestWorld& world) {
  return no(job_code::not_supported,
            "backups of guests of " + world.provider + " are not in this version");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// That backup, if this installation took it of that guest.
Result<std::optional<host::BackupFacts>> find_by_id(const GuestWorld& world, const Uuid& guest,
                                                    const std::string& id) {
  for (host::BackupFacts& facts : TRY(world.host.backups->list(guest).context("list backups")))
    if (facts.id == id && facts.host_id == world.host_id) return std::optional{std::move(facts)};
  return std::optional<host::BackupFacts>{};
}

OrderRefusal missing(const std::string& id, const Uuid& guest) {
  return no(job_code::no_backup, "there is no backup " + id +
                                     " that this installation took of guest " + to_string(guest) +
                                     "; see 'holdfast get backups'");
}

Result<BackupAnswer> judge_backup(const GuestWorld& world, const std::string& name,
                                  const FreeOrder& order) {
  const auto row = TRY(world.journal.provenance(order.uuid));
  if (!row || row->subject != guest_subject(name) || row->life != Life::live)
    return BackupAnswer{no(gate::code::not_ours, "the journal knows no living guest " + name +
                                                     " with UUID " + to_string(order.uuid))};
  if (row->incarnation != order.incarnation)
    return BackupAnswer{
        no(gate::code::wrong_incarnation, "the job names another incarnation of guest " + name)};
  NewBackup what{TRY(parse_identity(row->detail)), {}};
  const auto observed = TRY(world.host.inventory.observe(order.uuid).context("observe"));
  const auto marker = marker_state(observed, what.identity, world.host_id);
  if (marker == gate::MarkerState::no_object)
    return BackupAnswer{no(gate::code::no_object, "the provider says that there is no such guest")};
  if (marker != gate::MarkerState::matches)
    return BackupAnswer{no(gate::code::marker_differs, "its marker is not that of guest " + name)};
  what.order = {order.job, order.param("note"), order.param("protect") == "true"};
  return BackupAnswer{back_up_guest(what)};
}

// Who has the name already, or will have; nothing when it is free.
Result<std::optional<OrderRefusal>> object_to_name(const GuestWorld& world, const std::string& name,
                                                   const host::Inventory& inventory) {
  const auto taken = [&](const std::string& why) {
    return std::optional{no(job_code::name_taken, "the name " + name + " is not free: " + why)};
  };
  if (!is_guest_name(name)) return std::optional{no(job_code::bad_order, "it is no guest's name")};
  if (TRY(world.journal.owner_of(guest_subject(name)))) return taken("a guest here has it");
  const auto desired = world.desired.find(name);
  if (desired && desired->is_wanted)
    return taken(
        "desired state wants another guest of that name; restore it under a name that "
        "nobody wants yet");
  for (const host::ObservedGuestPtr& guest : inventory.guests) {
    const bool claims = guest->marker && guest->marker->host_id == world.host_id &&
                        guest->marker->name == name && !is_tombstone(*guest->marker);
    if (guest->name == name || claims)
      return taken("guest " + to_string(guest->uuid) + " has it at the provider");
  }
  return std::optional<OrderRefusal>{};
}

std::vector<std::string> macs_in(const host::Inventory& inventory) {
  std::vector<std::string> macs;
  for (const host::ObservedGuestPtr& guest : inventory.guests)
    for (const host::Nic& nic : guest->configured.nics) macs.push_back(nic.mac);
  return macs;
}

std::vector<DiskIdentity> identities_of_disks(const std::vector<host::Disk>& disks) {
  std::vector<DiskIdentity> identities;
  identities.reserve(disks.size());
  for (const host::Disk& disk : disks)
    identities.push_back({disk.name, disk.target, disk.path, disk.path, disk.format, {}});
  return identities;
}

// Another guest of the same content: its UUID and addresses are its own, and it is the first of
// its kind.
NewCopy copy_of(const GuestWorld& world, const host::BackupContent& content,
                const host::Inventory& inventory, const FreeOrder& order, const Uuid& uuid) {
  NewCopy copy;
  copy.backup = order.param("object");
  copy.job = order.job;
  copy.left_out = content.left_out;
  GuestIdentity& identity = copy.identity;
  const auto source = identity_from_marker(content.marker);
  identity.uuid = uuid;
  identity.name = order.param("name");
  identity.first_boot = FirstBoot::none;
  if (source) {
    identity.image = source->image;
    identity.kernel = source->kernel;
    identity.initrd = source->initrd;
    identity.cmdline = source->cmdline;
  }
  identity.disks = identities_of_disks(content.shape.disks);
  copy.definition.name = identity.name;
  copy.definition.shape = content.shape;
  copy.definition.shape.seed_path.clear();
  std::vector<std::string> taken = macs_in(inventory);
  auto& nics = copy.definition.shape.nics;
  for (std::size_t i = 0; i < nics.size(); ++i) {
    std::string interface = "net" + std::to_string(i);
    if (source)
      for (const NicIdentity& known : source->nics)
        if (known.mac == nics[i].mac) interface = known.interface;
    nics[i].mac = random_mac(world.random, taken);
    nics[i].is_linked = order.param("isolated") != "true";
    taken.push_back(nics[i].mac);
    identity.nics.push_back({interface, nics[i].mac});
  }
  copy.definition.kernel = identity.kernel;
  copy.definition.initrd = identity.initrd;
  copy.definition.cmdline = cmdline_of(identity);
  copy.definition.marker = with_job(make_marker(identity, world.host_id, "", ""),
                                    {order.job, order.expires}, world.clock.now());
  return copy;
}

Result<BackupAnswer> judge_restore(const GuestWorld& world, const std::string& name,
                                   const FreeOrder& order) {
  if (order.param("name") != name)
    return BackupAnswer{no(job_code::bad_order, "the job came for guest " + name)};
  const auto inventory = TRY(world.host.inventory.observe_all().context("observe all guests"));
  for (const host::ObservedGuestPtr& guest : inventory.guests)
    if (guest->marker && was_executed(*guest->marker, order.job))
      return BackupAnswer{no(job_code::replayed, "guest " + guest->name +
                                                     " says that this job made it before; the "
                                                     "journal is an older copy")};
  if (auto taken = TRY(object_to_name(world, name, inventory))) return BackupAnswer{*taken};
  const std::string id = order.param("object");
  const auto facts = TRY(find_by_id(world, order.uuid, id));
  if (!facts) return BackupAnswer{missing(id, order.uuid)};
  const Uuid uuid = Uuid::random(world.random);
  const auto content = TRY(world.host.backups->inspect(id, uuid).context("look into " + id));
  return BackupAnswer{restore_guest(copy_of(world, content, inventory, order, uuid))};
}

std::vector<std::string> effects_of(const GuestIdentity& identity, const std::string& backup,
                                    const host::ObservedGuestPtr& observed,
                                    const host::RestoreForecast& forecast) {
  std::vector<std::string> effects;
  if (observed && is_active(observed->power)) effects.push_back("stops guest " + identity.name);
  effects.push_back("takes a protected backup of guest " + identity.name +
                    " as it is, which is kept until somebody removes it");
  for (const host::Disk& disk : forecast.content.shape.disks)
    effects.push_back("puts disk " + disk.name + " of " + backup +
                      " in the place of what is there");
  for (const host::KeptDisk& kept : forecast.kept)
    effects.push_back("leaves disk " + kept.disk.name +
                      ", which the backup does not hold, as it is");
  for (const std::string& lost : forecast.lost) effects.push_back("would lose " + lost);
  return effects;
}

}  // namespace

Result<std::optional<host::BackupFacts>> find_backup(const GuestWorld& world, const Uuid& guest,
                                                     const std::string& label) {
  if (world.host.backups == nullptr)
    return Error{Errc::corrupt, "it is about backups, and the provider here takes none"};
  for (host::BackupFacts& facts : TRY(world.host.backups->list(guest).context("list backups")))
    if (facts.label == label && facts.host_id == world.host_id)
      return std::optional{std::move(facts)};
  return std::optional<host::BackupFacts>{};
}

Result<BackupAnswer> judge_free_order(const GuestWorld& world, const std::string& name,
                                      const FreeOrder& order) {
  if (world.host.backups == nullptr) return BackupAnswer{no_backups(world)};
  if (order.action == operation_kind::backup) return judge_backup(world, name, order);
  if (order.action == operation_kind::restore) return judge_restore(world, name, order);
  return BackupAnswer{no(job_code::not_supported, "no guest here can be told to " + order.action)};
}

Result<OverJudgement> judge_restore_over(const GuestWorld& world, const gate::Authority& authority,
                                         const GuestIdentity& identity,
                                         const host::ObservedGuestPtr& observed) {
  OverJudgement judged;
  if (world.host.backups == nullptr) {
    judged.answer = no_backups(world);
    return judged;
  }
  if (observed && !observed->lock.empty())
    return Error{Errc::unavailable,
                 "guest " + identity.name + " is locked (" + observed->lock + ")"};
  const std::string& id = authority.object();
  if (!TRY(find_by_id(world, identity.uuid, id))) {
    judged.answer = missing(id, identity.uuid);
    return judged;
  }
  const auto forecast =
      TRY(world.host.backups->forecast(identity.uuid, id).context("look into " + id));
  judged.effects = effects_of(identity, id, observed, forecast);
  if (!forecast.lost.empty()) {
    judged.answer = no(job_code::would_lose,
                       "guest " + identity.name + " would lose for good: " + joined(forecast.lost));
    return judged;
  }
  RestoreOver what;
  what.before = identity;
  what.after = identity;
  ++what.after.incarnation.value;
  what.after.deferred.clear();
  what.after.disks = identities_of_disks(forecast.content.shape.disks);
  for (const host::KeptDisk& kept : forecast.kept)
    if (const DiskIdentity* ours = identity.find_disk(kept.disk.name))
      what.after.disks.push_back(*ours);
  what.backup = id;
  what.kept = forecast.kept;
  what.job = authority.job_id();
  what.was_running = observed && is_active(observed->power);
  what.effects = judged.effects;
  judged.answer = std::move(what);
  return judged;
}

}  // namespace holdfast
