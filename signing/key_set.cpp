// SPDX-License-Identifier: Apache-2.0
#include "signing/key_set.hpp"

#include <algorithm>

#include "signing/codes.hpp"

namespace holdfast::signing {
namespace {

// `*` and `?` as in a shell; linear but for one way back.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in_text = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = in_text;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in_text])) {
      ++at;
      ++in_text;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_text = ++resume;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

std::string shown(const Signer& signer) {
  return signer.name + " (" + fingerprint(signer.key) + ")";
}

bool has_same_limits(const Signer& a, const Signer& b) {
  return a.name == b.name && a.namespaces == b.namespaces && a.valid_after == b.valid_after &&
         a.valid_before == b.valid_before;
}

std::string limits(const Signer& signer) {
  std::string text;
  if (signer.namespaces) text += ", only for " + *signer.namespaces;
  if (signer.valid_after) text += ", from " + holdfast::to_string(*signer.valid_after);
  if (signer.valid_before) text += ", until " + holdfast::to_string(*signer.valid_before);
  return text;
}

}  // namespace

bool matches_pattern_list(std::string_view pattern_list, std::string_view text) {
  bool is_in = false;
  while (!pattern_list.empty()) {
    const std::size_t comma = pattern_list.find(',');
    std::string_view pattern = pattern_list.substr(0, comma);
    pattern_list.remove_prefix(comma == std::string_view::npos ? pattern_list.size() : comma + 1);
    const bool is_exception = pattern.starts_with('!');
    if (is_exception) pattern.remove_prefix(1);
    if (!matches_pattern(pattern, text)) continue;
    if (is_exception) return false;
    is_in = true;
  }
  return is_in;
}

const Signer* KeySet::find(const PublicKey& key) const {
  const auto found = std::find_if(signers.begin(), signers.end(),
                                  [&](const Signer& signer) { return signer.key == key; });
  return found == signers.end() ? nullptr : &*found;
}

std::size_t KeySet::usable(std::string_view name_space, Time now) const {
  return static_cast<std::size_t>(std::count_if(
      signers.begin(), signers.end(),
      [&](const Signer& signer) { return !object_to(signer, name_space, now).has_value(); }));
}

Objection object_to(const Signer& signer, std::string_view name_space, Time now) {
  if (signer.namespaces && !matches_pattern_list(*signer.namespaces, name_space))
    return Refusal{code::key_not_for_namespace, "the key of " + shown(signer) +
                                                    " may not sign for " + std::string{name_space} +
                                                    ", only for \"" + *signer.namespaces + "\""};
  if (signer.valid_after && now < *signer.valid_after)
    return Refusal{code::key_not_yet_valid, "the key of " + shown(signer) + " is valid from " +
                                                holdfast::to_string(*signer.valid_after)};
  if (signer.valid_before && now >= *signer.valid_before)
    return Refusal{code::key_expired, "the key of " + shown(signer) + " was valid until " +
                                          holdfast::to_string(*signer.valid_before)};
  return std::nullopt;
}

std::vector<std::string> differences(const KeySet& before, const KeySet& after) {
  std::vector<std::string> sentences;
  for (const Signer& signer : before.signers)
    if (after.find(signer.key) == nullptr)
      sentences.push_back("the key of " + shown(signer) + " is removed: nothing it signs counts");
  for (const Signer& signer : after.signers) {
    const Signer* held = before.find(signer.key);
    if (held == nullptr) {
      sentences.push_back("the key of " + shown(signer) + " is added" + limits(signer));
    } else if (!has_same_limits(*held, signer)) {
      sentences.push_back("the key of " + shown(*held) + limits(*held) + " becomes that of " +
                          signer.name + limits(signer));
    }
  }
  return sentences;
}

}  // namespace holdfast::signing
