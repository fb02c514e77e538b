// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cli/invocation.hpp"

// What each command does, once its words are understood. An Error ends the program with
// Exit::failed and is printed by the caller; everything else the command has said itself.
namespace holdfast::cli {

inline constexpr std::size_t default_limit = 50;

// Offline: parses what -f names.
Result<Exit> validate(const Invocation& invocation, const std::vector<std::string>& files);

struct PlanOptions {
  std::vector<std::string> files{};  // none: what was accepted
  bool is_detailed = false;
};
Result<Exit> plan(const Invocation& invocation, const PlanOptions& options);

struct ApplyOptions {
  std::vector<std::string> files{};
  bool is_confirmed = false;
  std::optional<Duration> wait{};  // until in sync, at most so long
};
Result<Exit> apply(const Invocation& invocation, const ApplyOptions& options);

struct GetOptions {
  std::string kind{};     // guests, guest, ...
  std::string name{};     // empty: all
  std::string subject{};  // operations: of this one only
  std::size_t limit = default_limit;
};
Result<Exit> get(const Invocation& invocation, const GetOptions& options);
// The kinds that get and describe know, in the plural and in the singular.
const std::vector<std::string>& get_kinds();
const std::vector<std::string>& describe_kinds();

Result<Exit> describe(const Invocation& invocation, const std::string& kind,
                      const std::string& name);
Result<Exit> why_host(const Invocation& invocation);
Result<Exit> why_guest(const Invocation& invocation, const std::string& name);

// For completion scripts: the names of what `kind` lists, one a line; none when they are not to be
// had or the kind has none. Only names that no shell would expand.
Result<Exit> print_names(const Invocation& invocation, const std::string& kind);

// Whether the daemon's provider can be used; exit 1 when something is missing.
Result<Exit> provider_check(const Invocation& invocation);

// Read from the database itself, so that they work with the daemon dead.
struct OfflineOptions {
  std::string state_dir{};
  std::string subject{};
  std::size_t limit = default_limit;
};
Result<Exit> journal_list(const Invocation& invocation, const OfflineOptions& options);
Result<Exit> journal_show(const Invocation& invocation, const OfflineOptions& options,
                          const std::string& id);
Result<Exit> journal_verify(const Invocation& invocation, const OfflineOptions& options);
// One JSON object per line; bootstrap data is left out.
Result<Exit> journal_export(const Invocation& invocation, const OfflineOptions& options);
Result<Exit> audit_tail(const Invocation& invocation, const OfflineOptions& options);
Result<Exit> audit_verify(const Invocation& invocation, const OfflineOptions& options);

// Through the daemon.
Result<Exit> journal_retry(const Invocation& invocation, const std::string& id);
Result<Exit> journal_roll_back(const Invocation& invocation, const std::string& id);

Result<Exit> ticket_list(const Invocation& invocation);
// `is_job_only`: the exact bytes of the job file and nothing else.
Result<Exit> ticket_show(const Invocation& invocation, const std::string& id, bool is_job_only);

struct SignTicketOptions {
  std::string ticket{};
  std::vector<std::string> keys{};
  std::string to{};  // the envelope; empty: ticket-ID.signed.json
  bool is_submitted = false;
  std::optional<Duration> wait{};  // with is_submitted
};
Result<Exit> ticket_sign(const Invocation& invocation, const SignTicketOptions& options);

// Signed orders. All but submit work without the daemon, when nothing has to be asked of it.
struct NewJobOptions {
  std::string action{};
  std::string guest{};  // name
  std::string uuid{};   // empty: the daemon knows
  std::uint64_t incarnation = 1;
  std::string host_id{};  // empty: the daemon's
  std::vector<std::string> params{};
  std::string operators{};  // keys.rotate: file of the new set
  std::string replaces = "/etc/holdfast/operators";
  std::string reason{};
  Duration valid = std::chrono::hours{24};
  bool is_bound_to_look = false;  // to the guest's fingerprint
  std::string file{};             // empty: standard output
};
Result<Exit> job_new(const Invocation& invocation, const NewJobOptions& options);
struct SignJobOptions {
  std::string file{};  // a job file or an envelope
  std::vector<std::string> keys{};
  std::string to{};
};
Result<Exit> job_sign(const Invocation& invocation, const SignJobOptions& options);
struct VerifyJobOptions {
  std::string file{};
  std::string operators = "/etc/holdfast/operators";
  std::size_t signers = 1;
};
Result<Exit> job_verify(const Invocation& invocation, const VerifyJobOptions& options);
struct SubmitJobOptions {
  std::string file{};
  std::optional<Duration> wait{};
};
Result<Exit> job_submit(const Invocation& invocation, const SubmitJobOptions& options);

// Offline, on a bundle's directory or archive, or on a disk's file.
struct ImageVerifyOptions {
  std::string path{};
  std::string restored{};  // a disk to be checked in place of the image's own files
  std::string disk = "root";
};
Result<Exit> image_verify(const Invocation& invocation, const ImageVerifyOptions& options);

struct ImagePackOptions {
  std::string root{};                  // a raw disk, a block device or a qcow2 image
  std::vector<std::string> volumes{};  // NAME=PATH
  std::string folder{};
  std::string name{};
  std::string version{};
  std::string first_boot = "nocloud";
  std::string kernel{};
  std::string initrd{};
  std::string cmdline{};
  int level = 6;
  std::string frame_size = "4Mi";
  bool finds_long_matches = false;
};
Result<Exit> image_pack(const Invocation& invocation, const ImagePackOptions& options);

struct ImageUnpackOptions {
  std::string path{};
  std::string target{};
  std::string disk = "root";
  std::string limit{};  // bytes a second
  bool is_idle = false;
  bool is_over_device = false;  // the target is a block device, whose content goes
  bool is_sure = false;         // without being asked
};
Result<Exit> image_unpack(const Invocation& invocation, const ImageUnpackOptions& options);

struct ImageCatOptions {
  std::string path{};
  std::string disk = "root";
  std::string offset = "0";
  std::string size{};  // all that is left
};
// The bytes themselves on `out`, whatever -o says.
Result<Exit> image_cat(const Invocation& invocation, const ImageCatOptions& options);

Result<Exit> image_inspect(const Invocation& invocation, const std::string& path);
Result<Exit> image_list(const Invocation& invocation);
Result<Exit> image_import(const Invocation& invocation, const std::string& path);

// What to do to a guest, and whether to follow it to its end.
struct OrderOptions {
  std::string guest{};
  std::string snapshot{};
  std::optional<Duration> wait{};
};
Result<Exit> snapshot_create(const Invocation& invocation, const OrderOptions& options);
Result<Exit> snapshot_list(const Invocation& invocation, const std::string& guest);
Result<Exit> snapshot_roll_back(const Invocation& invocation, const OrderOptions& options);
Result<Exit> snapshot_delete(const Invocation& invocation, const OrderOptions& options);
Result<Exit> destroy_guest(const Invocation& invocation, const OrderOptions& options);
Result<Exit> undelete(const Invocation& invocation, const OrderOptions& options);

struct EnrollOptions {
  std::string hub{};    // URL
  std::string token{};  // "-": from standard input
};
// Through the daemon: the host's key never leaves it.
Result<Exit> enroll(const Invocation& invocation, const EnrollOptions& options);

Result<Exit> recover(const Invocation& invocation, bool is_confirmed);

struct SupportOptions {
  std::string file{};       // empty: holdfast-support-<time>.tar.gz here
  std::string state_dir{};  // for the journal
};
Result<Exit> support_bundle(const Invocation& invocation, const SupportOptions& options);

Result<Exit> version(const Invocation& invocation);

}  // namespace holdfast::cli
