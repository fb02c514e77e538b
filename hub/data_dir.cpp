// SPDX-License-Identifier: Apache-2.0
#include "hub/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "hub/certificates.hpp"
#include "hub/secrets.hpp"
#include "hub/sqlite_store.hpp"

namespace holdfast::hub {
namespace {

Error system_failure(const std::string& doing, int number) {
  const auto code = number == EACCES || number == EPERM    ? Errc::denied
                    : number == ENOSPC || number == EDQUOT ? Errc::exhausted
                    : number == ENOENT                     ? Errc::not_found
                    : number == EEXIST                     ? Errc::conflict
                                                           : Errc::unavailable;
  return {code, doing + ": " + std::system_category().message(number)};
}

// Durable, and never half there under its name.
Result<void> write_file(const std::string& path, const std::string& content) {
  const std::string part = path + ".part";
  const UniqueFd fd{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd) return system_failure("create " + part, errno);
  for (std::size_t written = 0; written < content.size();) {
    const auto n = ::write(fd.get(), content.data() + written, content.size() - written);
    if (n < 0 && errno != EINTR) return system_failure("write " + part, errno);
    if (n > 0) written += static_cast<std::size_t>(n);
  }
  if (::fsync(fd.get()) != 0) return system_failure("sync " + part, errno);
  if (::rename(part.c_str(), path.c_str()) != 0) return system_failure("name " + path, errno);
  return ok();
}

Result<void> sync_folder(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return system_failure("sync " + path, errno);
  return ok();
}

std::string default_config(std::uint16_t port) {
  return "# How this hub is set up; docs/hub.md says what each means. Restart after a change.\n"
         "listen: \"0.0.0.0:" +
         std::to_string(port) +
         "\"\n"
         "# late: 30s\n"
         "# dead: 90s\n"
         "# stalled: 180s\n"
         "# webhooks: [https://alerts.example/holdfast]\n"
         "# alertmanagers: [http://127.0.0.1:9093]\n"
         "# watcher: https://watcher.example/ping/this-hub\n"
         "# watcherEvery: 60s\n";
}

std::string url_of(const std::string& name, std::uint16_t port) {
  const bool is_ipv6 = name.find(':') != std::string::npos;
  return "https://" + (is_ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

Result<void> write_identity(const DataDir& data, const Identity& identity,
                            const std::string& name) {
  TRY(write_file(data.file(name + ".key"), identity.key));
  return write_file(data.file(name + ".pem"), identity.certificate);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return system_failure("read " + path, errno);
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

Result<void> init(const DataDir& data, const InitOptions& options, Time now) {
  if (::access(data.database().c_str(), F_OK) == 0)
    return Error{Errc::conflict, data.path + " holds a hub already"};
  if (::mkdir(data.path.c_str(), 0700) != 0 && errno != EEXIST)
    return system_failure("create " + data.path, errno);
  const auto ca = TRY(make_ca(now));
  const auto server = TRY(issue(ca, options.names, now));
  TRY(write_identity(data, ca, "ca"));
  TRY(write_identity(data, server, "server"));
  TRY(write_file(data.file("url"), url_of(options.names.front(), options.port) + "\n"));
  if (::access(data.file("hub.yaml").c_str(), F_OK) != 0)
    TRY(write_file(data.file("hub.yaml"), default_config(options.port)));
  // Last, under another name first: with it the folder holds a hub.
  const std::string part = data.database() + ".part";
  ::unlink(part.c_str());
  {
    const auto store = TRY(SqliteStore::open(part, true));
    const auto operator_file = TRY(add_operator(data, *store, "admin", Role::editor, now));
    TRY(write_file(data.file("operator.json"), operator_file));
  }
  if (::rename(part.c_str(), data.database().c_str()) != 0)
    return system_failure("name " + data.database(), errno);
  return sync_folder(data.path);
}

Result<UniqueFd> lock(const DataDir& data) {
  const std::string path = data.file("lock");
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) return system_failure("open " + path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return Error{Errc::conflict, "another hub runs on " + data.path};
  return system_failure("lock " + path, errno);
}

Result<HubServerConfig> read_config(const DataDir& data) {
  if (::access(data.database().c_str(), F_OK) != 0)
    return Error{Errc::not_found, data.path +
                                      " holds no hub; make one with `holdfast-hub init --data " +
                                      data.path + " --name NAME`"};
  const std::string path = data.file("hub.yaml");
  if (::access(path.c_str(), F_OK) != 0) return HubServerConfig{};
  return parse_hub_server_config(TRY(read_file(path)), path);
}

Result<std::string> add_operator(const DataDir& data, Store& store, const std::string& name,
                                 Role role, Time now) {
  const bool is_plain = !name.empty() && name.size() <= 64 &&
                        name.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@") == std::string::npos;
  if (!is_plain)
    return Error{Errc::invalid,
                 "found \"" + name + "\", expected an operator's name of letters, digits and .-_@"};
  auto url = TRY(read_file(data.file("url")));
  while (url.ends_with('\n')) url.pop_back();
  const auto key = random_key();
  const nlohmann::json file = {
      {"url", url}, {"key", key}, {"ca", TRY(read_file(data.file("ca.pem")))}};
  const Operator who{name, hash_of(key), role, now};
  TRY(store.commit([&](const Tables& tables) { return tables.keys.add(who); }));
  return file.dump(2) + "\n";
}

Result<void> reissue(const DataDir& data, const std::vector<std::string>& names, Time now) {
  const Identity ca{TRY(read_file(data.file("ca.key"))), TRY(read_file(data.file("ca.pem")))};
  const auto server = TRY(issue(ca, names, now));
  TRY(write_identity(data, server, "server"));
  return sync_folder(data.path);
}

}  // namespace holdfast::hub
