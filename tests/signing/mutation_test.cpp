// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "signing/sshsig.hpp"
#include "tests/catch.hpp"
#include "tests/signing/answers.hpp"
#include "tests/signing/forge.hpp"

// Each row is one way to make a signature wrong, and the code that names it.
namespace holdfast::signing {
namespace {

const std::string message = "{\"apiVersion\":\"holdfast/v1\",\"kind\":\"Job\"}\n";
const forge::Pair plain{9};
const forge::Pair token{9, KeyType::sk_ed25519};

std::string good_blob(const forge::Pair& pair = plain) {
  forge::Recipe recipe;
  recipe.message = message;
  return forge::blob(pair, recipe);
}

std::string of(const forge::Pair& pair, const std::function<void(forge::Recipe&)>& change) {
  forge::Recipe recipe;
  recipe.message = message;
  change(recipe);
  return forge::sshsig(pair, recipe);
}

std::string key_blob(std::string_view type, std::string_view point, std::string_view rest = {}) {
  std::string blob;
  forge::put_text(blob, type);
  forge::put_text(blob, point);
  return blob + std::string{rest};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string good_signature() {
  forge::Recipe recipe;
  recipe.message = message;
  std::string data = "SSHSIG";
  const std::string blob = forge::blob(plain, recipe);
  return blob.substr(blob.size() - 64);
}

std::string little(std::uint8_t first, std::uint8_t middle, std::uint8_t last) {
  std::string point(32, static_cast<char>(middle));
  point.front() = static_cast<char>(first);
  point.back() = static_cast<char>(last);
  return point;
}

// A torsion point of order 8, and its mirror.
const std::string order_eight = forge::from_base64("JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=");
const std::string other_order_eight =
    forge::from_base64("xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA3o=");

struct Wrong {
  const char* what;
  const char* code;
  std::string armored;
};

using forge::Recipe;

std::vector<Wrong> wrong_armor() {
  const std::string good = forge::armor(good_blob());
  const std::string body = forge::base64(good_blob());
  const auto framed = [](const std::string& lines) {
    return "-----BEGIN SSH SIGNATURE-----\n" + lines + "-----END SSH SIGNATURE-----\n";
  };
  std::string bits = body;  // the last character holds bits that no byte uses
  bits[bits.find('=') - 1] = static_cast<char>(bits[bits.find('=') - 1] + 1);
  return {
      {"nothing", "NoSignatureHeader", ""},
      {"a message in place of a signature", "NoSignatureHeader", message},
      {"text before the header", "NoSignatureHeader", "x\n" + good},
      {"an empty line before the header", "NoSignatureHeader", "\n" + good},
      {"a blank before the header", "NoSignatureHeader", " " + good},
      {"a byte order mark", "NoSignatureHeader", "\xef\xbb\xbf" + good},
      {"CRLF after the header", "NoSignatureHeader",
       replaced(good, "SIGNATURE-----\n", "SIGNATURE-----\r\n")},
      {"a blank after the header", "NoSignatureHeader",
       replaced(good, "SIGNATURE-----\n", "SIGNATURE----- \n")},
      {"the armor of something else", "NoSignatureHeader",
       replaced(good, "SSH SIGNATURE", "PGP SIGNATURE")},
      {"no footer", "NoSignatureFooter", good.substr(0, good.find("-----END"))},
      {"a footer that is cut off", "NoSignatureFooter", good.substr(0, good.size() - 3)},
      {"text after the footer", "TrailingText", good + "{}"},
      {"a second newline", "TrailingText", good + "\n"},
      {"a blank after the footer", "TrailingText", good.substr(0, good.size() - 1) + " \n"},
      {"CRLF after the footer", "TrailingText", good.substr(0, good.size() - 1) + "\r\n"},
      {"two signatures", "TrailingText", good + good},
      {"a NUL at the end", "TrailingText", good + std::string(1, '\0')},
      {"an empty line inside", "BadArmor",
       framed(body.substr(0, 70) + "\n\n" + body.substr(70) + "\n")},
      {"CRLF inside", "BadArmor", framed(body.substr(0, 70) + "\r\n" + body.substr(70) + "\n")},
      {"a blank inside", "BadArmor", framed(body.substr(0, 70) + " \n" + body.substr(70) + "\n")},
      {"a comment inside", "BadArmor", framed("Comment: x\n" + body + "\n")},
      {"the footer on the last line", "BadArmor",
       "-----BEGIN SSH SIGNATURE-----\n" + body + "-----END SSH SIGNATURE-----\n"},
      {"no base64 at all", "BadArmor", framed("")},
      {"a letter that is none", "BadArmor", framed("!" + body.substr(1) + "\n")},
      {"the URL alphabet", "BadArmor", framed("-_" + body.substr(2) + "\n")},
      {"padding that is missing", "BadArmor", framed(body.substr(0, body.find('=')) + "\n")},
      {"padding too much", "BadArmor", framed(body + "====\n")},
      {"padding in the middle", "BadArmor", framed("QQ==" + body + "\n")},
      {"bits after the end", "BadArmor", framed(bits + "\n")},
      {"more than 8 KiB", "SignatureTooLong",
       framed(forge::base64(std::string(8'000, 'x')) + "\n")},
      {"more than 8 KiB of newlines", "SignatureTooLong", good + std::string(9'000, '\n')},
  };
}

std::vector<Wrong> wrong_blobs() {
  const std::string good = good_blob();
  return {
      {"an empty magic", "BadMagic", of(plain, [](Recipe& r) { r.magic = ""; })},
      {"another magic", "BadMagic", of(plain, [](Recipe& r) { r.magic = "SSHSIH"; })},
      {"a magic with a NUL", "UnsupportedVersion",
       of(plain, [](Recipe& r) { r.magic = std::string("SSHSIG\0", 7); })},
      {"three bytes", "BadMagic", forge::armor("SSH")},
      {"version 0", "UnsupportedVersion", of(plain, [](Recipe& r) { r.version = 0; })},
      {"version 2", "UnsupportedVersion", of(plain, [](Recipe& r) { r.version = 2; })},
      {"the highest version", "UnsupportedVersion",
       of(plain, [](Recipe& r) { r.version = 0xffffffff; })},
      {"no version", "TruncatedSignature", forge::armor("SSHSIG")},
      {"the magic and version alone", "TruncatedSignature", forge::armor(good.substr(0, 10))},
      {"the last byte missing", "TruncatedSignature",
       forge::armor(good.substr(0, good.size() - 1))},
      {"a length beyond the end", "TruncatedSignature",
       forge::armor(good.substr(0, 10) + "\xff\xff\xff\xff" + good.substr(14))},
      {"a byte after the last field", "TrailingBytes",
       of(plain, [](Recipe& r) { r.after_blob = std::string(1, '\0'); })},
      {"a field after the last field", "TrailingBytes",
       of(plain, [](Recipe& r) { forge::put_text(r.after_blob, "x"); })},
      {"reserved bytes nobody signed", "ReservedNotEmpty",
       of(plain, [](Recipe& r) { r.reserved = "x"; })},
      {"reserved bytes that were signed", "ReservedNotEmpty",
       of(plain,
          [](Recipe& r) {
            r.reserved = "x";
            r.is_reserved_signed = true;
          })},
      {"the namespace of git", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = "git"; })},
      {"the namespace of files", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = "file"; })},
      {"the namespace of releases", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = "release@holdfast"; })},
      {"an empty namespace", "WrongNamespace", of(plain, [](Recipe& r) { r.name_space = ""; })},
      {"a longer namespace", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = "job@holdfast.example"; })},
      {"a namespace with a NUL", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = std::string("job@holdfast\0", 13); })},
      {"a namespace in capitals", "WrongNamespace",
       of(plain, [](Recipe& r) { r.name_space = "JOB@holdfast"; })},
      {"made for git and relabelled", "BadSignature",
       of(plain,
          [](Recipe& r) {
            r.name_space = "git";
            r.stated_space = "job@holdfast";
          })},
      {"sha1", "UnsupportedHash", of(plain, [](Recipe& r) { r.stated_hash = "sha1"; })},
      {"sha384", "UnsupportedHash", of(plain, [](Recipe& r) { r.stated_hash = "sha384"; })},
      {"no hash", "UnsupportedHash", of(plain, [](Recipe& r) { r.stated_hash = ""; })},
      {"a hash in capitals", "UnsupportedHash",
       of(plain, [](Recipe& r) { r.stated_hash = "SHA512"; })},
      {"sha256 relabelled sha512", "BadSignature",
       of(plain,
          [](Recipe& r) {
            r.hash = "sha256";
            r.stated_hash = "sha512";
          })},
  };
}

