// SPDX-License-Identifier: Apache-2.0
#include "controller/state_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/posix_error.hpp"
#include "controller/host_conditions.hpp"
#include "hubclient/durable_file.hpp"
#include "hubclient/enrolment_key.hpp"
#include "journal/writes.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {
namespace {

bool is_host_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error{Errc::denied, "create state directory " + path + ": " + error.message()};
  if (::chmod(path.c_str(), 0711) != 0) return posix_error(errno, "set the mode of " + path);
  const std::string lock_path = path + "/lock";
  UniqueFd lock{::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!lock) return posix_error(errno, "open " + lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Errc::conflict, "another holdfastd works in " + path + "; stop it first"};
  return StateDir{path, std::move(lock)};
}

Result<std::unique_ptr<Journal>> StateDir::open_journal(const Clock& clock,
                                                        const Logger& log) const {
  const std::string file = path_ + "/holdfast.db";
  auto journal = Journal::open({.path = file}, clock);
  if (journal || journal.error().code() != Errc::corrupt) return journal;
  const std::string reason = journal.error().message();
  const std::string kept = TRY(set_aside(file, clock.now()).context("set the journal aside"));
  log.error(
      "the journal cannot be read; it was set aside and this daemon only observes until "
      "`holdfast recover`",
      {{"kept", kept}, {"error", reason}});
  auto fresh = TRY(Journal::open({.path = file}, clock).context("begin a new journal"));
  const auto body = [&](Writes& writes) -> Result<void> {
    TRY(writes.set_fact("mode", "observe-only"));
    TRY(writes.put("host", {.type = std::string{journal_readable},
                            .status = ConditionStatus::no,
                            .reason = "SetAside",
                            .message = "the journal could not be read and was kept as " + kept +
                                       "; nothing is changed until `holdfast recover`",
                            .changed = clock.now()}));
    return writes.audit("journal-set-aside", "host", "{\"kept\":\"" + kept + "\"}");
  };
  TRY(fresh->commit(body));
  return fresh;
}

Result<std::string> StateDir::host_id() const {
  constexpr std::size_t longest_file = 64;
  const std::string file = path_ + "/host-id";
  const std::string key_file = path_ + "/enrolment.key";
  const auto text = TRY(read_file(file, longest_file));
  if (!text) {
    // A crash in between leaves the key, and the next start the same id.
    auto key = EnrolmentKey::load(key_file);
    if (!key && key.error().code() == Errc::not_found) key = EnrolmentKey::create(key_file);
    if (!key) return std::move(key).error();
    std::string id = host_id_of(key->public_key());
    TRY(replace_file(file, id + "\n", 0644));
    return id;
  }
  std::string id = *text;
  if (id.ends_with('\n')) id.pop_back();
  if (!is_host_id(id))
    return Error{Errc::corrupt,
                 file +
                     " does not hold a host id (32 hex digits); restore it from a guest's "
                     "marker (hostId), or remove it to begin as a new host"};
  return id;
}

}  // namespace holdfast
