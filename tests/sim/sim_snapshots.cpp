// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

using gate::Verb;
using Snapshots = std::vector<SimSnapshot>;

Snapshots::iterator find_snapshot(SimDomain& domain, const std::string& name) {
  return std::find_if(domain.snapshots.begin(), domain.snapshots.end(),
                      [&](const SimSnapshot& each) { return each.facts.name == name; });
}

// Points `disk` at a new empty layer over `base`.
void put_layer(SimWorld& world, host::Disk& disk, const std::string& base, const Uuid& owner) {
  std::string path;
  for (unsigned number = 1; path.empty() || world.files.count(path) > 0; ++number) {
    path = base + ".layer" + std::to_string(number);
  }
  SimFile layer;
  layer.size = world.files.at(base).size;
  layer.content = "layer";
  layer.owner = owner;
  layer.backing = base;
  world.files[path] = std::move(layer);
  disk.path = path;
  disk.format = "qcow2";
}

void repoint(host::Shape& shape, const std::string& from, const host::Disk& to) {
  for (host::Disk& disk : shape.disks) {
    if (disk.path != from) continue;
    disk.path = to.path;
    disk.format = to.format;
  }
}

// The layers that rest directly upon `base`.
std::vector<std::string> layers_over(const SimWorld& world, const std::string& base) {
  std::vector<std::string> found;
  for (const auto& [path, file] : world.files) {
    if (file.backing == base) found.push_back(path);
  }
  return found;
}

bool is_in_use(const SimWorld& world, const SimDomain& domain, const std::string& layer) {
  for (const host::Disk& disk : domain.configured.disks) {
    auto file = world.files.find(disk.path);
    while (file != world.files.end()) {
      if (file->first == layer) return true;
      file = world.files.find(file->second.backing);
    }
  }
  return false;
}

// Writes the one layer over `base` into it; guests and layers that used it use `base`.
// Layers out of use stay, and so does a base that more than one rests upon: changing it
// would spoil the others, a safety copy among them.
void merge_down(SimWorld& world, SimDomain& domain, const std::string& base) {
  const auto layers = layers_over(world, base);
  if (layers.size() != 1 || !is_in_use(world, domain, layers.front())) return;
  const std::string merged = layers.front();
  const auto above = layers_over(world, merged);
  if (above.size() > 1) return;
  SimFile& lower = world.files.at(base);
  const SimFile upper = world.files.at(merged);
  lower.size = upper.size;
  lower.customer.insert(upper.customer.begin(), upper.customer.end());
  for (const std::string& path : above) world.files.at(path).backing = base;
  host::Disk lower_disk;
  lower_disk.path = base;
  lower_disk.format = lower.backing.empty() ? "raw" : "qcow2";
  repoint(domain.configured, merged, lower_disk);
  if (domain.live) repoint(*domain.live, merged, lower_disk);
  for (SimSnapshot& snapshot : domain.snapshots) {
    for (auto& [disk, path] : snapshot.frozen) {
      if (path == merged) path = base;
    }
  }
  world.files.erase(merged);
}

}  // namespace

Result<void> SimSnapshots::create(const Uuid& uuid, const std::string& name) {
  return core_.change(Call::snapshot_create, uuid, [&]() -> Result<void> {
    SimWorld& world = core_.world;
    SimDomain& domain = *TRY(core_.find_ours(Call::snapshot_create, uuid));
    if (find_snapshot(domain, name) != domain.snapshots.end()) {
      return Error{Errc::conflict, "snapshot " + name + " exists"};
    }
    for (const host::Disk& disk : domain.configured.disks) {
      if (world.files.count(disk.path) == 0) {
        return Error{Errc::unavailable, "cannot open " + disk.path};
      }
      TRY(ensure_space(world, disk.path));
    }
    SimSnapshot made;
    made.facts = {name, domain.marker->incarnation, core_.clock.now(), true};
    for (host::Disk& disk : domain.configured.disks) {
      const std::string base = disk.path;
      made.frozen[disk.name] = base;
      put_layer(world, disk, base, uuid);
      if (domain.live) repoint(*domain.live, base, disk);
    }
    domain.snapshots.push_back(std::move(made));
    world.touch(domain);
    core_.announce(Call::snapshot_create, uuid);
    return ok();
  });
}

Result<std::vector<host::SnapshotFacts>> SimSnapshots::list(const Uuid& uuid) {
  using Answer = Result<std::vector<host::SnapshotFacts>>;
  return core_.read<Answer>(Call::snapshot_list, [&]() -> Answer {
    const SimDomain* domain = core_.world.domain(uuid);
    if (domain == nullptr) return Error{Errc::not_found, "no domain has UUID " + to_string(uuid)};
    std::vector<host::SnapshotFacts> facts;
    for (const SimSnapshot& snapshot : domain->snapshots) facts.push_back(snapshot.facts);
    return facts;
  });
}

Result<void> SimSnapshots::roll_back(gate::Permit permit, const Uuid& uuid,
                                     const std::string& name) {
  const gate::Permit once{std::move(permit)};
  return core_.change(Call::snapshot_roll_back, uuid, [&]() -> Result<void> {
    SimWorld& world = core_.world;
    SimDomain& domain = *TRY(core_.find_ours(Call::snapshot_roll_back, uuid));
    const auto snapshot = find_snapshot(domain, name);
    if (snapshot == domain.snapshots.end()) return Error{Errc::not_found, "no snapshot " + name};
    if (domain.is_up()) return Error{Errc::conflict, domain.name + " is running"};
    if (snapshot->facts.incarnation != domain.marker->incarnation) {
      return Error{Errc::conflict, "snapshot " + name + " is of another incarnation"};
    }
    TRY(core_.check(once, {Call::snapshot_roll_back, uuid, domain.marker->incarnation, name},
                    {Verb::roll_back_snapshot}));
    for (host::Disk& disk : domain.configured.disks) {
      const auto frozen = snapshot->frozen.find(disk.name);
      if (frozen == snapshot->frozen.end()) continue;  // attached since
      if (world.files.count(frozen->second) == 0) {
        return Error{Errc::unavailable, "cannot open " + frozen->second};
      }
      const auto before = world.data_on(disk.path);
      put_layer(world, disk, frozen->second, uuid);
      const auto after = world.data_on(disk.path);
      for (CustomerMark& mark : world.marks) {
        if (before.count(mark.token) > 0 && after.count(mark.token) == 0) mark.may_hide = true;
      }
    }
    world.touch(domain);
    core_.announce(Call::snapshot_roll_back, uuid);
    return ok();
  });
}

Result<void> SimSnapshots::remove(gate::Permit permit, const Uuid& uuid, const std::string& name) {
  const gate::Permit once{std::move(permit)};
  return core_.change(Call::snapshot_remove, uuid, [&]() -> Result<void> {
    SimWorld& world = core_.world;
    SimDomain& domain = *TRY(core_.find_ours(Call::snapshot_remove, uuid));
    const auto snapshot = find_snapshot(domain, name);
    if (snapshot == domain.snapshots.end()) return ok();
    TRY(core_.check(once, {Call::snapshot_remove, uuid, domain.marker->incarnation, name},
                    {Verb::remove_snapshot, Verb::remove_unfinished}));
    const SimSnapshot removed = *snapshot;
    domain.snapshots.erase(snapshot);
    for (const auto& [disk, base] : removed.frozen) merge_down(world, domain, base);
    world.touch(domain);
    core_.announce(Call::snapshot_remove, uuid);
    return ok();
  });
}

}  // namespace holdfast::sim
