// SPDX-License-Identifier: Apache-2.0
#include "cli/render.hpp"

#include "cli/progress_bar.hpp"
#include "cli/redact.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "tests/catch.hpp"

namespace holdfast::cli {

TEST_CASE("table: columns line up by what a terminal shows", "[cli]") {
  Table table{{"NAME", "STATE"}};
  table.add({"acme", "Ready"});
  table.add(
      {"b\xC3\xBC"
       "cher",
       "Ready"});
  table.add({"\xE5\x8C\x97\xE4\xBA\xAC", ""});
  CHECK(table.render(Style{}) ==
        "NAME     STATE\n"
        "acme     Ready\n"
        "b\xC3\xBC"
        "cher   Ready\n"
        "\xE5\x8C\x97\xE4\xBA\xAC     -\n");
}

TEST_CASE("table: colours do not move columns", "[cli]") {
  Table table{{"A", "B"}};
  table.add({{"x", Color::red}, "y"});
  CHECK(table.render(Style{true}) == "\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m\n\x1b[31mx\x1b[0m   y\n");
}

TEST_CASE("terminal: what others say cannot steer the screen", "[cli]") {
  CHECK(printable("a\x1b[2Jb\nc") == "a?[2Jb?c");
  CHECK(printable("a\nb", true) == "a\nb");
  CHECK(printable("\xFF\xFE") == "??");
  CHECK(printable("abc\xE2\x80\xAE"
                  "def") == "abc?def");
}

TEST_CASE("terminal: widths of combining and wide characters", "[cli]") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("e\xCC\x81") == 1);
  CHECK(display_width("\xF0\x9F\x98\x80") == 2);
  CHECK(display_width("\xE4") == 1);
  CHECK(shorten("0123456789", 6) == "012...");
  CHECK(shorten("0123", 6) == "0123");
}

TEST_CASE("progress bar: never wider than the terminal", "[cli]") {
  for (std::size_t width = 1; width < 120; ++width) {
    for (const double part : {-1.0, 0.0, 0.5, 0.999, 1.0, 7.0})
      CHECK(display_width(render_bar("restore root of guest acme", part, width)) <= width);
    CHECK(display_width(render_bar("restore root of guest acme", std::nullopt, width)) <= width);
  }
  CHECK(render_bar("restore", 0.5, 30) == "restore [========>       ] 50%");
}

TEST_CASE("render: ages are as kubectl writes them", "[cli]") {
  const Time now = parse_time("2026-11-22T20:00:00Z").value();
  CHECK(age(now - Duration{200'000}, now) == "3m20s");
  CHECK(age(now - std::chrono::hours{26}, now) == "1d2h");
  CHECK(age(now + Duration{5'000}, now) == "0s");
  CHECK(age(Time{}, now).empty());
}

TEST_CASE("render: sizes are rounded for people", "[cli]") {
  CHECK(rounded(Bytes{0}) == "0");
  CHECK(rounded(Bytes{1023}) == "1023");
  CHECK(rounded(Bytes{2464399}) == "2.4Mi");
  CHECK(rounded(gibibytes(16)) == "16Gi");
}

TEST_CASE("render plan: in sync is one sentence", "[cli]") {
  PlanReport plan;
  plan.in_sync = true;
  CHECK(render_plan(plan, Style{}, false) == "In sync. Nothing to do.\n");
}

TEST_CASE("render plan: every kind of action has its symbol and reason", "[cli]") {
  PlanReport plan;
  plan.actions = {
      {"guest/a", "create guest a from image tiny 1", "it does not exist", Verdict::free, "", ""},
      {"guest/b", "grow disk root from 1Gi to 2Gi", "the size differs", Verdict::free, "", ""},
      {"guest/c", "remove c and its disks for good", "kept for 7 days", Verdict::needs_permit,
       "TombstoneKept", ""},
      {"guest/d", "destroy guest d", "it is no longer wanted", Verdict::refused, "NeedsSignature",
       "0123"}};
  plan.unknown = {"guest/e", "guest/f: libvirt: no answer"};
  CHECK(render_plan(plan, Style{}, true) ==
        "  + guest/a: create guest a from image tiny 1\n"
        "      it does not exist\n"
        "      gate: free\n"
        "  ~ guest/b: grow disk root from 1Gi to 2Gi\n"
        "      the size differs\n"
        "      gate: free\n"
        "  - guest/c: remove c and its disks for good\n"
        "      kept for 7 days\n"
        "      gate: needs-permit (TombstoneKept)\n"
        "  ! guest/d: destroy guest d\n"
        "      it is no longer wanted\n"
        "      refused by rule NeedsSignature\n"
        "      ticket 0123: see `holdfast ticket show 0123`\n"
        "  ? guest/e: could not be observed, so the plan says nothing about it\n"
        "  ? guest/f: could not be observed, so the plan says nothing about it\n"
        "      libvirt: no answer\n"
        "\n"
        "Plan: 1 to add, 1 to change, 1 to remove, 1 refused, 2 unknown.\n");
}

TEST_CASE("redact: nothing that may be secret is left", "[cli]") {
  const std::string canary = "CANARY-4711";
  const std::string nested =
      R"({"guest":"{\"spec\":{\"bootstrap\":{\"userData\":\"CANARY-4711\"},\"cpus\":2}}",)"
      R"("seed":{"content":"CANARY-4711"},"list":[{"user_data":"CANARY-4711"}],)"
      R"("api_token":"CANARY-4711","text":"#cloud-config\nCANARY-4711","kept":"yes"})";
  const auto clean = without_secrets(nested);
  CHECK(clean.find(canary) == std::string::npos);
  CHECK(clean.find("\"kept\":\"yes\"") != std::string::npos);
  CHECK(clean.find("cpus") != std::string::npos);
  CHECK(without_secrets("CANARY-4711, no JSON at all") == "(left out)");
  CHECK(without_secrets(R"({"metadata":{"name":"acme"}})") == R"({"metadata":{"name":"acme"}})");
  CHECK(without_secrets("").empty());
}

TEST_CASE("progress: rate and time left come once they mean something", "[cli][render]") {
  constexpr std::uint64_t mib = 1 << 20;
  using namespace std::chrono_literals;
  CHECK(transfer_text("disk root", 0, 100 * mib, 5s) == "disk root");
  CHECK(transfer_text("disk root", 50 * mib, 100 * mib, 100ms) == "disk root");
  CHECK(transfer_text("disk root", 50 * mib, 100 * mib, 2s) == "disk root 25 MiB/s, 2s left");
  CHECK(transfer_text("disk root", mib, 3 * mib, 2s) == "disk root 512 KiB/s, 4s left");
  CHECK(transfer_text("disk root", 100 * mib, 100 * mib, 2s) == "disk root 50 MiB/s");
}

}  // namespace holdfast::cli
