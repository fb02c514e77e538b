// SPDX-License-Identifier: Apache-2.0
#include "schema/quantity.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "tests/catch.hpp"

using namespace std::chrono_literals;

namespace holdfast {

TEST_CASE("parse_bytes: reads Kubernetes quantities", "[schema][quantity]") {
  const std::vector<std::pair<std::string, std::uint64_t>> table{
      {"0", 0},
      {"128974848", 128974848},
      {"1e3", 1000},
      {"1E3", 1000},
      {"12e0", 12},
      {"500M", 500'000'000},
      {"1k", 1000},
      {"1Ki", 1024},
      {"2Gi", 2'147'483'648},
      {"1.5Gi", 1'610'612'736},
      {"0.5Ki", 512},
      {"1.000Ki", 1024},
      {"1E", 1'000'000'000'000'000'000},
      {"15Ei", std::uint64_t{15} << 60U},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
  };
  for (const auto& [text, bytes] : table) {
    CAPTURE(text);
    const auto parsed = parse_bytes(text);
    REQUIRE(parsed);
    CHECK(parsed->value == bytes);
  }
}

TEST_CASE("parse_bytes: refuses what is not a whole number of bytes", "[schema][quantity]") {
  const std::vector<std::string> table{"",
                                       " ",
                                       "-1",
                                       "+1",
                                       "1 Gi",
                                       "2Gb",
                                       "2gi",
                                       "Gi",
                                       ".5Gi",
                                       "1.",
                                       "1.5",
                                       "0.1Ki",
                                       "1m",
                                       "500m",
                                       "1e-3",
                                       "1e",
                                       "1e+3",
                                       "0x10",
                                       "16Ei",
                                       "1e20",
                                       "18446744073709551616",
                                       "99999999999999999999",
                                       "1e99999999999",
                                       "1Gi ",
                                       "1,000",
                                       "nan",
                                       "inf",
                                       "1_000",
                                       "1.00000000000000000000000Gi"};
  for (const auto& text : table) {
    CAPTURE(text);
    const auto parsed = parse_bytes(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    CHECK(parsed.error().message().find("expected") != std::string::npos);
  }
}

TEST_CASE("to_string of bytes: is canonical and reads back as the same", "[schema][quantity]") {
  CHECK(to_string(Bytes{0}) == "0");
  CHECK(to_string(Bytes{1}) == "1");
  CHECK(to_string(Bytes{1023}) == "1023");
  CHECK(to_string(Bytes{1024}) == "1Ki");
  CHECK(to_string(mebibytes(1536)) == "1536Mi");
  CHECK(to_string(gibibytes(2048)) == "2Ti");
  CHECK(to_string(Bytes{500'000'000}) == "500000000");
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t odd : {0U, 1U, 3U, 7U}) {
      const Bytes bytes{(std::uint64_t{1} << shift) + odd};
      CAPTURE(bytes.value);
      CHECK(parse_bytes(to_string(bytes)).value() == bytes);
    }
  }
}

TEST_CASE("parse_cpus: whole CPUs only and says why not a thousandth", "[schema][quantity]") {
  CHECK(parse_cpus("2").value() == 2);
  CHECK(parse_cpus("512").value() == 512);
  for (const auto* const text : {"", "2.0", "-1", "two", "4294967296", "m"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cpus(text));
  }
  CHECK(parse_cpus("500m").error().message() ==
        "found \"500m\", expected whole CPUs like 2 (a share of a CPU is said in "
        "limits.cpuShares)");
}

TEST_CASE("parse_duration: reads units in falling order", "[schema][quantity]") {
  const std::vector<std::pair<std::string, Duration>> table{
      {"10s", 10s},     {"5m", 5min}, {"24h", 24h},        {"1h30m", 90min},
      {"250ms", 250ms}, {"90s", 90s}, {"1s500ms", 1500ms}, {"0s", 0s},
      {"1h1s", 3601s},  {"0ms", 0ms}, {"87600h", 87600h}};
  for (const auto& [text, duration] : table) {
    CAPTURE(text);
    const auto parsed = parse_duration(text);
    REQUIRE(parsed);
    CHECK(*parsed == duration);
  }
}

TEST_CASE("parse_duration: refuses everything else", "[schema][quantity]") {
  for (const auto* const text : {"", "10", "s", "1.5h", "-1s", "1d", "30m1h", "1s1s", "1 s", "1h ",
                                 "5min", "99999999h", "99999999999999999999s", "ms", "1m1ms1s"}) {
    CAPTURE(text);
    const auto parsed = parse_duration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message().find("expected") != std::string::npos);
  }
}

TEST_CASE("to_string of a duration: is canonical and reads back as the same",
          "[schema][quantity]") {
  CHECK(to_string(Duration{0}) == "0s");
  CHECK(to_string(Duration{60s}) == "1m");
  CHECK(to_string(Duration{90s}) == "1m30s");
  CHECK(to_string(Duration{24h}) == "24h");
  CHECK(to_string(Duration{3'600'001}) == "1h1ms");
  for (std::int64_t ms = 1; ms < 40'000'000'000; ms = ms * 3 + 1) {
    const Duration duration{ms};
    CAPTURE(ms);
    CHECK(parse_duration(to_string(duration)).value() == duration);
  }
}

}  // namespace holdfast
