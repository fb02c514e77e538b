// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/archive.hpp"

#include "tests/catch.hpp"

using namespace holdfast;
using namespace holdfast::proxmox;

// Apart from its neighbours, with which it may be compiled as one.
namespace archive_tables {
namespace {

const std::string host_id = "0123456789abcdef0123456789abcdef";
const Uuid uuid = Uuid::parse("3f1c6f2a-0000-4000-8000-000000000001").value();

BackupNotes some_notes() { return {"acme", uuid, Incarnation{3}, host_id, "00ff", "before 2.0"}; }

Options options() {
  Options options;
  options.node = "pve1";
  options.storages = {{"fast", "fast"}, {"local", "local"}};
  return options;
}

Config container(std::map<std::string, std::string> more = {}) {
  Config config{{Kind::lxc, 300}, {{"hostname", "acme"}, {"rootfs", "fast:vm-300-disk-0,size=2G"}}};
  config.values.merge(more);
  return config;
}

Config machine(std::map<std::string, std::string> more = {}) {
  Config config{
      {Kind::qemu, 300},
      {{"name", "acme"}, {"boot", "order=scsi0"}, {"scsi0", "fast:vm-300-disk-0,size=2G"}}};
  config.values.merge(more);
  return config;
}

std::vector<std::string> lost(const Config& now, const Config& archived,
                              const std::vector<std::string>& snapshots = {}) {
  return forecast_of(now, archived, snapshots, options(), uuid).value().lost;
}

}  // namespace

TEST_CASE("proxmox backups: notes say whose they are in one line, and come back", "[proxmox]") {
  const auto notes = some_notes();
  const std::string text = notes_text(notes).value();
  CHECK(text.find('\n') == std::string::npos);
  CHECK(read_notes(text) == notes);
  CHECK(read_notes(text + "\nmore") == notes);
  BackupNotes plain = notes;
  plain.note.clear();
  CHECK(read_notes(notes_text(plain).value()) == plain);
}

TEST_CASE("proxmox backups: notes of others are nobody's", "[proxmox]") {
  const std::string ours = notes_text(some_notes()).value();
  for (const std::string& text :
       {std::string{}, std::string{"acme"}, std::string{"holdfast-image debian-12 1"},
        std::string{"holdfast-backup acme"}, "x" + ours, " x " + ours,
        std::string{"holdfast-backup acme nobody 1 host label"},
        "holdfast-backup acme " + to_string(uuid) + " one host label",
        "holdfast-backup acme " + to_string(uuid) + " 1x host label",
        "holdfast-backup acme " + to_string(uuid) + " 1 host"})
    CHECK_FALSE(read_notes(text));
}

TEST_CASE("proxmox backups: a note that vzdump would read as its own is refused", "[proxmox]") {
  for (const char* note : {"{{vmid}}", "a\\nb", "two\nlines", "\x07", "f\xc3\xbcr"}) {
    BackupNotes notes = some_notes();
    notes.note = note;
    CHECK(notes_text(notes).error().code() == Errc::invalid);
  }
  BackupNotes notes = some_notes();
  notes.note = std::string(501, 'x');
  CHECK(notes_text(notes).error().code() == Errc::invalid);
  notes = some_notes();
  notes.label = "two words";
  CHECK(notes_text(notes).error().code() == Errc::invalid);
}

TEST_CASE("proxmox backups: a saved configuration brings its description back", "[proxmox]") {
  const Config config = read_saved({Kind::qemu, 300},
                                   "#a person's%3A words\n#and 100%25\nname: acme\n"
                                   "#qmdump#map:scsi0:drive-scsi0:local:raw:\n[snap]\n#other\n");
  CHECK(config.get("description") == "a person's: words\nand 100%");
  CHECK(config.get("name") == "acme");
}

TEST_CASE("proxmox backups: a container's restore names each volume that the archive holds",
          "[proxmox]") {
  const Config archived = container({{"mp0", "fast:vm-300-disk-1,mp=/srv/db,backup=1,size=1G"},
                                     {"mp1", "gone:vm-300-disk-2,mp=/srv/old,backup=1,size=512M"},
                                     {"mp2", "fast:vm-300-disk-3,mp=/srv/media,backup=0,size=8G"},
                                     {"mp3", "/mnt/usb,mp=/usb"}});
  const Form form = restore_disks(archived, options()).value();
  CHECK(form == Form{{"rootfs", "fast:2"},
                     {"mp0", "fast:1,mp=/srv/db,backup=1"},
                     {"mp1", "fast:0.5,mp=/srv/old,backup=1"}});
  const auto content = content_of(archived, options(), uuid).value();
  CHECK(content.left_out == std::vector<std::string>{"media"});
  REQUIRE(content.shape.disks.size() == 3);
  CHECK(content.shape.disks[2].path == disk_path("fast", uuid, "old"));
  CHECK(restore_disks(container({{"rootfs", "fast:x"}}), options()));
}

TEST_CASE("proxmox backups: a machine's disks come back where they were, or all on one storage",
          "[proxmox]") {
  CHECK(restore_disks(machine(), options()).value().empty());
  CHECK(restore_disks(machine({{"scsi1", "gone:vm-300-disk-1,serial=db,size=1G"}}), options())
            .value() == Form{{"storage", "fast"}});
  Config rootless = machine();
  rootless.values["scsi0"] += ",backup=0";
  CHECK(restore_disks(rootless, options()).error().code() == Errc::invalid);
}

TEST_CASE("proxmox backups: what a container would lose is named", "[proxmox][safety]") {
  const std::string db = "fast:vm-300-disk-1,mp=/srv/db,backup=1,size=1G";
  CHECK(lost(container(), container()).empty());
  CHECK(lost(container({{"mp0", db}}), container({{"mp0", db}})).empty());
  CHECK(lost(container({{"mp0", db}}), container({{"mp5", db}})).empty());
  CHECK(lost(container({{"mp0", db}}), container()).size() == 1);
  const auto bulk = lost(container({{"mp0", "fast:vm-300-disk-1,mp=/srv/media,backup=0,size=1G"}}),
                         container({{"mp0", "fast:vm-300-disk-1,mp=/srv/media,backup=1,size=1G"}}));
  REQUIRE(bulk.size() == 1);
  CHECK(bulk.front() == "volume media (mp0), which no backup holds");
  CHECK(lost(container({{"unused0", "fast:vm-300-disk-9"}}), container()).size() == 1);
  CHECK(lost(container({{"mp3", "/mnt/usb,mp=/usb"}}), container()).size() == 1);
  CHECK(lost(container(), container(), {"before", "after"}) ==
        std::vector<std::string>{"snapshot before", "snapshot after"});
}

TEST_CASE("proxmox backups: a machine keeps the disks that the backup does not have",
          "[proxmox][safety]") {
  const std::string media = "fast:vm-300-disk-1,backup=0,serial=media,size=1G";
  const std::string db = "fast:vm-300-disk-1,serial=db,size=1G";
  const auto kept =
      forecast_of(machine({{"scsi1", media}}), machine(), {}, options(), uuid).value();
  CHECK(kept.lost.empty());
  REQUIRE(kept.kept.size() == 1);
  CHECK(kept.kept.front().disk.name == "media");
  CHECK(kept.kept.front().handle == "scsi1=" + media);
  CHECK(kept.content.shape.disks.size() == 1);
  // The archive has another disk in its place, or the disk elsewhere.
  CHECK(lost(machine({{"scsi1", media}}), machine({{"scsi1", db}})).size() == 1);
  CHECK(lost(machine({{"scsi1", db}}), machine({{"scsi1", db}})).empty());
  CHECK(lost(machine({{"scsi2", db}}), machine({{"scsi1", db}})).size() == 1);
  CHECK(forecast_of(machine(), container(), {}, options(), uuid).error().code() == Errc::invalid);
}

}  // namespace archive_tables
