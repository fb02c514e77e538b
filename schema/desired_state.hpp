// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "schema/guest.hpp"
#include "schema/host_config.hpp"
#include "schema/image.hpp"

namespace holdfast {

// A resource whose kind and name are known but whose rest is wrong (or whose kind this
// version does not support). It is reported with Accepted=False. It still counts as
// wanted: a guest with a bad edit is not a guest that was removed.
struct RejectedResource {
  std::string kind{};
  std::string name{};
  Error error{Errc::internal, ""};
  std::size_t document = 0;  // 1-based: the document in a file, the resource in an envelope
  std::string json{};        // canonical JSON of what was found, so that printing loses nothing
  // Same content; where it stood and how the error is worded do not count.
  bool operator==(const RejectedResource& other) const {
    return kind == other.kind && name == other.name && json == other.json;
  }
};

// The resources of one or more files, each list sorted by name (images also by version).
struct Resources {
  std::vector<Guest> guests{};
  std::vector<Image> images{};
  std::optional<HostConfig> host_config{};
  std::vector<RejectedResource> rejected{};
  bool operator==(const Resources&) const = default;
};

// The envelope from a hub or a file: everything one host should be.
struct HostDesiredState {
  std::string host_id{};  // 32 lower-case hex digits
  std::uint64_t generation = 0;
  Time issued_at{};
  std::vector<Guest> guests{};
  std::vector<Image> images{};
  std::optional<HostConfig> host_config{};
  std::vector<RejectedResource> rejected{};
  bool operator==(const HostDesiredState&) const = default;
};

using FileContent = std::variant<Resources, HostDesiredState>;

// Parse JSON or YAML. A bad resource whose kind and name are known lands in `rejected`.
// The whole is Errc::invalid when the syntax is broken, a kind or name cannot be told, the
// same resource comes twice (kind and name; for images also version), a cap of
// schema/limits.hpp is passed, or the envelope is bad: then nothing may change.
// Messages start with `source_name`: "acme.yaml: document 2: /spec/memory: found ...".
Result<HostDesiredState> parse_desired_state(std::string_view text, std::string_view source_name);
// Loose resources, one per document. A text that holds none is an error: an emptied or
// half-written file must not read as "nothing is wanted".
Result<Resources> parse_resources(std::string_view text, std::string_view source_name);
// Whichever of the two the text is.
Result<FileContent> parse_file(std::string_view text, std::string_view source_name);

// An envelope that to_canonical_json() printed, read back from our own store: the caps on
// size do not count, since defaults that are spelled out make a text longer.
Result<HostDesiredState> parse_stored_state(std::string_view text);

// All of `parts` as one; Errc::invalid when the same resource is in two of them.
Result<Resources> merge(std::vector<Resources> parts);
// `resources` under an envelope of our own, for sources that have none.
HostDesiredState with_envelope(Resources resources, std::string_view host_id,
                               std::uint64_t generation, Time issued_at);

// parse_desired_state(to_canonical_json(s)) == s, rejected resources included.
std::string to_canonical_json(const HostDesiredState& state);
// One line of canonical JSON for the resources alone, without host, generation and time:
// what two states with the same wishes have in common.
std::string resources_to_canonical_json(const HostDesiredState& state);
std::string to_yaml(const HostDesiredState& state);

}  // namespace holdfast
