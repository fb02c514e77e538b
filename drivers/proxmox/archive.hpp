// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/proxmox/guest_config.hpp"
#include "host/backups.hpp"

// What a vzdump archive says of itself, and what a restore makes of it. Pure.
namespace holdfast::proxmox {

// The notes of a backup that Holdfast took: one line, since a listing shows no more of them.
struct BackupNotes {
  std::string guest_name{};
  Uuid guest{};
  Incarnation incarnation{};
  std::string host_id{};
  std::string label{};
  std::string note{};
  bool operator==(const BackupNotes&) const = default;
};

// As vzdump takes it for a template. Errc::invalid: the label is no word, or the note is not
// plain ASCII in one line without '{', '}' and '\', or too long.
Result<std::string> notes_text(const BackupNotes& notes);
// Nothing: somebody else's words.
std::optional<BackupNotes> read_notes(const std::string& notes);

// The volumes of the archived guest that the archive holds the content of.
std::vector<Volume> held_volumes(const Config& archived, const Options& options, const Uuid& as);
// How a restore of it into `place` is asked for, but for the guest's name, marker and size.
// Errc::invalid: it holds no root disk, or does not say how large one is.
Result<Form> restore_disks(const Config& archived, const Options& options);
// What it holds, addressed for `as`; the storages are those that the restore uses.
Result<host::BackupContent> content_of(const Config& archived, const Options& options,
                                       const Uuid& as);
// What a restore of `archived` over `now` does; `snapshots` are those of the guest.
Result<host::RestoreForecast> forecast_of(const Config& now, const Config& archived,
                                          const std::vector<std::string>& snapshots,
                                          const Options& options, const Uuid& uuid);

}  // namespace holdfast::proxmox
