// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

// Where a disk of `uuid` lies that is made anew.
std::string path_on(const SimWorld& world, const host::Disk& disk, const Uuid& uuid) {
  const auto target = world.targets.find(disk.target);
  const std::string root = target == world.targets.end() ? "/sim/local" : target->second.path;
  return root + "/" + to_string(uuid) + "/" + disk.name + ".raw";
}

const host::Disk* find_disk(const host::Shape& shape, const std::string& name) {
  for (const host::Disk& disk : shape.disks)
    if (disk.name == name) return &disk;
  return nullptr;
}

bool is_of(const SimBackup& backup, const Uuid& guest) { return backup.facts.guest == guest; }

}  // namespace

Result<std::vector<host::BackupFacts>> SimBackups::list(const std::optional<Uuid>& guest) {
  using Answer = Result<std::vector<host::BackupFacts>>;
  return core_.read<Answer>(Call::backup_list, [&]() -> Answer {
    std::vector<host::BackupFacts> all;
    for (const SimBackup& backup : core_.world.backups)
      if (!guest || is_of(backup, *guest)) all.push_back(backup.facts);
    return all;
  });
}

Result<host::BackupFacts> SimBackups::take(const Uuid& uuid, const host::BackupOrder& order) {
  using Answer = Result<host::BackupFacts>;
  return core_.change(Call::backup_take, uuid, [&]() -> Answer {
    SimWorld& world = core_.world;
    for (const SimBackup& backup : world.backups)
      if (is_of(backup, uuid) && backup.facts.label == order.label) return backup.facts;
    const SimDomain& domain = *TRY(core_.find_ours(Call::backup_take, uuid));
    SimBackup made;
    made.facts = {.id = "sim:backup-" + std::to_string(world.backups.size() + 1),
                  .taken = core_.clock.now(),
                  .size = mebibytes(1),
                  .is_protected = order.is_protected,
                  .host_id = domain.marker->host_id,
                  .guest = uuid,
                  .incarnation = domain.marker->incarnation,
                  .guest_name = domain.marker->name,
                  .label = order.label,
                  .note = order.note};
    made.marker = *domain.marker;
    made.name = domain.name;
    made.shape = domain.configured;
    made.kernel = domain.kernel;
    for (const host::Disk& disk : domain.configured.disks) {
      if (!disk.is_backed_up) continue;
      const auto file = world.files.find(disk.path);
      if (file == world.files.end())
        return Error{Errc::internal, disk.path + " cannot be backed up: it is not there"};
      SimFile& held = made.held[disk.name] = file->second;
      held.backing.clear();
      held.customer = world.data_on(disk.path);
    }
    world.backups.push_back(made);
    ++world.version;
    return made.facts;
  });
}

Result<const SimBackup*> SimBackups::find(const std::string& backup) const {
  for (const SimBackup& known : core_.world.backups)
    if (known.facts.id == backup) return &known;
  return Error{Errc::not_found, "there is no backup " + backup};
}

Result<host::BackupContent> SimBackups::inspect(const std::string& backup, const Uuid& as) {
  using Answer = Result<host::BackupContent>;
  return core_.read<Answer>(Call::backup_inspect, [&]() -> Answer {
    const SimBackup& known = *TRY(find(backup));
    host::BackupContent content{known.marker, known.name, known.shape, {}};
    content.shape.disks.clear();
    content.shape.seed_path.clear();
    for (host::Disk disk : known.shape.disks) {
      const auto held = known.held.find(disk.name);
      if (held == known.held.end()) {
        content.left_out.push_back(disk.name);
        continue;
      }
      disk.path = path_on(core_.world, disk, as);
      disk.format = "raw";
      disk.size = held->second.size;
      content.shape.disks.push_back(disk);
    }
    return content;
  });
}

