// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "signing/key_set.hpp"
#include "signing/quorum.hpp"
#include "tests/catch.hpp"
#include "tests/signing/answers.hpp"
#include "tests/signing/forge.hpp"
#include "tests/signing/stock.hpp"

namespace holdfast::signing {
namespace {

const forge::Pair anna{1};
const forge::Pair ben{2};
const forge::Pair clara{3, KeyType::sk_ed25519};
const std::string message = "{}\n";

Time at(std::string_view text) { return parse_time(text).value(); }
const Time noon = at("2026-11-25T12:00:00Z");

ParsedKeySet parsed(const std::string& text) { return parse_allowed_signers(text).value(); }

// "" when one line with these options lets Anna sign at `now`, else why not.
std::string answer(const std::string& options, Time now = noon) {
  const auto set = parsed(anna.line("anna", options));
  if (!set.problems.empty()) return set.problems.front().message;
  return code_of(verify_signatures(message, {forge::sshsig(anna, message)}, set.keys,
                                   {.name_space = job_namespace, .now = now}));
}

}  // namespace

TEST_CASE("allowed signers: names, keys, comments and empty lines", "[signing]") {
  const auto set =
      parsed("# operators of this host\n\n" + anna.line("anna@example.org,anna") +
             "  \t\n   ben\t  " + to_string(ben.key()) + " laptop, old\n" + clara.line("clara"));
  CHECK(set.problems.empty());
  REQUIRE(set.keys.signers.size() == 3);
  CHECK(set.keys.signers[0].name == "anna@example.org");
  CHECK(set.keys.signers[1].name == "ben");
  CHECK(set.keys.signers[1].line == 5);
  CHECK(set.keys.signers[2].key == clara.key());
  CHECK(set.keys.find(ben.key()) == &set.keys.signers[1]);
  CHECK(set.keys.find(forge::Pair{4}.key()) == nullptr);
}

TEST_CASE("allowed signers: a key may be limited to namespaces", "[signing]") {
  CHECK(answer("namespaces=\"job@holdfast\"") == "");
  CHECK(answer("namespaces=\"git,job@*\"") == "");
  CHECK(answer("namespaces=\"release@holdfast\"") == "KeyNotForNamespace");
  CHECK(answer("namespaces=\"\"") == "KeyNotForNamespace");
  CHECK(answer("namespaces=\"*,!job@holdfast\"") == "KeyNotForNamespace");
  CHECK(answer("namespaces=\"job@holdfast \"") == "KeyNotForNamespace");
}

TEST_CASE("allowed signers: a key may be limited in time, in UTC with or without the Z",
          "[signing]") {
  CHECK(answer("valid-after=\"20261125\"") == "");
  CHECK(answer("valid-after=\"202611251200\"") == "");
  CHECK(answer("valid-after=\"20261125120001\"") == "KeyNotYetValid");
  CHECK(answer("valid-after=\"20261125120001Z\"") == "KeyNotYetValid");
  CHECK(answer("valid-before=\"20261126Z\"") == "");
  CHECK(answer("valid-before=\"20261125120001\"") == "");
  CHECK(answer("valid-before=\"202611251200Z\"") == "KeyExpired");
  CHECK(answer("valid-after=\"20260101\",valid-before=\"20261231\"") == "");
}

TEST_CASE("allowed signers: what is not understood refuses its line loudly", "[signing]") {
  for (const std::string options : {"cert-authority",
                                    "no-touch-required",
                                    "verify-required",
                                    "namespaces=job@holdfast",
                                    "namespaces=\"job@holdfast",
                                    "Namespaces=\"job@holdfast\"",
                                    "namespaces",
                                    "namespaces=\"a\\\"b\"",
                                    "namespaces=\"a\",namespaces=\"b\"",
                                    "valid-after=\"2026\"",
                                    "valid-after=\"20261301\"",
                                    "valid-after=\"20260230\"",
                                    "valid-after=\"202611251260\"",
                                    "valid-after=\"20261125z\"",
                                    "valid-after=\"+1d\"",
                                    "valid-after=\"20260101ZZ\"",
                                    "valid-before=\"20260101\",valid-after=\"20260102\"",
                                    "valid-before=\"20260101\",valid-after=\"20260101\"",
                                    "namespaces=\"a\",",
                                    ",namespaces=\"a\"",
                                    "namespaces=\"a\",unknown=\"x\""}) {
    CAPTURE(options);
    const auto set = parsed(anna.line("anna", options) + ben.line("ben"));
    REQUIRE(set.problems.size() == 1);
    CHECK(set.problems.front().line == 1);
    CHECK(set.problems.front().message.size() > 10);
    REQUIRE(set.keys.signers.size() == 1);  // the other line still counts
    CHECK(set.keys.signers.front().name == "ben");
  }
}

TEST_CASE("allowed signers: names that are patterns and keys that are none are refused",
          "[signing]") {
  const std::string key = to_string(anna.key());
  const std::string base64 = key.substr(key.find(' ') + 1);
  for (const std::string& line : std::vector<std::string>{
           "* " + key, "anna,*@example.org " + key, "!ben,anna " + key, "\"anna b\" " + key,
           "anna, " + key, std::string(200, 'a') + " " + key, "anna", "anna ssh-ed25519",
           "anna namespaces=\"a\"", "anna ssh-ed25519 " + base64 + "=",
           "anna ssh-ed25519 " + base64 + "\r", "anna sk-ssh-ed25519@openssh.com " + base64,
           "anna ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB",
           "anna ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
           "anna ssh-ed25519-cert-v01@openssh.com " + base64, base64 + " " + key.substr(0, 11)}) {
    CAPTURE(line);
    const auto set = parsed(line + "\n");
    CHECK(set.problems.size() == 1);
    CHECK(set.keys.signers.empty());
  }
}

TEST_CASE("allowed signers: a key counts once however often it is written", "[signing]") {
  const auto set = parsed(anna.line("anna", "valid-before=\"20200101\"") + anna.line("ben"));
  REQUIRE(set.problems.size() == 1);
  CHECK(set.problems.front().message == "the same key as on line 1");
  CHECK(set.keys.signers.size() == 1);
}

TEST_CASE("allowed signers: size is bounded", "[signing]") {
  CHECK_FALSE(parse_allowed_signers(std::string(longest_key_set + 1, '#')));
  CHECK_FALSE(parse_allowed_signers(std::string("anna\0", 5)));
  CHECK(parsed("").keys.signers.empty());
}

TEST_CASE("allowed signers: what is accepted stock ssh-keygen accepts too", "[signing][stock]") {
  if (!forge::Stock::is_installed()) {
    WARN("skipped: no ssh-keygen on this machine");
    return;
  }
  forge::Stock stock;
  const std::string armored = forge::sshsig(anna, message);
  int accepted = 0;
  int refused_by_both = 0;
  for (const std::string options : {"",
                                    "namespaces=\"job@holdfast\"",
                                    "namespaces=\"job@*\"",
                                    "namespaces=\"git,job@hold????\"",
                                    "namespaces=\"*,!git\"",
                                    "namespaces=\"*,!job@*\"",
                                    "namespaces=\"\"",
                                    "namespaces=\"git\"",
                                    "namespaces=\"job@holdfast \"",
                                    "namespaces=\" job@holdfast\"",
                                    "namespaces=\"!git\"",
                                    "valid-after=\"20261125\"",
                                    "valid-after=\"20261125120000\"",
                                    "valid-after=\"202611251200Z\"",
                                    "valid-after=\"20261125120001\"",
                                    "valid-before=\"20261126\"",
                                    "valid-before=\"20261125120000\"",
                                    "valid-before=\"20261125120001Z\"",
                                    "valid-before=\"20261125\"",
                                    "valid-after=\"20260101\",valid-before=\"20270101Z\"",
                                    "valid-after=\"20270101\",valid-before=\"20280101\"",
                                    "namespaces=\"job@holdfast\",valid-before=\"20270101\"",
                                    "valid-after=\"20260230\"",
                                    "valid-after=\"20261301\"",
                                    "unknown",
                                    "cert-authority",
                                    "namespaces=\"a\",namespaces=\"b\"",
                                    "valid-after=\"2026112512\"",
                                    "valid-before=\"20260101\",valid-after=\"20260102\""}) {
    CAPTURE(options);
    const bool ours = answer(options).empty();
    const bool theirs = stock.verifies(anna.line("anna", options), "anna", "job@holdfast", armored,
                                       message, "20261125120000Z");
    if (ours) CHECK(theirs);
    accepted += ours ? 1 : 0;
    refused_by_both += !ours && !theirs ? 1 : 0;
  }
  CHECK(accepted >= 12);
  CHECK(refused_by_both >= 12);
}

TEST_CASE("allowed signers: pattern lists match as ssh's do", "[signing]") {
  CHECK(matches_pattern_list("*", ""));
  CHECK(matches_pattern_list("a*c", "abbc"));
  CHECK(matches_pattern_list("a*b*c", "axbxbxc"));
  CHECK_FALSE(matches_pattern_list("a*b*c", "axbxbx"));
  CHECK(matches_pattern_list("?", "x"));
  CHECK_FALSE(matches_pattern_list("?", ""));
  CHECK_FALSE(matches_pattern_list("", "x"));
  CHECK_FALSE(matches_pattern_list("!x,*", "x"));
  CHECK_FALSE(matches_pattern_list("!y", "x"));
  CHECK(matches_pattern_list(std::string(20'000, '*') + "x", "x"));  // and not for ever
}

TEST_CASE("key set: differences name what is added, removed and limited", "[signing]") {
  const auto before = parsed(anna.line("anna") + ben.line("ben"));
  const auto after = parsed(ben.line("ben", "namespaces=\"job@*\"") +
                            clara.line("clara", "valid-after=\"20270101\""));
  const auto sentences = differences(before.keys, after.keys);
  REQUIRE(sentences.size() == 3);
  CHECK(sentences[0].find("anna (SHA256:") != std::string::npos);
  CHECK(sentences[0].find("removed") != std::string::npos);
  CHECK(sentences[1].find("ben, only for job@*") != std::string::npos);
  CHECK(sentences[2].find("is added, from 2027-01-01") != std::string::npos);
  CHECK(differences(before.keys, before.keys).empty());
}

}  // namespace holdfast::signing