std::vector<Wrong> wrong_keys() {
  const std::string point = plain.key().point;
  const auto with_key = [](const std::string& blob) {
    return of(plain, [&](Recipe& r) { r.key_blob = blob; });
  };
  std::string application;
  forge::put_text(application, "ssh:");
  std::string elsewhere;
  forge::put_text(elsewhere, "webauthn.example");
  return {
      {"a certificate", "CertificateRefused",
       with_key(key_blob("ssh-ed25519-cert-v01@openssh.com", point))},
      {"a token's certificate", "CertificateRefused",
       with_key(key_blob("sk-ssh-ed25519-cert-v01@openssh.com", point))},
      {"RSA", "UnsupportedKeyType", with_key(key_blob("ssh-rsa", point))},
      {"ECDSA", "UnsupportedKeyType", with_key(key_blob("ecdsa-sha2-nistp256", point))},
      {"a token's ECDSA", "UnsupportedKeyType",
       with_key(key_blob("sk-ecdsa-sha2-nistp256@openssh.com", point))},
      {"an empty type", "UnsupportedKeyType", with_key(key_blob("", point))},
      {"a type with a NUL", "UnsupportedKeyType",
       with_key(key_blob(std::string("ssh-ed25519\0", 12), point))},
      {"an empty key", "BadKey", with_key("")},
      {"a type alone", "BadKey", with_key(key_blob("ssh-ed25519", "").substr(0, 15))},
      {"31 bytes", "BadKey", with_key(key_blob("ssh-ed25519", point.substr(1)))},
      {"33 bytes", "BadKey", with_key(key_blob("ssh-ed25519", point + "x"))},
      {"bytes after the key", "BadKey", with_key(key_blob("ssh-ed25519", point, "x"))},
      {"a plain key with an application", "BadKey",
       with_key(key_blob("ssh-ed25519", point, application))},
      {"a token's key without application", "BadKey",
       with_key(key_blob("sk-ssh-ed25519@openssh.com", point))},
      {"a token's key for a web site", "WrongApplication",
       with_key(key_blob("sk-ssh-ed25519@openssh.com", point, elsewhere))},
      {"the neutral point", "WeakKey", with_key(key_blob("ssh-ed25519", little(1, 0, 0)))},
      {"the neutral point, mirrored", "WeakKey",
       with_key(key_blob("ssh-ed25519", little(1, 0, 0x80)))},
      {"a point of order 4", "WeakKey", with_key(key_blob("ssh-ed25519", little(0, 0, 0)))},
      {"a point of order 4, mirrored", "WeakKey",
       with_key(key_blob("ssh-ed25519", little(0, 0, 0x80)))},
      {"the point of order 2", "WeakKey",
       with_key(key_blob("ssh-ed25519", little(0xec, 0xff, 0x7f)))},
      {"a point of order 8", "WeakKey", with_key(key_blob("ssh-ed25519", order_eight))},
      {"the other point of order 8", "WeakKey",
       with_key(key_blob("ssh-ed25519", other_order_eight))},
      {"y = p, that is 0", "WeakKey", with_key(key_blob("ssh-ed25519", little(0xed, 0xff, 0x7f)))},
      {"y = p + 1, that is 1", "WeakKey",
       with_key(key_blob("ssh-ed25519", little(0xee, 0xff, 0x7f)))},
      {"all bits set", "WeakKey", with_key(key_blob("ssh-ed25519", std::string(32, '\xff')))},
      {"another key's blob", "BadSignature", with_key(to_blob(forge::Pair{10}.key()))},
  };
}

