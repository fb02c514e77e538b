// SPDX-License-Identifier: Apache-2.0
#include "signing/armor.hpp"

#include <climits>

#include <openssl/evp.h>

#include "signing/codes.hpp"

namespace holdfast::signing {
namespace {

constexpr std::string_view header = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view footer = "-----END SSH SIGNATURE-----";

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// The lines without their ends; nothing when one of them is empty.
std::optional<std::string> joined(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == 0 || end == std::string_view::npos) return std::nullopt;
    text += lines.substr(0, end);
    lines.remove_prefix(end + 1);
  }
  return text;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP ends it with a NUL
  const int length = EVP_EncodeBlock(octets(text), octets(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > INT_MAX / 2) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(octets(bytes), octets(text), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  bytes.resize(bytes.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  // EVP is lenient about blanks and about bits after the end.
  if (encode_base64(bytes) != text) return std::nullopt;
  return bytes;
}

Judged<std::string> dearmor(std::string_view text) {
  if (text.size() > longest_armor)
    return Refusal{code::too_long, "a signature of " + std::to_string(text.size()) +
                                       " bytes; none that is made is longer than 8 KiB"};
  if (!text.starts_with(header))
    return Refusal{code::no_header,
                   "it does not begin with the line -----BEGIN SSH SIGNATURE-----"};
  text.remove_prefix(header.size());
  const std::size_t end = text.find(footer);
  if (end == std::string_view::npos)
    return Refusal{code::no_footer, "it has no line -----END SSH SIGNATURE-----"};
  const std::string_view rest = text.substr(end + footer.size());
  if (!rest.empty() && rest != "\n")
    return Refusal{code::trailing_text, "there is text after the line that ends it"};
  const auto lines = joined(text.substr(0, end));
  auto blob = lines ? decode_base64(*lines) : std::nullopt;
  if (!blob)
    return Refusal{code::bad_armor,
                   "between its first and last line is something else than base64"};
  return std::move(*blob);
}

}  // namespace holdfast::signing
