// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/world_file.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace holdfast::standin {
namespace {

using nlohmann::json;

GuestKind kind_of(const json& entry) {
  const std::string kind = entry.at("kind");
  if (kind != "lxc" && kind != "qemu")
    throw std::runtime_error{"\"" + kind + "\" is no kind of guest: lxc or qemu"};
  return kind == "lxc" ? GuestKind::lxc : GuestKind::qemu;
}

void add_storage(World& world, const json& entry) {
  Storage storage{.name = entry.at("name")};
  storage.type = entry.value("type", storage.type);
  if (entry.contains("content")) storage.content = entry["content"].get<std::set<std::string>>();
  storage.total = entry.value("total", storage.total);
  world.add_storage(std::move(storage));
}

void add_entry(World& world, const std::string& list, const json& entry) {
  if (list == "bridges") {
    world.bridges.insert(entry.get<std::string>());
  } else if (list == "pools") {
    world.pools.insert(entry.get<std::string>());
  } else if (list == "storages") {
    add_storage(world, entry);
  } else if (list == "templates") {
    world.add_template(entry.at("storage"), entry.at("name"), entry.value("content", ""));
  } else if (list == "archives") {
    world.add_archive(entry.at("storage"),
                      {.kind = kind_of(entry),
                       .vmid = entry.at("vmid"),
                       .config = entry.at("config").get<Config>(),
                       .contents = entry.at("contents").get<std::map<std::string, std::string>>()},
                      entry.value("notes", ""));
  } else if (list == "guests") {
    world.add_guest(kind_of(entry), entry.at("vmid"), entry.at("config").get<Config>(),
                    entry.value("content", ""));
  } else {
    throw std::runtime_error{
        "not known: bridges, pools, storages, templates, archives and guests are"};
  }
}

}  // namespace

void add_to(World& world, const std::string& document) {
  const json root = json::parse(document, nullptr, false);
  if (!root.is_object()) throw std::runtime_error{"the world is no JSON object"};
  for (const auto& [list, entries] : root.items()) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      try {
        add_entry(world, list, entries[i]);
      } catch (const std::exception& error) {
        throw std::runtime_error{"/" + list + "/" + std::to_string(i) + ": " + error.what()};
      }
    }
  }
}

}  // namespace holdfast::standin
