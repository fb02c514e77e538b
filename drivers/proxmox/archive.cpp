// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/archive.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "drivers/proxmox/property.hpp"

namespace holdfast::proxmox {
namespace {

constexpr std::string_view backup_word = "holdfast-backup";
constexpr std::size_t longest_note = 500;  // Proxmox keeps 1024 characters in all

bool is_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// vzdump reads '\' and "{{" as its own.
bool is_plain(const std::string& text) {
  return text.size() <= longest_note && std::all_of(text.begin(), text.end(), [](char c) {
           return c >= 0x20 && c < 0x7f && c != '\\' && c != '{' && c != '}';
         });
}

// Where a volume of the archive is made: where it was, if guests' disks may lie there now.
std::string storage_for(const Volume& volume, const Options& options) {
  for (const auto& [target, storage] : options.storages)
    if (storage == volume.storage) return storage;
  return options.storages.empty() ? volume.storage : options.storages.begin()->second;
}

std::string target_for(const std::string& storage, const Options& options) {
  for (const auto& [target, known] : options.storages)
    if (known == storage) return target;
  return storage;
}

std::string words_for(const Volume& volume) { return volume.disk.name + " (" + volume.key + ")"; }

const Volume* find_key(const std::vector<Volume>& volumes, const std::string& key) {
  const auto found = std::find_if(volumes.begin(), volumes.end(),
                                  [&](const Volume& volume) { return volume.key == key; });
  return found == volumes.end() ? nullptr : &*found;
}

bool has_name(const std::vector<Volume>& volumes, const std::string& name) {
  return std::any_of(volumes.begin(), volumes.end(),
                     [&](const Volume& volume) { return volume.disk.name == name; });
}

// A container's restore makes its volumes anew, and destroys all that it had before: also what
// was set aside. A folder of the node is only forgotten, and root alone can name it again.
void judge_container(const Config& now, const std::vector<Volume>& held,
                     const std::vector<Volume>& present, host::RestoreForecast& forecast) {
  for (const Volume& volume : present) {
    if (!volume.disk.is_backed_up)
      forecast.lost.push_back("volume " + words_for(volume) + ", which no backup holds");
    else if (!has_name(held, volume.disk.name))
      forecast.lost.push_back("volume " + words_for(volume) + ", which this backup does not hold");
  }
  for (const auto& [key, value] : now.values) {
    if (key.starts_with("unused"))
      forecast.lost.push_back(value + " (" + key + "), a volume out of use");
    if (key.starts_with("mp") && volume_id(value).starts_with('/'))
      forecast.lost.push_back("mount of " + volume_id(value) + " (" + key +
                              "), which only root can put back");
  }
}

// A machine's restore frees the disks under the keys that the archive has, and takes all others
// out of use.
void judge_machine(const Config& now, const std::vector<Volume>& held,
                   const std::vector<Volume>& present, host::RestoreForecast& forecast) {
  for (const Volume& volume : present) {
    const Volume* instead = find_key(held, volume.key);
    if (instead == nullptr && volume.disk.name != "root" && !has_name(held, volume.disk.name))
      forecast.kept.push_back({volume.disk, volume.key + "=" + now.get(volume.key)});
    else if (instead == nullptr)
      forecast.lost.push_back("disk " + words_for(volume) +
                              ", whose name the backup has elsewhere");
    else if (!volume.disk.is_backed_up)
      forecast.lost.push_back("disk " + words_for(volume) + ", which no backup holds");
  }
}

}  // namespace

Result<std::string> notes_text(const BackupNotes& notes) {
  if (!is_word(notes.label) || !is_word(notes.guest_name) || !is_word(notes.host_id))
    return Error{Errc::invalid,
                 "a backup's label is one word of letters, digits, '-', '_' and '.'"};
  if (!is_plain(notes.note))
    return Error{Errc::invalid,
                 "a backup's note is one line of plain ASCII without '{', '}' and '\\', at most " +
                     std::to_string(longest_note) + " characters"};
  std::string text{backup_word};
  for (const std::string& word :
       {notes.guest_name, to_string(notes.guest), std::to_string(notes.incarnation.value),
        notes.host_id, notes.label, notes.note})
    if (!word.empty()) text += " " + word;
  return text;
}

std::optional<BackupNotes> read_notes(const std::string& notes) {
  std::istringstream words{notes.substr(0, notes.find('\n'))};
  std::string word;
  std::string uuid;
  std::string number;
  BackupNotes found;
  if (!(words >> word >> found.guest_name >> uuid >> number >> found.host_id >> found.label))
    return std::nullopt;
  const auto parsed = Uuid::parse(uuid);
  const auto* const end = number.data() + number.size();
  const auto count = std::from_chars(number.data(), end, found.incarnation.value);
  if (word != backup_word || !parsed || count.ec != std::errc{} || count.ptr != end)
    return std::nullopt;
  found.guest = *parsed;
  std::getline(words >> std::ws, found.note);
  return found;
}

std::vector<Volume> held_volumes(const Config& archived, const Options& options, const Uuid& as) {
  std::vector<Volume> volumes = volumes_of(archived, options, as);
  std::erase_if(volumes, [](const Volume& volume) { return !volume.disk.is_backed_up; });
  return volumes;
}

Result<Form> restore_disks(const Config& archived, const Options& options) {
  const std::vector<Volume> held = held_volumes(archived, options, {});
  if (held.empty() || held.front().disk.name != "root")
    return Error{Errc::invalid, "the archive holds no root disk"};
  Form form;
  if (archived.place.kind == Kind::qemu) {
    // Asked for no storage, a machine's disks come back where they were: all of them may, or none.
    for (const Volume& volume : held)
      if (const std::string storage = storage_for(volume, options); storage != volume.storage)
        return Form{{"storage", storage}};
    return form;
  }
  // Named one by one, since what is not named would come back empty (`backup=0`) or be refused
  // (folders of the node), and all on one storage.
  for (const Volume& volume : held) {
    if (volume.disk.size.value == 0)
      return Error{Errc::invalid, "the archive does not say how large " + volume.key + " is"};
    Property property = parse_property(archived.get(volume.key));
    property.erase("volume");
    property.erase("size");
    property.erase("");
    std::string value = storage_for(volume, options) + ":" + gibibytes_text(volume.disk.size);
    if (const std::string rest = to_string(property); !rest.empty()) value += "," + rest;
    form.emplace_back(volume.key, value);
  }
  return form;
}

Result<host::BackupContent> content_of(const Config& archived, const Options& options,
                                       const Uuid& as) {
  const Form form = TRY(restore_disks(archived, options));
  const bool is_moved = !form.empty() && form.front().first == "storage";
  host::BackupContent content;
  if (const auto found = TRY(own_marker(archived))) content.marker = found->marker;
  content.name = name_of(archived);
  content.shape = shape_of(archived, options, as);
  content.shape.disks.clear();
  for (Volume& volume : volumes_of(archived, options, as)) {
    if (!volume.disk.is_backed_up) {
      content.left_out.push_back(volume.disk.name);
      continue;
    }
    volume.disk.target =
        target_for(is_moved ? form.front().second : storage_for(volume, options), options);
    volume.disk.path = disk_path(volume.disk.target, as, volume.disk.name);
    content.shape.disks.push_back(std::move(volume.disk));
  }
  return content;
}

Result<host::RestoreForecast> forecast_of(const Config& now, const Config& archived,
                                          const std::vector<std::string>& snapshots,
                                          const Options& options, const Uuid& uuid) {
  if (now.place.kind != archived.place.kind)
    return Error{Errc::invalid, "a container's backup does not fit a machine, nor the other way"};
  host::RestoreForecast forecast;
  forecast.content = TRY(content_of(archived, options, uuid));
  const std::vector<Volume> held = held_volumes(archived, options, uuid);
  const std::vector<Volume> present = volumes_of(now, options, uuid);
  if (now.place.kind == Kind::lxc)
    judge_container(now, held, present, forecast);
  else
    judge_machine(now, held, present, forecast);
  for (const std::string& name : snapshots) forecast.lost.push_back("snapshot " + name);
  return forecast;
}

}  // namespace holdfast::proxmox
