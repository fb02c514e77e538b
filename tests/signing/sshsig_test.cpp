// SPDX-License-Identifier: Apache-2.0
#include "signing/sshsig.hpp"

#include <random>

#include "base/sha256.hpp"
#include "tests/catch.hpp"
#include "tests/signing/answers.hpp"
#include "tests/signing/forge.hpp"
#include "tests/signing/stock.hpp"

namespace holdfast::signing {
namespace {

// Made by OpenSSH 9.2p1 from the seed 000102...1f.
constexpr std::string_view vector_space = "job@hostagent.example";
constexpr std::string_view vector_message = "{\"v\":1,\"op\":\"destroy\"}\n";
constexpr std::string_view vector_armor =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgA6EHv/POEL4dcN0Y50vAmWfk1j\n"
    "CbpQ1fHdyGZBJVMbgAAAAVam9iQGhvc3RhZ2VudC5leGFtcGxlAAAAAAAAAAZzaGE1MTIA\n"
    "AABTAAAAC3NzaC1lZDI1NTE5AAAAQC2dOwPEFTxBwhl2WKkh8olYgEt7IJjyZkGtpoOCu/\n"
    "QlcInCxrl3+sjZA5+sxtY4c0kn+2Ki2yWi2gKVABG/4QM=\n"
    "-----END SSH SIGNATURE-----\n";
constexpr std::string_view sk_vector =
    "U1NIU0lHAAAAAQAAAEoAAAAac2stc3NoLWVkMjU1MTlAb3BlbnNzaC5jb20AAAAgA6EHv/POEL4dcN0Y50vAmWfk1jCb"
    "pQ1fHdyGZBJVMbgAAAAEc3NoOgAAABVqb2JAaG9zdGFnZW50LmV4YW1wbGUAAAAAAAAABnNoYTUxMgAAAGcAAAAac2st"
    "c3NoLWVkMjU1MTlAb3BlbnNzaC5jb20AAABARR1qJDaULl5AciiRccm5chCDBb0yZhFo427MTTh3G4fzzKCFDAhJYOHi"
    "zwBjy6XRPb/NzhEacpxcE8AcSrKlAwEAAAAH";

std::string flipped(std::string text, std::size_t bit) {
  text[bit / 8] = static_cast<char>(static_cast<unsigned char>(text[bit / 8]) ^ (1U << bit % 8));
  return text;
}

}  // namespace

TEST_CASE("sshsig: the published vector of a plain key verifies", "[signing]") {
  const auto judged = verify_sshsig(vector_armor, vector_space, vector_message);
  REQUIRE(code_of(judged) == "");
  CHECK(std::get<Signature>(judged).key == forge::Pair{}.key());
  CHECK(code_of(verify_sshsig(vector_armor, vector_space, "{\"v\":1,\"op\":\"destroy\"}")) ==
        "BadSignature");
  CHECK(code_of(verify_sshsig(vector_armor, job_namespace, vector_message)) == "WrongNamespace");
}

TEST_CASE("sshsig: the published vector of a token's key verifies and shows its touch",
          "[signing]") {
  const std::string armored = forge::armor(forge::from_base64(sk_vector));
  const auto judged = verify_sshsig(armored, vector_space, vector_message);
  REQUIRE(code_of(judged) == "");
  CHECK(std::get<Signature>(judged).key == (forge::Pair{0, KeyType::sk_ed25519}.key()));
  CHECK(std::get<Signature>(judged).counter == 7);
  CHECK_FALSE(std::get<Signature>(judged).is_pin_checked);
  CHECK(code_of(verify_sshsig(armored, vector_space, vector_message, Presence::touched_with_pin)) ==
        "NoPin");
}

TEST_CASE("sshsig: the tests' own signer makes the published vectors byte for byte", "[signing]") {
  forge::Recipe recipe;
  recipe.name_space = vector_space;
  recipe.message = vector_message;
  CHECK(forge::sshsig(forge::Pair{}, recipe) == vector_armor);
  CHECK(to_hex(sha256(forge::blob(forge::Pair{}, recipe))) ==
        "d91823d8e029918fc56e71f98d27763301297ca71119d376ad18a30a1f7c478f");
  CHECK(forge::base64(forge::blob(forge::Pair{0, KeyType::sk_ed25519}, recipe)) == sk_vector);
}

TEST_CASE("sshsig: what stock ssh-keygen signs is accepted", "[signing][stock]") {
  if (!forge::Stock::is_installed()) {
    WARN("skipped: no ssh-keygen on this machine");
    return;
  }
  forge::Stock stock;
  const forge::Pair anna{1};
  for (const std::string options : {"", "-O hashalg=sha256", "-O hashalg=sha512"})
    for (const std::string& message : {std::string{}, std::string{"x"}, std::string(70'000, 'y')}) {
      CAPTURE(options, message.size());
      const std::string armored =
          stock.sign(anna.private_key_file(), "job@holdfast", message, options);
      REQUIRE_FALSE(armored.empty());
      const auto judged = verify_sshsig(armored, job_namespace, message);
      CHECK(code_of(judged) == "");
      CHECK(code_of(verify_sshsig(armored, job_namespace, message + " ")) == "BadSignature");
    }
  CHECK(fingerprint(anna.key()) == stock.fingerprint(to_string(anna.key())));
}

TEST_CASE("sshsig: what is accepted stock ssh-keygen accepts too", "[signing][stock]") {
  if (!forge::Stock::is_installed()) {
    WARN("skipped: no ssh-keygen on this machine");
    return;
  }
  forge::Stock stock;
  const std::string message = "{\"kind\":\"Job\"}\n";
  int accepted = 0;
  for (const auto type : {KeyType::ed25519, KeyType::sk_ed25519})
    for (const std::string hash : {"sha512", "sha256"})
      for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0x01, 0x05, 0x09, 0x1d})
        for (const std::size_t columns : {1U, 64U, 70U, 76U, 4000U}) {
          if (type == KeyType::ed25519 && flags != 0x01) continue;
          const forge::Pair pair{3, type};
          forge::Recipe recipe;
          recipe.message = message;
          recipe.hash = hash;
          recipe.flags = flags;
          const std::string armored = forge::armor(forge::blob(pair, recipe), columns);
          CAPTURE(to_string(type), hash, int{flags}, columns);
          REQUIRE(code_of(verify_sshsig(armored, job_namespace, message)) == "");
          CHECK(stock.verifies(pair.line("anna"), "anna", "job@holdfast", armored, message));
          ++accepted;
        }
  CHECK(accepted == 50);
}

TEST_CASE("sshsig: every flipped bit of a signature is refused", "[signing]") {
  const std::string message = "{}\n";
  for (const auto type : {KeyType::ed25519, KeyType::sk_ed25519}) {
    const forge::Pair pair{5, type};
    forge::Recipe recipe;
    recipe.message = message;
    const std::string good = forge::blob(pair, recipe);
    REQUIRE(code_of(verify_sshsig(forge::armor(good), job_namespace, message)) == "");
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      CAPTURE(to_string(type), bit);
      const auto judged = verify_sshsig(forge::armor(flipped(good, bit)), job_namespace, message);
      REQUIRE(code_of(judged) != "");
    }
  }
}

