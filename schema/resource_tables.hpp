// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "schema/desired_state.hpp"
#include "schema/field_table.hpp"
#include "schema/guest.hpp"
#include "schema/host_config.hpp"
#include "schema/image.hpp"

// Private to schema/: the table of each kind of resource, whole (apiVersion, kind, metadata,
// spec). They live as long as the program and are safe to read from any thread.
namespace holdfast {

inline constexpr std::string_view api_version = "holdfast/v1";

const Table<Guest>& guest_table();
const Table<Image>& image_table();
const Table<HostConfig>& host_config_table();
const Table<HostDesiredState>& desired_state_table();

// `metadata: {name: ...}` into the member `name` of T.
template <class T>
Table<T> metadata_table(const TextForm& form) {
  return {{required(field("name", &T::name, text(form), "Unique among resources of its kind."))}};
}

// The first document of `text` as the T of `table`: what parse_guest() and its kin share.
template <class T>
Result<T> parse_one(const Table<T>& table, std::string_view text, std::string_view source_name);

// Reads what is already a tree. `where` opens the error ("acme.yaml: document 2") and
// `pointer` is where the tree stands in its document.
template <class T>
Result<T> read_resource(const Table<T>& table, const Json& json, std::string_view where,
                        std::string_view pointer = {}) {
  Problems problems{Problems::Reading::strict, std::string{pointer}};
  T value{};
  table.read(json, value, problems);
  if (!problems.empty()) return problems.error(where);
  return value;
}

extern template Result<Guest> parse_one(const Table<Guest>&, std::string_view, std::string_view);
extern template Result<Image> parse_one(const Table<Image>&, std::string_view, std::string_view);
extern template Result<HostConfig> parse_one(const Table<HostConfig>&, std::string_view,
                                             std::string_view);

// YAML for people, of a tree.
std::string yaml_of(const Json& json);

}  // namespace holdfast
