// SPDX-License-Identifier: Apache-2.0
#include "signing/quorum.hpp"

#include "tests/catch.hpp"
#include "tests/signing/answers.hpp"
#include "tests/signing/forge.hpp"

namespace holdfast::signing {
namespace {

const forge::Pair anna{1};
const forge::Pair ben{2};
const forge::Pair clara{3, KeyType::sk_ed25519};
const forge::Pair stranger{4};
const std::string payload = "{}\n";

struct Question {
  std::vector<std::string> signatures{};
  std::size_t signers = 1;
  Presence presence = Presence::touched;
  std::string set = anna.line("anna") + ben.line("ben") + clara.line("clara");
};

Judged<Endorsement> ask(const Question& question) {
  const auto parsed = parse_allowed_signers(question.set).value();
  return verify_signatures(payload, question.signatures, parsed.keys,
                           {.name_space = job_namespace,
                            .signers = question.signers,
                            .presence = question.presence,
                            .now = parse_time("2026-11-25T12:00:00Z").value()});
}

std::string by(const forge::Pair& pair) { return forge::sshsig(pair, payload); }

std::string with_flags(std::uint8_t flags) {
  forge::Recipe recipe;
  recipe.message = payload;
  recipe.flags = flags;
  return forge::sshsig(clara, recipe);
}

}  // namespace

TEST_CASE("quorum: k distinct operators are enough and k - 1 are not", "[signing]") {
  CHECK(code_of(ask({{by(anna)}})) == "");
  CHECK(code_of(ask({{by(anna)}, 2})) == "TooFewSigners");
  CHECK(code_of(ask({{by(anna), by(clara)}, 2})) == "");
  CHECK(code_of(ask({{by(anna), by(clara)}, 3})) == "TooFewSigners");
  const auto all = ask({{by(ben), by(anna), by(clara)}, 3});
  REQUIRE(code_of(all) == "");
  const auto& signers = std::get<Endorsement>(all).signers;
  REQUIRE(signers.size() == 3);
  CHECK(signers[0].name == "ben");
  CHECK(signers[2].name == "clara");
}

TEST_CASE("quorum: one key that signs twice is one, and is refused", "[signing]") {
  CHECK(code_of(ask({{by(anna), by(anna)}, 2})) == "SameSignerTwice");
  forge::Recipe other;
  other.message = payload;
  other.hash = "sha256";  // another text by the same key
  CHECK(code_of(ask({{by(anna), forge::sshsig(anna, other)}, 2})) == "SameSignerTwice");
  CHECK(code_of(ask({{by(stranger), by(stranger)}, 1})) == "SameSignerTwice");
}

TEST_CASE("quorum: strangers do not count and take nothing away", "[signing]") {
  CHECK(code_of(ask({{by(stranger)}})) == "UnknownSigner");
  CHECK(code_of(ask({{by(stranger), by(anna)}, 2})) == "TooFewSigners");
  const auto judged = ask({{by(stranger), by(anna), by(ben)}, 2});
  REQUIRE(code_of(judged) == "");
  CHECK(std::get<Endorsement>(judged).uncounted.size() == 1);
}

TEST_CASE("quorum: a key that expired is left out with its reason", "[signing]") {
  const std::string set = anna.line("anna", "valid-before=\"20260101\"") + ben.line("ben");
  CHECK(code_of(ask({.signatures = {by(anna)}, .set = set})) == "KeyExpired");
  CHECK(code_of(ask({.signatures = {by(anna), by(ben)}, .set = set})) == "");
  CHECK(code_of(ask({.signatures = {by(anna), by(ben)}, .signers = 2, .set = set})) ==
        "TooFewSigners");
}

TEST_CASE("quorum: one bad signature refuses the whole", "[signing]") {
  CHECK(code_of(ask({{by(anna), forge::sshsig(ben, std::string{"other"})}})) == "BadSignature");
  CHECK(code_of(ask({{by(anna), with_flags(0)}})) == "NoTouch");
  CHECK(code_of(ask({{by(anna), "x"}})) == "NoSignatureHeader");
}

TEST_CASE("quorum: a PIN can be demanded of tokens", "[signing]") {
  CHECK(code_of(ask({{with_flags(1)}, 1, Presence::touched_with_pin})) == "NoPin");
  CHECK(code_of(ask({{with_flags(5)}, 1, Presence::touched_with_pin})) == "");
}

TEST_CASE("quorum: nothing signed and too much signed are refused", "[signing]") {
  CHECK(code_of(ask({{}})) == "Unsigned");
  CHECK(code_of(ask({{}, 0})) == "Unsigned");
  CHECK(code_of(ask({{by(stranger)}, 0})) == "UnknownSigner");  // nobody is never enough
  CHECK(code_of(ask({std::vector<std::string>(9, by(anna))})) == "TooManySignatures");
  CHECK(code_of(ask({.signatures = {by(anna)}, .set = ""})) == "UnknownSigner");
}

}  // namespace holdfast::signing
