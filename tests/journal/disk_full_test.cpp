// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>
#include <unistd.h>

#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;
namespace fs = std::filesystem;

namespace {

// A file system of one MiB.
class SmallDisk {
 public:
  SmallDisk() : is_mounted_{::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m") == 0} {}
  ~SmallDisk() {
    if (is_mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_mounted() const { return is_mounted_; }
  std::string file(const std::string& name) const { return folder_.file(name); }

  void fill() const {
    std::ofstream ballast{file("ballast"), std::ios::binary};
    const std::string page(4'096, 'b');
    while (ballast << page && ballast.flush()) {
    }
  }
  void give_space() const { fs::remove(file("ballast")); }

 private:
  ScratchFolder folder_{};
  bool is_mounted_;
};

}  // namespace

TEST_CASE("disk full: commits fail as exhausted and work again once there is space",
          "[journal][disk]") {
  const SmallDisk disk;
  if (!disk.is_mounted()) {
    WARN("skipped: only root can mount a small file system");
    return;
  }
  const StoppedClock clock;
  JournalOptions options;
  options.path = disk.file("journal");
  options.writer = GENERATE(JournalOptions::Writer::thread, JournalOptions::Writer::inline_writer);
  auto journal = open_journal(options, clock);
  const Operation op = journal->begin("k", "guest/acme", "").value();
  disk.fill();
  CHECK_FALSE(journal->write_failure());
  int committed = 0;
  Result<void> last = ok();
  while (last && committed < 1'000) {
    last = journal->commit([&](Writes& w) -> Result<void> {
      TRY(w.audit("permit", "guest/acme", std::string(3'000, 'x')));
      return w.set_fact("count", std::to_string(committed + 1));
    });
    if (last) ++committed;
  }
  CHECK(code_of(last) == Errc::exhausted);
  REQUIRE(journal->write_failure());
  CHECK(journal->write_failure()->cause.code() == Errc::exhausted);
  CHECK(journal->fact("count").value().value_or("0") == std::to_string(committed));
  CHECK(journal->operation(op.id).value().state == OperationState::open);
  CHECK(code_of(journal->commit([&](Writes& w) {
          return w.begun(op.id, "one", std::string(100'000, 'x'));
        })) == Errc::exhausted);

  disk.give_space();
  CHECK(journal->commit([](Writes&) { return ok(); }));
  CHECK(journal->write_failure());  // nothing was written, so nothing is proved
  CHECK(journal->commit([&](Writes& w) { return w.begun(op.id, "one", ""); }));
  CHECK_FALSE(journal->write_failure());
  CHECK(journal->verify());
  journal.reset();
  journal = open_journal(options, clock);
  CHECK(journal->verify());
  CHECK(journal->steps(op.id).value().size() == 1);
  CHECK(journal->audit_tail(10'000).value().size() == static_cast<std::size_t>(committed));
}

TEST_CASE("disk full: a journal cannot be made but is not called corrupt", "[journal][disk]") {
  const SmallDisk disk;
  if (!disk.is_mounted()) {
    WARN("skipped: only root can mount a small file system");
    return;
  }
  const StoppedClock clock;
  disk.fill();
  JournalOptions options;
  options.path = disk.file("journal");
  CHECK(code_of(Journal::open(options, clock)) == Errc::exhausted);
  disk.give_space();
  CHECK(Journal::open(options, clock));  // what the first try left is no obstacle
}
