// SPDX-License-Identifier: Apache-2.0
#include "schema/desired_state.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "schema/limits.hpp"
#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

namespace holdfast {
namespace {

constexpr std::string_view envelope_kind = "HostDesiredState";
constexpr std::size_t longest_kind = 63;
constexpr std::size_t longest_name = 253;  // as Kubernetes; a DNS label is shorter

// Above this a number does not survive every JSON reader (2^53-1, RFC 8259 section 6).
constexpr std::uint64_t last_generation = 9'007'199'254'740'991;

struct Identity {
  std::string kind{};
  std::string name{};
  std::string version{};  // images only: two versions of one image are two resources
  // There is one HostConfig, whatever it is called.
  std::string key() const {
    if (kind == "HostConfig") return kind;
    return kind + "/" + name + (version.empty() ? "" : "@" + version);
  }
};

bool is_kind(std::string_view text) {
  return !text.empty() && text.size() <= longest_kind &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

const Json* find(const Json& json, std::string_view key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

std::string text_at(const Json& json, std::string_view key) {
  const auto* const found = find(json, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

// Whom a resource is about, as far as it says so clearly. Without that it could be any of the
// resources we know, and which of them is still wanted could not be told.
Result<Identity> identify(const Json& json, std::string_view where, const std::string& pointer) {
  const auto refuse = [where](const std::string& sentence) {
    return Error{Errc::invalid, std::string{where} + ": " + sentence};
  };
  if (!json.is_object())
    return refuse(pointer + (pointer.empty() ? "" : ": ") + "found " + describe(json) +
                  ", expected a resource with apiVersion, kind, metadata and spec");
  Identity who{};
  who.kind = text_at(json, "kind");
  if (who.kind == envelope_kind)
    return refuse(pointer + "/kind: found HostDesiredState, expected a resource inside one");
  if (who.kind == "Job")
    return refuse(
        pointer +
        "/kind: found Job, a signed order and no resource; `holdfast job verify` reads it");
  if (!is_kind(who.kind)) return refuse(pointer + "/kind: expected a kind like Guest");
  if (const auto* const metadata = find(json, "metadata")) who.name = text_at(*metadata, "name");
  const bool one_line = who.name.find_first_of("\r\n") == std::string::npos;
  if (who.name.empty() || who.name.size() > longest_name || !one_line)
    return refuse(pointer + "/metadata/name: expected the resource's name");
  const auto* const spec = find(json, "spec");
  if (who.kind == "Image" && spec != nullptr) who.version = text_at(*spec, "version");
  return who;
}

Error unsupported(const std::string& kind, std::string_view where, const std::string& pointer) {
  static const std::vector<std::string> known{"Guest", "Image", "HostConfig"};
  static const std::vector<std::string> later{"StorageTarget", "BackupPolicy"};
  const auto start = std::string{where} + ": " + pointer + "/kind: ";
  if (std::find(later.begin(), later.end(), kind) != later.end())
    return {Errc::invalid, start + "kind " + kind + " is not supported by this version"};
  const auto near = nearest(kind, known);
  return {Errc::invalid, start + "found \"" + kind + "\", expected " +
                             (near.empty() ? "Guest, Image or HostConfig" : near)};
}

// Sorts resources into the lists of their kinds; stops at what makes the whole unusable.
class Collector {
 public:
  Result<void> take(const Json& json, std::string_view where, const std::string& pointer,
                    std::size_t document) {
    const auto who = TRY(identify(json, where, pointer));
    if (!seen_.insert(who.key()).second)
      return Error{Errc::invalid, std::string{where} + ": " + pointer +
                                      (pointer.empty() ? "" : ": ") + "found a second " +
                                      who.key() + ", expected each once"};
    if (auto refused = accept(json, who.kind, where, pointer))
      resources_.rejected.push_back(
          {who.kind, who.name, std::move(*refused), document, json.dump()});
    return ok();
  }

  Resources finish() {
    sort(resources_);
    return std::move(resources_);
  }

  static void sort(Resources& resources) {
    const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::sort(resources.guests.begin(), resources.guests.end(), by_name);
    std::sort(resources.images.begin(), resources.images.end(), [](const Image& a, const Image& b) {
      return std::tie(a.name, a.version) < std::tie(b.name, b.version);
    });
    std::sort(resources.rejected.begin(), resources.rejected.end(),
              [](const RejectedResource& a, const RejectedResource& b) {
                return std::tie(a.kind, a.name, a.json) < std::tie(b.kind, b.name, b.json);
              });
  }

 private:
  // Why not, if not.
  std::optional<Error> accept(const Json& json, const std::string& kind, std::string_view where,
                              const std::string& pointer) {
    const auto keep = [](auto result, auto& list) -> std::optional<Error> {
      if (!result) return std::move(result).error();
      list.push_back(std::move(result).value());
      return std::nullopt;
    };
    if (kind == "Guest")
      return keep(read_resource(guest_table(), json, where, pointer), resources_.guests);
    if (kind == "Image")
      return keep(read_resource(image_table(), json, where, pointer), resources_.images);
    if (kind != "HostConfig") return unsupported(kind, where, pointer);
    auto config = read_resource(host_config_table(), json, where, pointer);
    if (!config) return std::move(config).error();
    resources_.host_config = std::move(config).value();
    return std::nullopt;
  }

  Resources resources_{};
  std::set<std::string> seen_{};
};

Json print_resources(const HostDesiredState& state) {
  std::vector<std::pair<std::string, Json>> printed;
  for (const auto& guest : state.guests)
    printed.emplace_back("Guest/" + guest.name, guest_table().print(guest));
  for (const auto& image : state.images)
    printed.emplace_back("Image/" + image.name + "@" + image.version, image_table().print(image));
  if (state.host_config)
    printed.emplace_back("HostConfig/", host_config_table().print(*state.host_config));
  for (const auto& rejected : state.rejected) {
    auto json = Json::parse(rejected.json, nullptr, false);
    if (json.is_discarded()) continue;  // not one that a parse made
    printed.emplace_back(rejected.kind + "/" + rejected.name, std::move(json));
  }
  std::stable_sort(printed.begin(), printed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  auto list = Json::array();
  for (auto& [key, json] : printed) list.push_back(std::move(json));
  return list;
}

// The list itself is read by a Collector: a bad item is not a bad envelope.
Field<HostDesiredState> resources_field() {
  return {"resources",
          "Every resource of the host.",
          true,
          [](const Json& json, HostDesiredState&, Problems& problems) {
            if (!json.is_array()) return problems.expected(json, "a list");
            if (json.size() > limits::resources)
              problems.add("found " + std::to_string(json.size()) +
                           " resources, expected at most " + std::to_string(limits::resources));
          },
          [](const HostDesiredState& state) { return print_resources(state); },
          {{"type", "array"},
           {"maxItems", limits::resources},
           {"items",
            {{"oneOf",
              {guest_table().schema(), image_table().schema(), host_config_table().schema()}}}}}};
}

HostDesiredState with_resources(HostDesiredState state, Resources resources) {
  state.guests = std::move(resources.guests);
  state.images = std::move(resources.images);
  state.host_config = std::move(resources.host_config);
  state.rejected = std::move(resources.rejected);
  return state;
}

Result<HostDesiredState> read_envelope(const Json& json, const std::string& where) {
  auto state = TRY(read_resource(desired_state_table(), json, where));
  Collector collector;
  const auto& list = json["resources"];
  for (std::size_t i = 0; i < list.size(); ++i)
    TRY(collector.take(list[i], where, "/resources/" + std::to_string(i), i + 1));
  return with_resources(std::move(state), collector.finish());
}

bool is_envelope(const Json& json) { return text_at(json, "kind") == envelope_kind; }

std::string place(std::string_view source_name, std::size_t document) {
  return std::string{source_name} + ": document " + std::to_string(document);
}

Result<HostDesiredState> only_envelope(const std::vector<Json>& documents,
                                       std::string_view source_name) {
  const Json* only = nullptr;
  std::size_t number = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].is_null()) continue;
    if (only != nullptr)
      return Error{Errc::invalid, place(source_name, i + 1) +
                                      ": found more than one document, expected one envelope"};
    only = &documents[i];
    number = i + 1;
  }
  if (only == nullptr)
    return Error{Errc::invalid,
                 std::string{source_name} + ": found nothing, expected a HostDesiredState"};
  return read_envelope(*only, place(source_name, number));
}

Result<Resources> loose(const std::vector<Json>& documents, std::string_view source_name) {
  Collector collector;
  std::size_t found = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].is_null()) continue;
    if (++found > limits::resources)
      return Error{Errc::invalid, std::string{source_name} + ": found more than " +
                                      std::to_string(limits::resources) + " resources"};
    TRY(collector.take(documents[i], place(source_name, i + 1), "", i + 1));
  }
  if (found == 0)
    return Error{Errc::invalid, std::string{source_name} +
                                    ": found no resource, expected at least one (remove the file "
                                    "if nothing is wanted)"};
  return collector.finish();
}

std::vector<std::string> keys_of(const Resources& part) {
  std::vector<std::string> keys;
  for (const auto& guest : part.guests) keys.push_back("Guest/" + guest.name);
  for (const auto& image : part.images) keys.push_back("Image/" + image.name + "@" + image.version);
  if (part.host_config) keys.emplace_back("HostConfig");
  for (const auto& rejected : part.rejected) {
    const auto who = identify(Json::parse(rejected.json, nullptr, false), "merge", "");
    keys.push_back(who ? who->key() : rejected.kind + "/" + rejected.name);
  }
  return keys;
}

template <class T>
void append(std::vector<T>& all, std::vector<T>& more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

}  // namespace

const Table<HostDesiredState>& desired_state_table() {
  static const Table<HostDesiredState> table{{
      fixed<HostDesiredState>("apiVersion", api_version),
      fixed<HostDesiredState>("kind", envelope_kind),
      required(field("hostId", &HostDesiredState::host_id, text(id_hex),
                     "The first 16 bytes of the SHA-256 of the host's enrolment key.")),
      required(field("generation", &HostDesiredState::generation,
                     whole_number<std::uint64_t>(1, last_generation), "Only grows.")),
      required(field("issuedAt", &HostDesiredState::issued_at, time())),
      resources_field(),
  }};
  return table;
}

Result<HostDesiredState> parse_desired_state(std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  return only_envelope(documents.all, source_name);
}

Result<Resources> parse_resources(std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  return loose(documents.all, source_name);
}

Result<FileContent> parse_file(std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  if (std::any_of(documents.all.begin(), documents.all.end(), is_envelope))
    return FileContent{TRY(only_envelope(documents.all, source_name))};
  return FileContent{TRY(loose(documents.all, source_name))};
}

Result<HostDesiredState> parse_stored_state(std::string_view text) {
  // Two levels more: a rejected resource from a loose file now stands inside the envelope.
  constexpr tree::Caps caps{limits::document_bytes * 16, limits::depth + 2, limits::nodes * 16};
  const auto documents = TRY(tree::read_documents(text, "stored state", tree::Syntax::json, caps));
  return only_envelope(documents.all, "stored state");
}

Result<Resources> merge(std::vector<Resources> parts) {
  Resources all{};
  std::set<std::string> seen;
  for (auto& part : parts) {
    for (auto& key : keys_of(part))
      if (!seen.insert(key).second)
        return Error{Errc::invalid, "found " + key + " in two files, expected it in one"};
    append(all.guests, part.guests);
    append(all.images, part.images);
    append(all.rejected, part.rejected);
    if (part.host_config) all.host_config = std::move(part.host_config);
  }
  if (seen.size() > limits::resources)
    return Error{Errc::invalid, "found " + std::to_string(seen.size()) +
                                    " resources, expected at most " +
                                    std::to_string(limits::resources)};
  Collector::sort(all);
  return all;
}

HostDesiredState with_envelope(Resources resources, std::string_view host_id,
                               std::uint64_t generation, Time issued_at) {
  HostDesiredState state{};
  state.host_id = host_id;
  state.generation = generation;
  state.issued_at = issued_at;
  return with_resources(std::move(state), std::move(resources));
}

std::string to_canonical_json(const HostDesiredState& state) {
  return desired_state_table().print(state).dump();
}

std::string resources_to_canonical_json(const HostDesiredState& state) {
  return print_resources(state).dump();
}

std::string to_yaml(const HostDesiredState& state) {
  return yaml_of(desired_state_table().print(state));
}

}  // namespace holdfast