std::vector<Wrong> wrong_signatures() {
  const auto with = [](const std::string& signature) {
    return of(plain, [&](Recipe& r) { r.signature = signature; });
  };
  const std::string good = good_signature();
  const auto flagged = [](std::uint8_t flags) {
    return of(token, [&](Recipe& r) { r.flags = flags; });
  };
  std::string relabelled = good_blob(token);  // not touched, and relabelled as touched
  Recipe untouched;
  untouched.message = message;
  untouched.flags = 0;
  std::string faked = forge::blob(token, untouched);
  faked[faked.size() - 5] = 1;
  std::string other_counter = good_blob(token);
  other_counter.back() = 8;
  const forge::Pair elsewhere{9, KeyType::sk_ed25519, "ssh:elsewhere"};
  return {
      {"of RSA", "SignatureOfOtherType",
       of(plain, [](Recipe& r) { r.signature_type = "rsa-sha2-512"; })},
      {"of a token by a plain key", "SignatureOfOtherType",
       of(plain, [](Recipe& r) { r.signature_type = "sk-ssh-ed25519@openssh.com"; })},
      {"of a plain key by a token", "SignatureOfOtherType",
       of(token, [](Recipe& r) { r.signature_type = "ssh-ed25519"; })},
      {"of no type", "SignatureOfOtherType", of(plain, [](Recipe& r) { r.signature_type = ""; })},
      {"63 bytes", "BadSignatureLength", with(good.substr(1))},
      {"65 bytes", "BadSignatureLength", with(good + "x")},
      {"no bytes", "BadSignatureLength", with("")},
      {"32 bytes", "BadSignatureLength", with(good.substr(0, 32))},
      {"a byte after it", "TrailingBytes", of(plain, [](Recipe& r) { r.after_signature = "x"; })},
      {"flags and counter after a plain one", "TrailingBytes",
       of(plain, [](Recipe& r) { r.after_signature = std::string("\1\0\0\0\7", 5); })},
      {"a byte after a token's", "TrailingBytes",
       of(token, [](Recipe& r) { r.after_signature = "x"; })},
      {"S + L", "NotCanonical", with(forge::plus_order(good))},
      {"S = L", "NotCanonical",
       with(forge::plus_order(good.substr(0, 32) + std::string(32, '\0')))},
      {"all of S set", "NotCanonical", with(good.substr(0, 32) + std::string(32, '\xff'))},
      {"S = 0", "BadSignature", with(good.substr(0, 32) + std::string(32, '\0'))},
      {"R of order 1", "BadSignature", with(little(1, 0, 0) + good.substr(32))},
      {"all zero", "BadSignature", with(std::string(64, '\0'))},
      {"of another message", "BadSignature", of(plain, [](Recipe& r) { r.message += " "; })},
      {"of an empty message", "BadSignature", of(plain, [](Recipe& r) { r.message = ""; })},
      {"a token that was not touched", "NoTouch", flagged(0x00)},
      {"a PIN without a touch", "NoTouch", flagged(0x04)},
      {"flags of attested data", "BadFlags", flagged(0x41)},
      {"flags of extensions", "BadFlags", flagged(0x81)},
      {"a flag that is reserved", "BadFlags", flagged(0x03)},
      {"not touched and relabelled", "BadSignature", forge::armor(faked)},
      {"another counter than was signed", "BadSignature", forge::armor(other_counter)},
      {"of another application of the same token", "BadSignature",
       of(elsewhere, [](Recipe& r) { r.key_blob = to_blob(token.key()); })},
      {"a token's, cut before its counter", "TruncatedSignature",
       [] {
         std::string inner;
         forge::put_text(inner, "sk-ssh-ed25519@openssh.com");
         forge::put_text(inner, std::string(64, '\1'));
         std::string blob = "SSHSIG";
         forge::put_number(blob, 1);
         forge::put_text(blob, to_blob(token.key()));
         forge::put_text(blob, "job@holdfast");
         forge::put_text(blob, "");
         forge::put_text(blob, "sha512");
         forge::put_text(blob, inner + "\1");
         return forge::armor(blob);
       }()},
  };
}

