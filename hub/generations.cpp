// SPDX-License-Identifier: Apache-2.0
#include "hub/generations.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"

namespace holdfast::hub {
namespace {

using Json = nlohmann::json;

constexpr std::string_view source = "desired state";
constexpr std::string_view bootstrap = "/spec/bootstrap/";

template <class T, class KeyOf>
void lay_over(std::vector<T>& below, std::vector<T> above, const KeyOf& key_of) {
  std::erase_if(below, [&](const T& old) {
    return std::any_of(above.begin(), above.end(),
                       [&](const T& fresh) { return key_of(fresh) == key_of(old); });
  });
  std::move(above.begin(), above.end(), std::back_inserter(below));
}

Result<void> refuse_rejected(const std::vector<RejectedResource>& rejected) {
  constexpr std::size_t most = 10;
  std::string all;
  for (std::size_t i = 0; i < rejected.size() && i < most; ++i)
    all += (all.empty() ? "" : "; ") + rejected[i].error.message();
  if (rejected.size() > most) all += "; and " + std::to_string(rejected.size() - most) + " more";
  if (!all.empty()) return Error{Errc::invalid, all};
  return ok();
}

Resources resources_of(HostDesiredState state) {
  return {std::move(state.guests), std::move(state.images), std::move(state.host_config),
          std::move(state.rejected)};
}

// kind and name (and version) -> the resource.
std::map<std::string, Json> by_name(const HostDesiredState& state) {
  std::map<std::string, Json> found;
  const auto list = Json::parse(resources_to_canonical_json(state), nullptr, false);
  if (!list.is_array()) return found;
  for (const auto& resource : list) {
    std::string key = resource.value("kind", "") + " ";
    key += resource.value(Json::json_pointer{"/metadata/name"}, "");
    if (resource.value("kind", "") == "Image")
      key += " " + resource.value(Json::json_pointer{"/spec/version"}, "");
    found.emplace(std::move(key), resource);
  }
  return found;
}

std::string shown(const std::string& path, const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return path.starts_with(bootstrap) ? Json(digest_of(text)).dump() : text;
}

std::vector<FieldChange> field_changes(const Json& from, const Json& to) {
  const Json before = from.flatten();
  const Json after = to.flatten();
  std::map<std::string, FieldChange> fields;
  for (const auto& [path, value] : before.items())
    if (!after.contains(path) || after[path] != value)
      fields[path] = {path, shown(path, value), {}};
  for (const auto& [path, value] : after.items()) {
    if (before.contains(path) && before[path] == value) continue;
    fields[path].path = path;
    fields[path].to = shown(path, value);
  }
  std::vector<FieldChange> sorted;
  sorted.reserve(fields.size());
  for (auto& [path, change] : fields) sorted.push_back(std::move(change));
  return sorted;
}

ResourceChange change_of(const std::string& key, std::string change,
                         std::vector<FieldChange> fields = {}) {
  const auto blank = key.find(' ');
  return {key.substr(0, blank), key.substr(blank + 1), std::move(change), std::move(fields)};
}

}  // namespace

Result<HostDesiredState> edited(const HostDesiredState& current, const Edit& edit) {
  auto content = TRY(parse_file(edit.text, source));
  Resources wanted;
  bool is_pruning = edit.is_pruning;
  if (auto* envelope = std::get_if<HostDesiredState>(&content)) {
    if (envelope->host_id != current.host_id)
      return Error{Errc::invalid, std::string{source} + ": /hostId: found " + envelope->host_id +
                                      ", expected " + current.host_id};
    wanted = resources_of(std::move(*envelope));
    is_pruning = true;
  } else {
    wanted = std::move(std::get<Resources>(content));
  }
  TRY(refuse_rejected(wanted.rejected));
  Resources result;
  if (!is_pruning) {
    result = resources_of(current);
    result.rejected.clear();  // of an older parser's making; none is stored today
  }
  lay_over(result.guests, std::move(wanted.guests), [](const Guest& g) { return g.name; });
  lay_over(result.images, std::move(wanted.images),
           [](const Image& i) { return i.name + " " + i.version; });
  if (wanted.host_config) result.host_config = std::move(wanted.host_config);
  std::vector<Resources> parts;
  parts.push_back(std::move(result));
  auto state = with_envelope(TRY(merge(std::move(parts))), current.host_id, current.generation + 1,
                             current.issued_at);
  // As the host will read it: rules between resources, and the caps on the whole.
  const auto read_back = TRY(parse_desired_state(to_canonical_json(state), source));
  TRY(refuse_rejected(read_back.rejected));
  return state;
}

Result<std::uint64_t> next_generation(std::uint64_t newest, std::uint64_t held) {
  constexpr std::uint64_t most = (std::uint64_t{1} << 53U) - 1;  // exact in every JSON reader
  const auto above = std::max(newest, held);
  if (above >= most)
    return Error{Errc::conflict, "the host says that it holds generation " + std::to_string(held) +
                                     ", above which there is no room"};
  return above + 1;
}

std::vector<ResourceChange> changes(const HostDesiredState& from, const HostDesiredState& to) {
  const auto before = by_name(from);
  const auto after = by_name(to);
  std::map<std::string, ResourceChange> found;
  for (const auto& [key, resource] : before) {
    const auto now = after.find(key);
    if (now == after.end()) {
      found[key] = change_of(key, "removed");
    } else if (now->second != resource) {
      found[key] = change_of(key, "changed", field_changes(resource, now->second));
    }
  }
  for (const auto& [key, resource] : after)
    if (!before.contains(key)) found[key] = change_of(key, "added");
  std::vector<ResourceChange> sorted;
  sorted.reserve(found.size());
  for (auto& [key, change] : found) sorted.push_back(std::move(change));
  return sorted;
}

}  // namespace holdfast::hub