Result<void> SimBackups::restore(const host::GuestDefinition& definition,
                                 const std::string& backup) {
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::backup_restore, uuid, [&]() -> Result<void> {
    SimWorld& world = core_.world;
    const SimBackup& known = *TRY(find(backup));
    if (world.domain(uuid) != nullptr) return ok();
    if (world.find_by_name(definition.name) != nullptr)
      return Error{Errc::conflict, "a domain named " + definition.name + " exists"};
    for (const host::Disk& disk : definition.shape.disks) {
      const auto held = known.held.find(disk.name);
      if (held == known.held.end())
        return Error{Errc::invalid, "the backup holds nothing of disk " + disk.name};
      SimFile made = held->second;
      made.owner = uuid;
      world.files[disk.path] = std::move(made);
    }
    SimDomain& domain = world.domains[uuid];
    domain.uuid = uuid;
    domain.name = definition.name;
    domain.marker = definition.marker;
    domain.configured = definition.shape;
    domain.kernel = definition.kernel;
    domain.initrd = definition.initrd;
    domain.cmdline = definition.cmdline;
    world.touch(domain);
    core_.announce(Call::backup_restore, uuid);
    return ok();
  });
}

Result<host::RestoreForecast> SimBackups::outlook(const SimDomain& domain,
                                                  const SimBackup& backup) const {
  host::RestoreForecast forecast;
  forecast.content = {backup.marker, backup.name, domain.configured, {}};
  auto& disks = forecast.content.shape.disks;
  disks.clear();
  for (host::Disk disk : backup.shape.disks) {
    const auto held = backup.held.find(disk.name);
    if (held == backup.held.end()) {
      forecast.content.left_out.push_back(disk.name);
      continue;
    }
    const host::Disk* now = find_disk(domain.configured, disk.name);
    disk.path = now != nullptr ? now->path : path_on(core_.world, disk, domain.uuid);
    disk.format = "raw";
    disk.size = held->second.size;
    disks.push_back(disk);
    if (now != nullptr && !now->is_backed_up)
      forecast.lost.push_back("disk " + disk.name + ", which no backup holds");
  }
  for (const host::Disk& disk : domain.configured.disks)
    if (backup.held.count(disk.name) == 0) forecast.kept.push_back({disk, disk.path});
  for (const SimSnapshot& snapshot : domain.snapshots)
    forecast.lost.push_back("snapshot " + snapshot.facts.name);
  return forecast;
}

Result<host::RestoreForecast> SimBackups::forecast(const Uuid& uuid, const std::string& backup) {
  using Answer = Result<host::RestoreForecast>;
  return core_.read<Answer>(Call::backup_forecast, [&]() -> Answer {
    const SimDomain& domain = *TRY(core_.find_ours(Call::backup_forecast, uuid));
    return outlook(domain, *TRY(find(backup)));
  });
}

Result<void> SimBackups::restore_over(gate::Permit permit, const host::GuestDefinition& definition,
                                      const std::string& backup) {
  const gate::Permit once{std::move(permit)};
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::restore_over, uuid, [&]() -> Result<void> {
    SimWorld& world = core_.world;
    SimDomain& domain = *TRY(core_.find_ours(Call::restore_over, uuid));
    if (domain.is_up()) return Error{Errc::conflict, domain.name + " is running"};
    const SimBackup& known = *TRY(find(backup));
    const auto forecast = TRY(outlook(domain, known));
    if (!forecast.lost.empty())
      return Error{Errc::denied, "it would lose " + forecast.lost.front()};
    TRY(core_.check(once, {Call::restore_over, uuid, domain.marker->incarnation, backup},
                    {gate::Verb::restore_over}));
    domain.configured.disks = forecast.content.shape.disks;
    for (const host::Disk& disk : domain.configured.disks) {
      SimFile& file = world.files[disk.path] = known.held.at(disk.name);
      file.owner = uuid;
    }
    domain.name = definition.name;
    domain.marker = definition.marker;
    world.touch(domain);
    core_.announce(Call::restore_over, uuid);
    return ok();
  });
}

Result<void> SimBackups::reattach(const Uuid& uuid, const host::KeptDisk& kept) {
  return core_.change(Call::reattach, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::reattach, uuid));
    if (find_disk(domain.configured, kept.disk.name) != nullptr) return ok();
    if (core_.world.files.count(kept.handle) == 0)
      return Error{Errc::corrupt, kept.handle + " is not there"};
    domain.configured.disks.push_back(kept.disk);
    core_.world.touch(domain);
    core_.announce(Call::reattach, uuid);
    return ok();
  });
}

}  // namespace holdfast::sim
