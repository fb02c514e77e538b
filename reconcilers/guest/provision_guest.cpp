// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/provision_guest.hpp"

#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A guest that contains its disks is born whole, by restoring a golden archive: stopped, with
// our marker from the first moment. What the archive did not bring follows. As in
// create_guest.cpp it is data-bearing from the commit that ends this operation, and undoing it
// can never remove a guest that has run.
namespace holdfast {
namespace {

struct Provision {
  GuestIdentity identity{};
  std::string archive{};
  Bytes root_size{};                // as the archive has it
  std::vector<host::Disk> disks{};  // as they will be, "root" first
  host::GuestDefinition definition{};
};

Result<void> choose_disks(const GuestWorld& world, const Guest& guest, Provision& birth) {
  birth.disks.push_back(
      {"root", guest.spec.root_disk.target, "", "raw", guest.spec.root_disk.size});
  for (const Volume& volume : guest.spec.volumes) {
    birth.disks.push_back({volume.name, volume.target, "", "raw", volume.size});
    birth.disks.back().is_backed_up = is_backed_up(volume);
  }
  for (host::Disk& disk : birth.disks) {
    disk.path = TRY(world.host.disks.path_of(disk.target, birth.identity.uuid, disk.name)
                        .context("disk " + disk.name));
    birth.identity.disks.push_back({disk.name, disk.target, disk.path, disk.path, "raw", {}});
  }
  return ok();
}

Result<Provision> read_provision(const std::string& input) {
  const auto json = TRY(parse_json(input));
  Provision birth;
  Fields fields{json};
  fields.value("identity", birth.identity, read_identity).text("archive", birth.archive);
  fields.bytes("rootSize", birth.root_size).list("disks", birth.disks, read_disk);
  fields.value("definition", birth.definition, read_definition);
  TRY(fields.end("provision guest"));
  if (birth.disks.empty()) return Error{Errc::corrupt, "provision guest: it has no disk"};
  return birth;
}

// Undo: remove what this operation made, on the gate's word.
Result<void> remove_again(const GuestWorld& world, OperationId op, const GuestIdentity& identity) {
  switch (TRY(world.host.contained->find(identity.uuid))) {
    case host::BirthState::absent: return ok();
    case host::BirthState::under_way: return Error{Errc::unavailable, "it is still being restored"};
    case host::BirthState::born: break;
  }
  TRY(observe_ours(world, identity));
  PermitRequest request;
  request.identity = identity;
  request.operation = op;
  auto permit = TRY(ask_permit(world, request));
  return world.host.contained->free(std::move(permit), identity.uuid);
}

Step restore_step(const GuestWorld& world, const Operation& op, const Provision& birth) {
  Step step;
  step.name = "restore";
  step.input = dump({{"archive", birth.archive}});
  step.probe = [&world, uuid = birth.identity.uuid]() -> Result<Probe> {
    switch (TRY(world.host.contained->find(uuid))) {
      case host::BirthState::absent: return Probe::not_applied();
      case host::BirthState::under_way: return Probe::in_progress();
      case host::BirthState::born: break;
    }
    return Probe::applied();
  };
  step.apply = [&world, birth]() -> Result<Effect> {
    host::StoredImage image;
    image.directory = birth.archive;
    TRY(world.host.contained->restore(birth.definition, image));
    return Effect::done();
  };
  step.undo = [&world, id = op.id, identity = birth.identity] {
    return remove_again(world, id, identity);
  };
  return step;
}

Result<std::optional<host::DiskFacts>> find(const GuestWorld& world, const host::Disk& disk) {
  return world.host.disks.find(disk.path);
}

Step grow_step(const GuestWorld& world, const host::Disk& disk) {
  Step step;
  step.name = "grow_" + disk.name;
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = [&world, disk]() -> Result<Probe> {
    const auto found = TRY(find(world, disk));
    return found && found->size >= disk.size ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, disk]() -> Result<Effect> {
    const auto found = TRY(find(world, disk));
    if (found && found->size >= disk.size) return Effect::done("large enough");
    TRY(world.host.disks.grow(disk.path, disk.size));
    return Effect::done();
  };
  return step;
}

Step volume_step(const GuestWorld& world, const Uuid& uuid, const host::Disk& disk) {
  Step step;
  step.name = "create_" + disk.name;
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = [&world, disk]() -> Result<Probe> {
    return TRY(find(world, disk)) ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, uuid, disk]() -> Result<Effect> {
    TRY(world.host.contained->add_disk(uuid, disk));
    return Effect::done();
  };
  return step;
}

}  // namespace

bool is_backed_up(const Volume& volume) {
  return volume.cls != VolumeClass::bulk && volume.backup != VolumeBackup::none;
}

Result<NewOperation> provision_guest(const GuestWorld& world, const GuestFacts& facts,
                                     const CreateGuest& action) {
  Provision birth;
  const Guest& guest = action.guest;
  birth.archive = action.image.directory;
  for (const ImageDisk& disk : action.image.image.disks)
    if (disk.name == "root") birth.root_size = disk.virtual_size;
  GuestIdentity& identity = birth.identity;
  identity.uuid = Uuid::random(world.random);
  identity.name = guest.name;
  identity.image = guest.spec.image;
  identity.first_boot = action.image.image.first_boot;
  TRY(choose_disks(world, guest, birth));
  identity = with_macs(std::move(identity), facts.new_macs);
  birth.definition = definition_of(guest, identity, wanted_nics(guest, identity, {}), birth.disks);
  birth.definition.marker = make_marker(identity, world.host_id, applied_digest(guest), "");

  nlohmann::json disks = nlohmann::json::array();
  for (const host::Disk& disk : birth.disks) disks.push_back(json_of(disk));
  NewOperation operation;
  operation.kind = operation_kind::provision;
  operation.input = dump({{"identity", json_of(identity)},
                          {"archive", birth.archive},
                          {"rootSize", birth.root_size.value},
                          {"disks", std::move(disks)},
                          {"definition", json_of(birth.definition)}});
  operation.claim = claim_of(identity);
  return operation;
}

Result<GuestOperation> load_provision(const GuestWorld& world, const Operation& op) {
  if (world.host.contained == nullptr)
    return Error{Errc::corrupt, "it makes a guest as the provider here does not"};
  const Provision birth = TRY(read_provision(op.input));
  GuestOperation operation;
  operation.steps.push_back(restore_step(world, op, birth));
  // Only what is there can be defined: the other disks follow, and are not taken away.
  host::GuestDefinition definition = birth.definition;
  definition.shape.disks.clear();
  operation.steps.push_back(define_step(world, birth.identity, definition));
  if (birth.disks.front().size > birth.root_size)
    operation.steps.push_back(grow_step(world, birth.disks.front()));
  for (std::size_t i = 1; i < birth.disks.size(); ++i) {
    operation.steps.push_back(volume_step(world, birth.identity.uuid, birth.disks[i]));
    // The archive may have brought it, smaller.
    operation.steps.push_back(grow_step(world, birth.disks[i]));
  }
  operation.on_success = TRY(remember(world, birth.identity, [](Provenance& row) {
    row.life = Life::live;
    row.data_bearing = true;
  }));
  operation.on_rollback =
      TRY(remember(world, birth.identity, [](Provenance& row) { row.life = Life::gone; }));
  return operation;
}

}  // namespace holdfast
