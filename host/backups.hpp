// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/observed.hpp"

namespace holdfast::host {

// One backup as the provider lists it. Everything but the first four is only said of one that
// an installation of Holdfast took, and that says so itself.
struct BackupFacts {
  std::string id{};  // what the provider calls it; names it in signed orders
  Time taken{};
  Bytes size{};  // as it is stored
  bool is_protected = false;
  std::string host_id{};  // which installation took it; empty: somebody else
  Uuid guest{};
  Incarnation incarnation{};  // that the guest had then
  std::string guest_name{};
  std::string label{};  // on whose behalf: a signed job's id
  std::string note{};   // a person's words
};

// What a backup is to be called.
struct BackupOrder {
  std::string label{};  // one word; the same label is the same backup
  std::string note{};   // one line
  bool is_protected = false;
};

// What a backup holds.
struct BackupContent {
  Marker marker{};  // of the guest as it was then
  std::string name{};
  Shape shape{};                        // with the disks that a restore makes
  std::vector<std::string> left_out{};  // disks of that guest that it holds nothing of
};

// A disk that a restore over its guest leaves behind, detached.
struct KeptDisk {
  Disk disk{};
  std::string handle{};  // how the provider finds it again
};

// What a restore over a guest would do to what the guest has.
struct RestoreForecast {
  BackupContent content{};          // the guest's disks afterwards, but for those kept
  std::vector<KeptDisk> kept{};     // reattach() gives them back
  std::vector<std::string> lost{};  // in words; what would be gone and is in no backup
};

// The provider's own backups of its guests. Rules as for the ports in host/hypervisor.hpp.
// A backup is somebody's by what it holds itself: a name or a note alone is believed of none.
class Backups {
 public:
  virtual ~Backups() = default;
  // Of that guest, or all, others' too; oldest first. An Error when some could not be judged.
  virtual Result<std::vector<BackupFacts>> list(const std::optional<Uuid>& guest) = 0;
  // Takes one of a guest, running or not. One of that guest with that label is success.
  // Never removes another one.
  virtual Result<BackupFacts> take(const Uuid& uuid, const BackupOrder& order) = 0;
  // What `backup` holds, its disks addressed as those of guest `as`. Errc::not_found.
  virtual Result<BackupContent> inspect(const std::string& backup, const Uuid& as) = 0;
  // Makes the stopped guest that `definition` describes, its disks from `backup`. A guest with
  // that UUID is success.
  virtual Result<void> restore(const GuestDefinition& definition, const std::string& backup) = 0;
  virtual Result<RestoreForecast> forecast(const Uuid& uuid, const std::string& backup) = 0;
  // Puts `backup` in the place of a stopped guest's disks, and gives it `definition`'s name and
  // marker at once. `permit` names the incarnation as it was. Errc::denied: forecast() names
  // something that would be lost.
  virtual Result<void> restore_over(gate::Permit permit, const GuestDefinition& definition,
                                    const std::string& backup) = 0;
  // One that is attached is success.
  virtual Result<void> reattach(const Uuid& uuid, const KeptDisk& disk) = 0;
};

}  // namespace holdfast::host
