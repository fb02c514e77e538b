// SPDX-License-Identifier: Apache-2.0
#include "api/access.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "api/admin_api.hpp"
#include "http/unix_client.hpp"
#include "tests/catch.hpp"
#include "tests/cli/fake_control_plane.hpp"

namespace holdfast::api {
namespace {

constexpr uid_t somebody = 40'001;  // no such user
constexpr gid_t their_group = 40'002;

http::Peer peer(uid_t uid, gid_t gid) {
  http::Peer found;
  found.uid = uid;
  found.gid = gid;
  return found;
}

class ServedFolder {
 public:
  ServedFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-api-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    REQUIRE(::chmod(path_.c_str(), 0755) == 0);
  }
  ~ServedFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ServedFolder(const ServedFolder&) = delete;
  ServedFolder& operator=(const ServedFolder&) = delete;
  std::string socket() const { return path_ + "/admin.sock"; }

 private:
  std::string path_{};
};

// GET /v1/status as another user. The raw calls change this thread alone.
int status_as(uid_t uid, gid_t gid, const std::string& socket) {
  int status = 0;
  std::thread{[&] {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, gid, gid, gid) != 0 ||
        ::syscall(SYS_setresuid, uid, uid, uid) != 0)
      return;
    http::ClientOptions options;
    options.socket_path = socket;
    http::Request request;
    request.path = "/v1/status";
    const auto response = http::request(options, request);
    status = response ? response->status : -1;
  }}.join();
  return status;
}

}  // namespace

TEST_CASE("access: root and the daemon's own user may enter", "[api]") {
  const Access access{.own_uid = 1234, .group = {}};
  CHECK(may_enter(access, peer(0, 0)));
  CHECK(may_enter(access, peer(1234, 1)));
  CHECK_FALSE(may_enter(access, peer(somebody, their_group)));
  CHECK_FALSE(may_enter(access, peer(somebody, 0)));
}

TEST_CASE("access: a peer that the kernel did not name may not enter", "[api]") {
  CHECK_FALSE(may_enter(Access{.own_uid = 0, .group = 0}, std::nullopt));
}

TEST_CASE("access: the group counts by the peer's own gid and by the user database", "[api]") {
  const Access access{.own_uid = 0, .group = their_group};
  CHECK(may_enter(access, peer(somebody, their_group)));
  CHECK_FALSE(may_enter(access, peer(somebody, their_group + 1)));
  const passwd* nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  const uid_t uid = nobody->pw_uid;
  const gid_t gid = nobody->pw_gid;
  CHECK(may_enter(Access{.own_uid = 0, .group = gid}, peer(uid, their_group)));
  CHECK_FALSE(may_enter(Access{.own_uid = 0, .group = gid + 1}, peer(uid, their_group)));
}

TEST_CASE("access: a group is looked up by name", "[api]") {
  const group* nogroup = ::getgrnam("nogroup");
  REQUIRE(nogroup != nullptr);
  const gid_t gid = nogroup->gr_gid;
  const auto access = access_for("nogroup");
  REQUIRE(access);
  CHECK(access->group == gid);
  CHECK(access_for("")->group == std::nullopt);
  const auto unknown = access_for("no-such-group-here");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Errc::not_found);
}

TEST_CASE("admin socket: belongs to root and the group and to nobody else", "[api]") {
  ServedFolder folder;
  FakeControlPlane daemon;
  const auto server =
      AdminApi::serve({.socket = folder.socket(), .group = "nogroup"}, daemon.control_plane(), {});
  REQUIRE(server);
  struct stat info {};
  REQUIRE(::stat(folder.socket().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0660U);
  CHECK(info.st_uid == ::geteuid());
  CHECK(info.st_gid == access_for("nogroup")->group);
}

TEST_CASE("admin socket: others are refused by who they are even where the file lets them in",
          "[api]") {
  if (::geteuid() != 0) return;  // only root can be somebody else
  ServedFolder folder;
  FakeControlPlane daemon;
  const auto server =
      AdminApi::serve({.socket = folder.socket(), .group = "nogroup"}, daemon.control_plane(), {});
  REQUIRE(server);
  const gid_t gid = *access_for("nogroup")->group;
  CHECK(status_as(0, 0, folder.socket()) == 200);
  CHECK(status_as(somebody, gid, folder.socket()) == 200);
  CHECK(status_as(somebody, their_group, folder.socket()) == -1);  // the file's mode
  REQUIRE(::chmod(folder.socket().c_str(), 0666) == 0);
  CHECK(status_as(somebody, their_group, folder.socket()) == 403);
}

TEST_CASE("admin socket: an unknown group is an error that says what to do", "[api]") {
  ServedFolder folder;
  FakeControlPlane daemon;
  const auto server = AdminApi::serve({.socket = folder.socket(), .group = "no-such-group-here"},
                                      daemon.control_plane(), {});
  REQUIRE_FALSE(server);
  CHECK(server.error().message().find("groupadd") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.socket()));
}

}  // namespace holdfast::api
