// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <cerrno>
#include <set>
#include <stdexcept>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/posix_error.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "tests/catch.hpp"

namespace holdfast {
namespace {

class Fixed final : public Random {
 public:
  std::uint64_t next() override { return 0xfedcba9876543210ULL; }
};

struct Lines final : LogSink {
  void write(LogLevel, std::string_view message, const std::vector<LogField>& fields) override {
    std::string line{message};
    for (const LogField& field : fields) line += " " + field.key + "=" + field.value;
    lines.push_back(line);
  }
  std::vector<std::string> lines{};
};

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Errc::invalid, "odd"};
  return n / 2;
}
Result<int> quarter(int n) {
  const int h = TRY(half(n).context("first half"));
  return half(h).context("second half");
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

}  // namespace

TEST_CASE("result: TRY passes values on and errors out with their path", "[base]") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(3).error().message() == "first half: odd");
  CHECK(quarter(6).error().message() == "second half: odd");
  CHECK(quarter(6).error().code() == Errc::invalid);
}

TEST_CASE("unique fd: assigning over an open descriptor closes it", "[base]") {
  UniqueFd a{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const int old = a.get();
  {
    UniqueFd b{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    a = std::move(b);
  }
  CHECK_FALSE(is_open(old));
  CHECK(is_open(a.get()));
}

TEST_CASE("time: RFC 3339 in UTC is read and printed", "[base]") {
  CHECK(to_string(parse_time("2026-11-22T19:36:00Z").value()) == "2026-11-22T19:36:00.000Z");
  CHECK(to_string(parse_time("2024-02-29T23:59:59.9876Z").value()) == "2024-02-29T23:59:59.987Z");
  CHECK(to_string(parse_time("1969-12-31T23:59:59.5Z").value()) == "1969-12-31T23:59:59.500Z");
  for (const char* bad :
       {"", "2026-11-22", "2026-11-22T19:36:00", "2026-11-22T19:36:00+01:00",
        "2026-02-31T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T19:36:60Z",
        "2026-11-22T19:36:00.Z", "2026-11-22T19:36:00Z ", "2026-13-01T00:00:00Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("time: short durations read as people say them", "[base]") {
  using namespace std::chrono_literals;
  CHECK(to_short_string(350ms) == "350ms");
  CHECK(to_short_string(12s) == "12s");
  CHECK(to_short_string(200s) == "3m20s");
  CHECK(to_short_string(2h + 5min) == "2h5m");
  CHECK(to_short_string(99h) == "4d3h");
  CHECK(to_short_string(-5s) == "-5s");
}

TEST_CASE("ids: a UUID is version 4 and survives its text", "[base]") {
  Fixed random;
  const Uuid uuid = Uuid::random(random);
  const std::string text = to_string(uuid);
  CHECK(text[14] == '4');
  CHECK(std::string{"89ab"}.find(text[19]) != std::string::npos);
  CHECK(Uuid::parse(text).value() == uuid);
  CHECK_FALSE(Uuid::parse(text.substr(1)));
  CHECK_FALSE(Uuid::parse(std::string(36, '-')));
  CHECK(Uuid{}.is_nil());
}

TEST_CASE("ids: random ids differ and operation ids read both ways", "[base]") {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_hex_id(random));
  CHECK(seen.size() == 1000);
  CHECK(parse_operation_id("op-42").value().value == 42);
  CHECK(parse_operation_id("42").value().value == 42);
  for (const char* bad : {"op-", "op-0", "-1", "op-4x", "9999999999999999999999"})
    CHECK_FALSE(parse_operation_id(bad));
}

TEST_CASE("sha256: the FIPS 180 example and the empty text", "[base]") {
  CHECK(to_hex(sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest_of("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("posix error: its kind says what a caller may do about it", "[base]") {
  CHECK(posix_error(ENOENT, "open x").code() == Errc::not_found);
  CHECK(posix_error(EEXIST, "create x").code() == Errc::conflict);
  CHECK(posix_error(EROFS, "create x").code() == Errc::denied);
  CHECK(posix_error(EDQUOT, "write x").code() == Errc::exhausted);
  CHECK(posix_error(ELOOP, "open x").code() == Errc::invalid);
  CHECK(posix_error(EIO, "write x").code() == Errc::unavailable);
  CHECK(posix_error(ENOSPC, "write x").message() == "write x: No space left on device");
}

TEST_CASE("log: bound fields come first and the threshold drops the rest", "[base]") {
  const auto lines = std::make_shared<Lines>();
  const Logger log = Logger{lines, LogLevel::info}.with("guest", "acme");
  log.info("started", {{"op", 7}});
  log.debug("noise");
  REQUIRE(lines->lines.size() == 1);
  CHECK(lines->lines[0] == "started guest=acme op=7");
}

TEST_CASE("guarded: a lock is released when its holder throws", "[base]") {
  Guarded<int> value{1};
  CHECK_THROWS_AS(
      [&] {
        auto held = value.lock();
        *held = 2;
        throw std::runtime_error{"out"};
      }(),
      std::runtime_error);
  CHECK(*value.lock() == 2);
}

}  // namespace holdfast