void check_all(const std::vector<Wrong>& rows) {
  for (const Wrong& row : rows) {
    CAPTURE(row.what);
    const auto judged = verify_sshsig(row.armored, job_namespace, message);
    CHECK(code_of(judged) == row.code);
    if (const auto* refusal = refusal_of(judged)) CHECK(refusal->message.size() > 10);
  }
}

}  // namespace

TEST_CASE("sshsig: wrong armor is refused by code", "[signing]") { check_all(wrong_armor()); }
TEST_CASE("sshsig: wrong blobs are refused by code", "[signing]") { check_all(wrong_blobs()); }
TEST_CASE("sshsig: wrong keys are refused by code", "[signing]") { check_all(wrong_keys()); }
TEST_CASE("sshsig: wrong signatures are refused by code", "[signing]") {
  check_all(wrong_signatures());
}

TEST_CASE("sshsig: the list of mutations is long and reaches each code of the verifier",
          "[signing]") {
  std::set<std::string> codes;
  std::set<std::string> texts;
  for (const auto& rows : {wrong_armor(), wrong_blobs(), wrong_keys(), wrong_signatures()})
    for (const Wrong& row : rows) {
      codes.insert(row.code);
      texts.insert(row.armored);
    }
  CHECK(texts.size() >= 100);
  CHECK(codes.size() == 23);  // and NoPin, which takes a demand for it
}

}  // namespace holdfast::signing
