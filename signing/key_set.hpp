// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "signing/public_key.hpp"

namespace holdfast::signing {

// One operator's key, and what limits it.
struct Signer {
  std::string name{};  // of the person: the line's first principal
  PublicKey key{};
  std::optional<std::string> namespaces{};  // a pattern list; without one the key is for all
  std::optional<Time> valid_after{};        // good from then on
  std::optional<Time> valid_before{};       // and until just before then
  std::size_t line = 0;                     // where it stands, from 1
  bool operator==(const Signer&) const = default;
};

// Whose signatures count: the operators of one host.
struct KeySet {
  std::vector<Signer> signers{};

  const Signer* find(const PublicKey& key) const;
  // How many of them may sign for `name_space` at `now`.
  std::size_t usable(std::string_view name_space, Time now) const;
  bool operator==(const KeySet&) const = default;
};

// Why a key that is in the set does not count now; nothing when it does.
Objection object_to(const Signer& signer, std::string_view name_space, Time now);

struct LineProblem {
  std::size_t line = 0;  // from 1
  std::string message{};
};

// A set as it was read. Lines with a problem are not in it; each is to be shown to a person.
struct ParsedKeySet {
  KeySet keys{};
  std::vector<LineProblem> problems{};
};

inline constexpr std::size_t longest_key_set = std::size_t{32} << 10U;  // bytes
inline constexpr std::size_t most_signers = 256;

// OpenSSH's allowed_signers: `name [options] keytype base64 [comment]`. What differs from
// ssh-keygen, always so that what is accepted here is accepted there:
//   - a name is a name: patterns (*, ?, !) are refused;
//   - times without a Z are UTC as well (ssh-keygen: the machine's time zone);
//   - valid-before is not valid any more at that very second;
//   - an option that is not known, or is given twice, refuses its line, and cert-authority does;
//   - a key that an earlier line has is refused on the later one;
//   - accepted are ssh-ed25519 and sk-ssh-ed25519@openssh.com.
// Errc::invalid when the text as a whole cannot be one (too long, a NUL byte).
Result<ParsedKeySet> parse_allowed_signers(std::string_view text);

// What a person must know before one set takes another's place, a sentence each: keys added,
// removed, and limited differently.
std::vector<std::string> differences(const KeySet& before, const KeySet& after);

// Whether `pattern_list` ("job@*,!job@test") has `text` in it: OpenSSH's match_pattern_list().
bool matches_pattern_list(std::string_view pattern_list, std::string_view text);

}  // namespace holdfast::signing
