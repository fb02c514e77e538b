// SPDX-License-Identifier: Apache-2.0
#include "cli/signed_file.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/documents.hpp"
#include "schema/job.hpp"
#include "signing/sshsig.hpp"

namespace holdfast::cli {
namespace {

// A folder of its own for what ssh-keygen reads and writes; gone with the object.
class Workplace {
 public:
  static Result<Workplace> make(const Environment& environment) {
    std::string base = environment.variable("TMPDIR");
    if (base.empty()) base = "/tmp";
    std::string name = base + "/holdfast-sign-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      return Error{Errc::unavailable, "make a folder in " + base + ": " + std::strerror(errno)};
    return Workplace{std::move(name)};
  }
  ~Workplace() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Workplace(Workplace&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  Workplace& operator=(Workplace&&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit Workplace(std::string path) : path_{std::move(path)} {}
  std::string path_;
};

// Runs ssh-keygen on our terminal; what it says on standard output goes to standard error, which
// is where people read.
Result<int> run_on_terminal(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv.front(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    return Error{Errc::unavailable, "start " + words.front() + ": " + std::strerror(failed) +
                                        "; it is in the package openssh-client"};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return Error{Errc::internal, "wait for " + words.front()};
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

Result<std::string> read_output(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return Error{Errc::not_found, "cannot read " + path};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

Result<SignedFile> read_signed_file(const std::string& path, std::istream& in) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{Errc::invalid, path + ": expected one job file or envelope, found a folder"};
  auto found = read_text(path, in);
  if (!found && found.error().code() == Errc::not_found)
    return Error{Errc::not_found, found.error().message() +
                                      "; name a job file or an envelope, or - for standard input"};
  std::string text = TRY(std::move(found));
  SignedFile file;
  if (auto envelope = parse_message<JobEnvelope>(text)) {
    file.envelope = std::move(*envelope);
    file.is_envelope = true;
    return file;
  }
  TRY(parse_job(text, path == "-" ? "standard input" : path));
  file.envelope.payload = std::move(text);
  return file;
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream out{fresh, std::ios::binary | std::ios::trunc};
  out << text << std::flush;
  out.close();
  if (!out || ::rename(fresh.c_str(), path.c_str()) != 0)
    return Error{Errc::unavailable, "write " + path + ": " + std::strerror(errno)};
  return ok();
}

std::string envelope_path(const std::string& job_path) {
  const std::filesystem::path path{job_path};
  const auto stem = path.extension() == ".json" ? path.stem() : path.filename();
  return (path.parent_path() / (stem.string() + ".signed.json")).string();
}

Result<std::string> sign_with(const std::string& key, const std::string& payload,
                              const Environment& environment) {
  const Workplace workplace = TRY(Workplace::make(environment));
  TRY(write_text(workplace / "job.json", payload));
  const std::string name_space{signing::job_namespace};
  const int status = TRY(run_on_terminal(
      {"ssh-keygen", "-Y", "sign", "-n", name_space, "-f", key, workplace / "job.json"}));
  auto armored = read_output(workplace / "job.json.sig");
  if (status != 0 || !armored)
    return Error{Errc::denied, "ssh-keygen signed nothing with " + key +
                                   "; is it a key that you have, in a file, an agent or a token?"};
  const auto judged = signing::verify_sshsig(*armored, signing::job_namespace, payload);
  if (const auto* refusal = signing::refusal_of(judged))
    return Error{Errc::denied, "no host would take a signature by " + key + ": " +
                                   std::string{refusal->code} + ": " + refusal->message};
  return armored;
}

Result<std::size_t> sign_envelope(JobEnvelope& envelope, const std::vector<std::string>& keys,
                                  const Environment& environment) {
  std::size_t added = 0;
  for (const std::string& key : keys) {
    std::string armored = TRY(sign_with(key, envelope.payload, environment));
    const auto key_of = [&](const std::string& text) {
      const auto judged = signing::verify_sshsig(text, signing::job_namespace, envelope.payload);
      const auto* signature = std::get_if<signing::Signature>(&judged);
      return signature == nullptr ? std::string{} : signing::to_string(signature->key);
    };
    const std::string mine = key_of(armored);
    if (std::any_of(envelope.signatures.begin(), envelope.signatures.end(),
                    [&](const std::string& other) { return key_of(other) == mine; }))
      continue;
    envelope.signatures.push_back(std::move(armored));
    ++added;
  }
  return added;
}

}  // namespace holdfast::cli
