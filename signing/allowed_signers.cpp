// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "signing/armor.hpp"
#include "signing/key_set.hpp"

// From the text of an allowed_signers file to a key set.
namespace holdfast::signing {
namespace {

constexpr std::size_t longest_name = 128;
constexpr std::size_t longest_shown = 40;
constexpr std::array<std::string_view, 4> key_type_starts{"ssh-", "sk-", "ecdsa-", "rsa-"};

std::string quoted(std::string_view text) {
  return "\"" + std::string{text.substr(0, longest_shown)} + "\"";
}

Error bad(const std::string& what) { return {Errc::invalid, what}; }

// Up to the next blank that is in no quotes; the blanks after it are taken, too.
std::string_view take_word(std::string_view& rest) {
  bool is_quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '"') is_quoted = !is_quoted;
    if (!is_quoted && (rest[end] == ' ' || rest[end] == '\t')) break;
  }
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t", end), rest.size()));
  return word;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"._@+-"}.find(c) != std::string_view::npos;
}

// "anna@example.org,anna": the first is the person's name, the others are ignored here.
Result<std::string> parse_names(std::string_view word) {
  std::string first;
  while (true) {
    const std::size_t comma = word.find(',');
    const std::string_view name = word.substr(0, comma);
    if (name.empty() || name.size() > longest_name ||
        !std::all_of(name.begin(), name.end(), is_name_character))
      return bad("found " + quoted(name) +
                 " as a name, expected letters, digits and . _ @ + -; patterns are not accepted");
    if (first.empty()) first = name;
    if (comma == std::string_view::npos) return first;
    word.remove_prefix(comma + 1);
  }
}

// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or without a Z: UTC.
Result<Time> parse_stamp(std::string_view text) {
  const Error wrong = bad("found the time " + quoted(text) +
                          ", expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in UTC");
  if (text.ends_with('Z')) text.remove_suffix(1);
  const bool has_digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!has_digits || (text.size() != 8 && text.size() != 12 && text.size() != 14)) return wrong;
  std::string full{text};
  full.resize(14, '0');
  const std::string spelled = full.substr(0, 4) + "-" + full.substr(4, 2) + "-" +
                              full.substr(6, 2) + "T" + full.substr(8, 2) + ":" +
                              full.substr(10, 2) + ":" + full.substr(12, 2) + "Z";
  const auto time = parse_time(spelled);
  if (!time) return wrong;
  return *time;
}

// `name="value"`; the value without its quotes.
Result<std::string_view> value_of(std::string_view option, std::size_t equals) {
  const std::string_view value = option.substr(equals + 1);
  if (value.size() < 2 || value.front() != '"' || value.back() != '"' ||
      value.find_first_of("\"\\", 1) != value.size() - 1)
    return bad("found " + quoted(option) + ", expected a value in double quotes, without \\");
  return value.substr(1, value.size() - 2);
}

Result<void> apply_option(std::string_view option, Signer& signer) {
  const std::size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  if (name == "cert-authority")
    return bad("cert-authority is not accepted: certificates are not, only keys themselves");
  const bool is_known = name == "namespaces" || name == "valid-after" || name == "valid-before";
  if (!is_known || equals == std::string_view::npos)
    return bad("found the option " + quoted(option) +
               ", expected namespaces=\"...\", valid-after=\"...\" or valid-before=\"...\"");
  const auto value = TRY(value_of(option, equals));
  const auto once = [&](bool is_set) -> Result<void> {
    return is_set ? bad("the option " + std::string{name} + " is given twice") : ok();
  };
  if (name == "namespaces") {
    TRY(once(signer.namespaces.has_value()));
    signer.namespaces = std::string{value};
    return ok();
  }
  auto& stamp = name == "valid-after" ? signer.valid_after : signer.valid_before;
  TRY(once(stamp.has_value()));
  stamp = TRY(parse_stamp(value));
  return ok();
}

Result<void> apply_options(std::string_view word, Signer& signer) {
  while (true) {
    bool is_quoted = false;
    std::size_t end = 0;
    for (; end < word.size() && (is_quoted || word[end] != ','); ++end)
      if (word[end] == '"') is_quoted = !is_quoted;
    TRY(apply_option(word.substr(0, end), signer));
    if (end == word.size()) break;
    word.remove_prefix(end + 1);
  }
  if (signer.valid_after && signer.valid_before && *signer.valid_before <= *signer.valid_after)
    return bad("valid-before is not after valid-after");
  return ok();
}

bool is_key_type(std::string_view word) {
  return std::any_of(key_type_starts.begin(), key_type_starts.end(),
                     [&](std::string_view start) { return word.starts_with(start); });
}

Result<PublicKey> parse_key(std::string_view type, std::string_view base64) {
  if (!is_key_type(type)) return bad("found no key after the options");
  const auto blob = decode_base64(base64);
  if (!blob) return bad("what follows " + quoted(type) + " is no base64");
  const auto key = parse_key_blob(*blob);
  if (const auto* refusal = refusal_of(key))
    return bad(std::string{refusal->code} + ": " + refusal->message);
  if (to_string(std::get<PublicKey>(key).type) != type)
    return bad("the line says " + quoted(type) + " and the key itself is of another type");
  return std::get<PublicKey>(key);
}

Result<Signer> parse_line(std::string_view line) {
  Signer signer;
  signer.name = TRY(parse_names(take_word(line)));
  std::string_view word = take_word(line);
  if (!is_key_type(word)) {
    if (word.empty()) return bad("there is a name and no key");
    TRY(apply_options(word, signer));
    word = take_word(line);
  }
  const std::string_view base64 = take_word(line);
  signer.key = TRY(parse_key(word, base64));
  return signer;
}

}  // namespace

Result<ParsedKeySet> parse_allowed_signers(std::string_view text) {
  if (text.size() > longest_key_set)
    return bad("found " + std::to_string(text.size()) + " bytes, expected at most " +
               std::to_string(longest_key_set));
  if (text.find('\0') != std::string_view::npos) return bad("found a NUL byte");
  ParsedKeySet parsed;
  const auto refuse = [&](std::size_t line, std::string why) {
    parsed.problems.push_back({line, std::move(why)});
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.front() == '#') continue;
    auto signer = parse_line(line);
    if (!signer) {
      refuse(number, signer.error().message());
      continue;
    }
    signer->line = number;
    if (const Signer* earlier = parsed.keys.find(signer->key)) {
      refuse(number, "the same key as on line " + std::to_string(earlier->line));
    } else if (parsed.keys.signers.size() == most_signers) {
      refuse(number, "more than " + std::to_string(most_signers) + " keys");
    } else {
      parsed.keys.signers.push_back(std::move(*signer));
    }
  }
  return parsed;
}

}  // namespace holdfast::signing
