// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/provision_guest.hpp"

// A guest is born stopped: disks restored or made, seed written, defined. From the commit
// that ends this operation it is data-bearing; starting it is an operation of its own, so
// that undoing this one can never remove a guest that has run.
namespace holdfast {
namespace {

struct Birth {
  GuestIdentity identity{};
  ImageRef image{};
  Image content{};
  std::vector<host::Disk> disks{};  // as they will be, "root" first
  std::optional<SeedFile> seed{};
  host::GuestDefinition definition{};
};

const ImageDisk* find_image_disk(const Image& image, const std::string& name) {
  const auto found = std::find_if(image.disks.begin(), image.disks.end(),
                                  [&](const ImageDisk& disk) { return disk.name == name; });
  return found == image.disks.end() ? nullptr : &*found;
}

Result<void> choose_disks(const GuestWorld& world, const Guest& guest, Birth& birth) {
  birth.disks.push_back(
      {"root", guest.spec.root_disk.target, "", "raw", guest.spec.root_disk.size});
  for (const Volume& volume : guest.spec.volumes)
    birth.disks.push_back({volume.name, volume.target, "", "raw", volume.size});
  for (host::Disk& disk : birth.disks) {
    disk.path = TRY(world.host.disks.path_of(disk.target, birth.identity.uuid, disk.name)
                        .context("disk " + disk.name));
    birth.identity.disks.push_back({disk.name, disk.target, disk.path, disk.path, "raw", {}});
  }
  return ok();
}

Result<Birth> choose_birth(const GuestWorld& world, const GuestFacts& facts,
                           const CreateGuest& action) {
  Birth birth;
  const Guest& guest = action.guest;
  birth.image = guest.spec.image;
  birth.content = action.image.image;
  // The journal has no use for thousands of hashes: the store's manifest has them.
  for (ImageDisk& disk : birth.content.disks)
    if (disk.tree) disk.tree->frames = {"zeros:1"};
  GuestIdentity& identity = birth.identity;
  identity.uuid = Uuid::random(world.random);
  identity.name = guest.name;
  identity.image = guest.spec.image;
  identity.first_boot = birth.content.first_boot;
  if (const auto& boot = birth.content.boot) {
    identity.kernel = action.image.directory + "/" + boot->kernel;
    if (boot->initrd) identity.initrd = action.image.directory + "/" + *boot->initrd;
    identity.cmdline = boot->cmdline;
  }
  TRY(choose_disks(world, guest, birth));
  identity = with_macs(std::move(identity), facts.new_macs);
  birth.seed = seed_of(guest, identity);
  identity = with_seed(std::move(identity), birth.seed);
  birth.definition = definition_of(guest, identity, wanted_nics(guest, identity, {}), birth.disks);
  birth.definition.marker = make_marker(identity, world.host_id, applied_digest(guest), "");
  return birth;
}

std::string to_input(const Birth& birth) {
  nlohmann::json disks = nlohmann::json::array();
  for (const host::Disk& disk : birth.disks) disks.push_back(json_of(disk));
  return dump({{"identity", json_of(birth.identity)},
               {"image", json_of(birth.image)},
               {"content", to_canonical_json(birth.content)},
               {"disks", std::move(disks)},
               {"seed", json_of(birth.seed)},
               {"definition", json_of(birth.definition)}});
}

Result<Birth> read_birth(const std::string& input) {
  const auto json = TRY(parse_json(input));
  Birth birth;
  std::string content;
  Fields fields{json};
  fields.value("identity", birth.identity, read_identity);
  fields.value("image", birth.image, read_image_ref).text("content", content);
  fields.list("disks", birth.disks, read_disk);
  fields.value("seed", birth.seed, read_optional_seed);
  fields.value("definition", birth.definition, read_definition);
  TRY(fields.end("create guest"));
  birth.content = TRY(parse_image(content, "image of the operation"));
  return birth;
}

// Undo: remove what this operation made, on the gate's word. Also what a transfer that
// died may have left beside the final name, so it is asked even when nothing is found.
std::function<Result<void>()> remove_file(const GuestWorld& world, const Operation& op,
                                          const GuestIdentity& identity, const std::string& path) {
  return [&world, id = op.id, identity, path]() -> Result<void> {
    PermitRequest request;
    request.identity = identity;
    request.operation = id;
    auto permit = TRY(ask_permit(world, request));
    return world.host.disks.remove(std::move(permit), path);
  };
}

Result<Probe> probe_file(const GuestWorld& world, const std::string& path) {
  const auto found = TRY(world.host.disks.find(path));
  return found ? Probe::applied() : Probe::not_applied();
}

Step restore_step(const GuestWorld& world, const Operation& op, const Birth& birth,
                  const host::Disk& disk) {
  Step step;
  step.name = "restore_" + disk.name;
  step.input = dump({{"path", disk.path}});
  step.probe = [&world, path = disk.path] { return probe_file(world, path); };
  step.apply = [&world, op, disk, name = step.name, image = birth.image]() -> Result<Effect> {
    return parked_when_stopped(
        world, world.host.disks.restore(image, disk.name, disk.path, transfer_of(world, op, name)));
  };
  step.undo = remove_file(world, op, birth.identity, disk.path);
  return step;
}

Step grow_step(const GuestWorld& world, const host::Disk& disk) {
  Step step;
  step.name = "grow_" + disk.name;
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = [&world, disk]() -> Result<Probe> {
    const auto found = TRY(world.host.disks.find(disk.path));
    return found && found->size >= disk.size ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, disk]() -> Result<Effect> {
    TRY(world.host.disks.grow(disk.path, disk.size));
    return Effect::done();
  };
  return step;
}

Step blank_step(const GuestWorld& world, const Operation& op, const Birth& birth,
                const host::Disk& disk) {
  Step step;
  step.name = "create_" + disk.name;
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = [&world, path = disk.path] { return probe_file(world, path); };
  step.apply = [&world, disk]() -> Result<Effect> {
    TRY(world.host.disks.create_blank(disk.path, disk.size));
    return Effect::done();
  };
  step.undo = remove_file(world, op, birth.identity, disk.path);
  return step;
}

Step birth_define_step(const GuestWorld& world, const Operation& op, const Birth& birth) {
  Step step = define_step(world, birth.identity, birth.definition);
  step.undo = [&world, id = op.id, identity = birth.identity]() -> Result<void> {
    if (!TRY(observe_ours(world, identity))) return ok();
    PermitRequest request;
    request.identity = identity;
    request.operation = id;
    auto permit = TRY(ask_permit(world, request));
    return world.host.hypervisor.undefine(std::move(permit), identity.uuid);
  };
  return step;
}

}  // namespace

Provenance claim_of(const GuestIdentity& identity) {
  Provenance claim;
  claim.uuid = identity.uuid;
  claim.incarnation = identity.incarnation;
  claim.subject = guest_subject(identity.name);
  claim.origin = Origin::created;
  claim.life = Life::provisioning;
  claim.detail = to_json(identity);
  return claim;
}

Result<NewOperation> begin(const GuestWorld& world, const GuestFacts& facts,
                           const CreateGuest& action) {
  if (world.host.contained != nullptr) return provision_guest(world, facts, action);
  const Birth birth = TRY(choose_birth(world, facts, action));
  NewOperation operation;
  operation.kind = operation_kind::create;
  operation.input = to_input(birth);
  operation.claim = claim_of(birth.identity);
  return operation;
}

Result<GuestOperation> load_create(const GuestWorld& world, const Operation& op) {
  const Birth birth = TRY(read_birth(op.input));
  GuestOperation operation;
  for (const host::Disk& disk : birth.disks) {
    const ImageDisk* from = find_image_disk(birth.content, disk.name);
    if (from == nullptr) {
      operation.steps.push_back(blank_step(world, op, birth, disk));
      continue;
    }
    operation.steps.push_back(restore_step(world, op, birth, disk));
    if (disk.size > from->virtual_size) operation.steps.push_back(grow_step(world, disk));
  }
  if (birth.seed) {
    operation.steps.push_back(write_seed_step(world, *birth.seed));
    operation.steps.back().undo = remove_file(world, op, birth.identity, birth.seed->path);
  }
  operation.steps.push_back(birth_define_step(world, op, birth));
  operation.on_success = TRY(remember(world, birth.identity, [](Provenance& row) {
    row.life = Life::live;
    row.data_bearing = true;
  }));
  operation.on_rollback =
      TRY(remember(world, birth.identity, [](Provenance& row) { row.life = Life::gone; }));
  return operation;
}

}  // namespace holdfast
