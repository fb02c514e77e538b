// SPDX-License-Identifier: Apache-2.0
#include "controller/state_dir.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hubclient/enrolment_key.hpp"
#include "schema/hub_protocol.hpp"
#include "tests/catch.hpp"
#include "tests/controller/manual_time.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string pattern = (fs::temp_directory_path() / "holdfast-state-XXXXXX").string();
  std::string path = mkdtemp(pattern.data());
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("state directory: a second daemon is refused by name", "[state]") {
  const Folder folder;
  const auto first = StateDir::open(folder.path + "/state");
  REQUIRE(first);
  const auto second = StateDir::open(folder.path + "/state");
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::conflict);
  CHECK(second.error().message().find("another holdfastd") != std::string::npos);
}

TEST_CASE("state directory: the host id is chosen once and a spoilt one is not replaced",
          "[state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path).value();
  const std::string id = state.host_id().value();
  CHECK(id.size() == 32);
  CHECK(state.host_id().value() == id);
  std::ofstream{folder.path + "/host-id"} << "nonsense";
  CHECK(state.host_id().error().code() == Errc::corrupt);
}

TEST_CASE("state directory: a new host's id comes from its enrolment key, an old one stays",
          "[state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path).value();
  const std::string id = state.host_id().value();
  const auto key = EnrolmentKey::load(folder.path + "/enrolment.key");
  REQUIRE(key);
  CHECK(id == host_id_of(key->public_key()));
  fs::remove(folder.path + "/host-id");  // as if the machine had died before it was written
  CHECK(state.host_id().value() == id);

  const Folder older;
  std::ofstream{older.path + "/host-id"} << std::string(32, 'e') << "\n";
  CHECK(StateDir::open(older.path).value().host_id().value() == std::string(32, 'e'));
  CHECK_FALSE(fs::exists(older.path + "/enrolment.key"));
}

TEST_CASE("state directory: an unreadable journal is kept and the daemon only observes",
          "[state][safety]") {
  const Folder folder;
  const ManualTime time;
  const auto state = StateDir::open(folder.path).value();
  const std::string garbage(8192, 'x');
  std::ofstream{folder.path + "/holdfast.db"} << garbage;
  const auto journal = state.open_journal(time, Logger{}).value();
  CHECK(journal->mode().value() == DaemonMode::observe_only);
  CHECK(journal->audit_tail(10).value().size() == 1);
  bool is_kept = false;
  for (const auto& entry : fs::directory_iterator{folder.path})
    is_kept = is_kept || (entry.path().filename().string().starts_with("holdfast.db.unreadable-") &&
                          fs::file_size(entry.path()) == garbage.size());
  CHECK(is_kept);
}

}  // namespace holdfast
