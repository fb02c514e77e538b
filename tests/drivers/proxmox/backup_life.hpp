// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/drivers/proxmox/guests_site.hpp"

namespace holdfast::test {

// A guest that is backed up, restored as another one, and restored over, all by signed jobs. A
// machine also has volume media, which no backup takes.
struct BackupLife {
  explicit BackupLife(standin::GuestKind of_kind, standin::Version version = standin::Version::v8_4)
      : host{version}, kind{of_kind} {}

  bool is_container() const { return kind == standin::GuestKind::lxc; }
  std::string key(const std::string& disk) const {
    if (disk == "root") return is_container() ? "rootfs" : "scsi0";
    if (disk == "db") return is_container() ? "mp0" : "scsi1";
    return is_container() ? "mp1" : "scsi2";
  }
  Guest wanted(bool has_bulk) const {
    Guest acme = tenant("acme");
    if (!has_bulk) return acme;
    Volume media = acme.spec.volumes.front();
    media.name = "media";
    media.cls = VolumeClass::bulk;
    acme.spec.volumes.push_back(media);
    return acme;
  }
  bool be_born(bool has_bulk) {
    host.site.add_image(kind);
    if (!host.want(wanted(has_bulk))) return false;
    write("root", "monday root");
    write("db", "monday db");
    if (has_bulk) write("media", "all media");
    return true;
  }
  void write(const std::string& disk, const std::string& content) {
    const standin::Guest* acme = host.at_host("acme");
    if (acme != nullptr && acme->config.contains(key(disk)))
      host.world().write_content(acme->vmid, key(disk), content);
  }
  std::string content(const std::string& guest, const std::string& disk) {
    const standin::Guest* found = host.at_host(guest);
    if (found == nullptr) return "(no guest)";
    return host.world().content_of(found->vmid, key(disk)).value_or("(none)");
  }
  std::vector<standin::Volume*> archives() {
    std::vector<standin::Volume*> found;
    for (auto& [id, volume] : host.world().volumes)
      if (volume.kind == "backup" && volume.vmid != 9100) found.push_back(&volume);
    return found;
  }
  std::string archive_labelled(const std::string& label) {
    for (const auto* volume : archives())
      if (volume->notes.find(" " + label) != std::string::npos) return volume->id;
    return {};
  }

  // Each false: it does not settle, or there is no guest any more.
  bool back_up() {
    const auto acme = host.identity("acme");
    if (!acme) return false;
    backup_job = host.give_free("acme", "guest.backup", *acme, {{"note", "monday"}});
    return host.settle("acme");
  }
  bool restore() {
    const auto acme = host.identity("acme");
    if (!acme) return false;
    restore_job = host.give_free(
        "copy", "guest.restore", *acme,
        {{"object", archive_labelled(backup_job)}, {"name", "copy"}, {"isolated", "true"}});
    return host.settle("copy");
  }
  bool restore_over() {
    const auto acme = host.identity("acme");
    if (!acme) return false;
    over_job =
        host.give("acme", host.sign(gate::Verb::restore_over, *acme, archive_labelled(backup_job)));
    return host.settle("acme");
  }
  JobRecord job(const std::string& id) { return host.journal->job(id).value().value(); }

  GuestsOnProxmox host;
  standin::GuestKind kind;
  std::string backup_job{};
  std::string restore_job{};
  std::string over_job{};
};

}  // namespace holdfast::test
