// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/snapshot_merge.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "drivers/libvirt/domain_parse.hpp"
#include "drivers/libvirt/domain_xml.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/overlays.hpp"

namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;

using Layer = SnapshotNote::Layer;

struct Merge {
  Core& core;
  const Connection& connection;
  const OurDomain& ours;
  std::chrono::steady_clock::time_point until{};
};

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool only(const std::vector<std::string>& list, const std::string& item) {
  return item.empty() ? list.empty() : list == std::vector<std::string>{item};
}

// The layers to merge: in use, and with nothing resting on the files that will change but
// what is in use. Layers of a branch that was rolled away from are left alone.
Result<std::vector<Layer>> find_layers(const OurDomain& ours, const ParsedSnapshot& snapshot) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < snapshot.overlays.size(); ++i) {
    const std::string& overlay = snapshot.overlays[i];
    const host::Disk& frozen = snapshot.at.shape.disks[i];
    const auto& disks = ours.parsed.shape.disks;
    const auto now = std::find_if(disks.begin(), disks.end(),
                                  [&](const host::Disk& disk) { return disk.name == frozen.name; });
    if (overlay.empty() || now == disks.end()) continue;
    const auto chain = TRY(read_chain(now->path));
    const auto at = std::find(chain.begin(), chain.end(), overlay);
    if (at == chain.end() || at + 1 == chain.end() || *(at + 1) != frozen.path) continue;
    const std::string above = at == chain.begin() ? "" : *(at - 1);
    const auto beside = TRY(find_dependents(frozen.path));
    const auto on_top = TRY(find_dependents(overlay));
    if (!only(beside, overlay) || !only(on_top, above)) continue;
    const auto& device = ours.parsed.devices[static_cast<std::size_t>(now - disks.begin())];
    layers.push_back({device, overlay, frozen.path, frozen.format, above});
  }
  return layers;
}

struct Job {
  bool is_running = false;
  bool is_ready = false;  // an active one: what remains is the switch
};

Result<Job> read_job(Core& core, virDomain* domain, const std::string& device) {
  core.calls->add(Call::block_job_info);
  virDomainBlockJobInfo info{};
  const int found = virDomainGetBlockJobInfo(domain, device.c_str(), &info, 0);
  if (found < 0) return last_error(to_string(Call::block_job_info));
  return Job{found > 0, found > 0 && info.end > 0 && info.cur == info.end};
}