TEST_CASE("sshsig: every cut of a signature is refused", "[signing]") {
  const std::string message = "{}\n";
  forge::Recipe recipe;
  recipe.message = message;
  const std::string good = forge::blob(forge::Pair{5, KeyType::sk_ed25519}, recipe);
  for (std::size_t length = 0; length < good.size(); ++length)
    REQUIRE(code_of(verify_sshsig(forge::armor(good.substr(0, length)), job_namespace, message)) !=
            "");
  const std::string text = forge::armor(good);
  for (std::size_t length = 0; length + 1 < text.size(); ++length)
    REQUIRE(code_of(verify_sshsig(text.substr(0, length), job_namespace, message)) != "");
}

TEST_CASE("sshsig: random edits that are accepted stock ssh-keygen accepts too",
          "[signing][stock]") {
  const forge::Pair pair{6};
  const std::string message = "{}\n";
  const std::string good = forge::sshsig(pair, message);
  std::mt19937 random{20261125};
  const std::string alphabet = "AQgw+/=\n- \r0z";
  std::vector<std::string> accepted;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = good;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const auto at = random() % (text.size() + 1);
      switch (random() % 4) {
        case 0: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        case 1: text.erase(at, 1 + random() % 3); break;
        case 2: text.insert(at, "\n"); break;
        default:
          if (at < text.size()) text[at] = alphabet[random() % alphabet.size()];
      }
    }
    if (text != good && code_of(verify_sshsig(text, job_namespace, message)) == "")
      accepted.push_back(text);
  }
  // Only where its lines are broken may differ.
  CHECK(accepted.size() < 5'000);
  REQUIRE_FALSE(accepted.empty());
  std::string joined_good = good;
  std::erase(joined_good, '\n');
  for (std::string text : accepted) {
    std::erase(text, '\n');
    CHECK(text == joined_good);
  }
  if (!forge::Stock::is_installed()) {
    WARN("not compared: no ssh-keygen on this machine");
    return;
  }
  forge::Stock stock;
  for (std::size_t i = 0; i < accepted.size(); i += 1 + accepted.size() / 50)
    CHECK(stock.verifies(pair.line("anna"), "anna", "job@holdfast", accepted[i], message));
}

}  // namespace holdfast::signing
