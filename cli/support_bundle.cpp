// SPDX-License-Identifier: Apache-2.0
#include <sys/utsname.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/journal_file.hpp"
#include "cli/tar_writer.hpp"
#include "cli/version.hpp"
#include "imaging/process.hpp"

namespace holdfast::cli {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
constexpr std::string_view missing = ".error.txt";

std::string machine() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown\n";
  return std::string{name.sysname} + " " + name.release + " " + name.version + " " + name.machine +
         "\n";
}

// What the daemon said of late, as systemd keeps it.
Result<std::string> service_log() {
  constexpr std::size_t most_kept = std::size_t{4} << 20;
  std::string log;
  const auto end =
      TRY(imaging::run({.argv = {"journalctl", "--unit=holdfast", "--no-pager", "--quiet",
                                 "--output=short-iso-precise", "--lines=5000"},
                        .inherited = {},
                        .on_stdout =
                            [&log](std::string_view piece) {
                              log.append(piece.substr(0, most_kept - log.size()));
                            }})
              .context("the service's log"));
  if (end.exit_status != 0)
    return Error{Errc::unavailable, "the service's log: journalctl: " + end.errors};
  return log;
}

// A part that is not to be had is said in its place: a bundle is most needed when something
// does not answer.
template <class Report>
void add(Files& files, const std::string& name, const Result<Report>& part) {
  if (!part) {
    files.emplace_back(name + std::string{missing}, part.error().message() + "\n");
  } else if constexpr (std::is_same_v<Report, std::string>) {
    files.emplace_back(name, *part);
  } else {
    files.emplace_back(name, to_json(*part) + "\n");
  }
}

// "holdfast-support-20261122T193600Z.tar.gz"
std::string default_name(Time now) {
  std::string stamp = to_string(now).substr(0, 19);
  stamp.erase(
      std::remove_if(stamp.begin(), stamp.end(), [](char c) { return c == '-' || c == ':'; }),
      stamp.end());
  return "holdfast-support-" + stamp + "Z.tar.gz";
}

Result<std::string> exported(const Invocation& invocation, const std::string& state_dir) {
  const auto journal = TRY(open_journal(state_dir, invocation.environment().clock));
  return export_journal(*journal);
}

}  // namespace

Result<Exit> support_bundle(const Invocation& invocation, const SupportOptions& options) {
  const auto daemon = invocation.daemon();
  Files files;
  files.emplace_back("versions.txt",
                     "holdfast " + std::string{program_version()} + "\n" + machine());
  add(files, "status.json", daemon.status());
  add(files, "guests.json", daemon.guests());
  add(files, "operations.json", daemon.operations("", 1000));
  add(files, "tickets.json", daemon.tickets());
  add(files, "plan.json", daemon.plan(std::nullopt));
  add(files, "images.json", daemon.images());
  add(files, "targets.json", daemon.targets());
  add(files, "daemon.txt", daemon.support());
  add(files, "journal.jsonl", exported(invocation, options.state_dir));
  add(files, "log.txt", service_log());
  const std::string path = options.file.empty() ? default_name(invocation.now()) : options.file;
  TRY(write_tar_gz(path, invocation.now(), files).context("write the bundle"));
  for (const auto& [name, content] : files)
    if (const auto cut = name.find(missing); cut != std::string::npos)
      invocation.say("left out, since it could not be had: " + name.substr(0, cut) + ": " +
                     content.substr(0, content.size() - 1));
  invocation.environment().out << path << std::endl;
  invocation.say(
      "it holds no bootstrap data, but names, addresses and messages: look at it before "
      "you send it");
  return Exit::done;
}

}  // namespace holdfast::cli