Result<void> pivot(Core& core, virDomain* domain, const std::string& device) {
  core.calls->add(Call::block_job_abort);
  if (virDomainBlockJobAbort(domain, device.c_str(), VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0) {
    return ok();
  }
  return last_error(to_string(Call::block_job_abort));
}

// Begins the job unless a former attempt did, and sees it through.
Result<void> commit_live(const Merge& merge, const Layer& layer) {
  Core& core = merge.core;
  virDomain* domain = merge.ours.get();
  const bool is_active = layer.above.empty();
  if (!TRY(read_job(core, domain, layer.device)).is_running) {
    core.calls->add(Call::block_commit);
    const unsigned flags = is_active ? unsigned{VIR_DOMAIN_BLOCK_COMMIT_ACTIVE} : 0U;
    if (virDomainBlockCommit(domain, layer.device.c_str(), layer.base.c_str(),
                             layer.overlay.c_str(), 0, flags) != 0) {
      return last_error(to_string(Call::block_commit));
    }
  }
  while (std::chrono::steady_clock::now() < merge.until) {
    const Job job = TRY(read_job(core, domain, layer.device));
    if (!job.is_running) return ok();
    // Refused while the last blocks are under way: asked again, until the deadline.
    if (is_active && job.is_ready) static_cast<void>(pivot(core, domain, layer.device));
    std::this_thread::sleep_for(100ms);
  }
  return Error{Errc::unavailable, "disk " + layer.device + " is still being merged"};
}

Result<void> commit_stopped(const Merge& merge, const Layer& layer) {
  TRY(commit_overlay(layer.overlay, layer.base));
  if (!layer.above.empty()) return rebase_overlay(layer.above, layer.base, layer.base_format);
  const std::string persistent = TRY(read_xml(merge.core, merge.ours.get(), Config::persistent));
  const std::string xml =
      TRY(replace_sources(persistent, {{layer.device, layer.base, layer.base_format}}));
  merge.core.calls->add(Call::define);
  const DomainHandle defined{
      virDomainDefineXMLFlags(merge.connection.handle.get(), xml.c_str(), 0)};
  if (!defined) return last_error(to_string(Call::define));
  return ok();
}

// The next snapshot froze the overlay, whose content the base has now.
Result<void> move_frozen_base(const Merge& merge, const Layer& layer,
                              const std::vector<SnapshotRecord>& all, const std::string& name) {
  for (const SnapshotRecord& record : all) {
    const auto& frozen = record.parsed.at.shape.disks;
    const bool speaks_of_it = std::any_of(
        frozen.begin(), frozen.end(), [&](const host::Disk& d) { return d.path == layer.overlay; });
    if (record.parsed.name == name || !speaks_of_it) continue;
    const std::string xml =
        TRY(with_base(record.xml, layer.overlay, layer.base, layer.base_format));
    TRY(redefine_snapshot(merge.core, merge.ours.get(), xml));
  }
  return ok();
}

// Nothing but what the note names rests on the two files. Otherwise somebody has branched
// off since the merging began, and the layer is no longer a mere copy.
Result<bool> is_merged(const Merge& merge, const Layer& layer) {
  const ParsedDomain now = parse_domain(
      TRY(read_xml(merge.core, merge.ours.get(), Config::persistent)), merge.connection.platform);
  for (const host::Disk& disk : now.shape.disks) {
    if (contains(TRY(read_chain(disk.path)), layer.overlay)) return false;
  }
  const auto beside = TRY(find_dependents(layer.base));
  const bool is_known = std::all_of(beside.begin(), beside.end(), [&](const std::string& path) {
    return path == layer.overlay || path == layer.above;
  });
  return is_known && TRY(find_dependents(layer.overlay)).empty();
}

Result<void> finish(const Merge& merge, const std::vector<Layer>& layers,
                    const std::vector<SnapshotRecord>& all, const std::string& name) {
  for (const Layer& layer : layers) {
    if (!TRY(is_merged(merge, layer))) continue;
    TRY(move_frozen_base(merge, layer, all, name));
    if (::unlink(layer.overlay.c_str()) != 0 && errno != ENOENT) {
      return Error{Errc::unavailable, "cannot delete the merged layer " + layer.overlay};
    }
  }
  return ok();
}

}  // namespace

Result<void> merge_and_forget(Core& core, const Connection& connection, const OurDomain& ours,
                              const std::string& name) {
  const auto all = TRY(list_snapshots(core, connection, ours.get()));
  const auto found = std::find_if(all.begin(), all.end(), [&](const SnapshotRecord& record) {
    return record.parsed.name == name;
  });
  if (found == all.end()) return ok();
  if (!found->note) return Error{Errc::conflict, "Holdfast did not make snapshot " + name};

  const Merge merge{core, connection, ours,
                    std::chrono::steady_clock::now() + core.options.merge_deadline};
  const auto layers = TRY(find_layers(ours, found->parsed));
  SnapshotNote note = *found->note;
  for (const Layer& layer : layers) {
    const bool is_noted =
        std::find(note.merging.begin(), note.merging.end(), layer) != note.merging.end();
    if (!is_noted) note.merging.push_back(layer);
  }
  if (note.merging != found->note->merging) {
    const std::string noted = TRY(with_note(found->xml, note));
    TRY(redefine_snapshot(core, ours.get(), noted));
  }
  for (const Layer& layer : layers) {
    TRY(ours.state.is_active() ? commit_live(merge, layer) : commit_stopped(merge, layer));
  }
  TRY(finish(merge, note.merging, all, name));
  core.calls->add(Call::snapshot_delete);
  if (virDomainSnapshotDelete(found->handle.get(), VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) != 0) {
    return last_error(to_string(Call::snapshot_delete));
  }
  return ok();
}

}  // namespace holdfast::libvirt
