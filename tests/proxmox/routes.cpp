// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "tests/proxmox/call.hpp"

namespace holdfast::standin {
namespace {

using Routes = std::map<std::string, Handler, std::less<>>;

void add_guest_routes(Routes& routes, const std::string& kind) {
  const std::string all = " /nodes/{node}/" + kind;
  const std::string one = all + "/{vmid}";
  const Routes more{{"GET" + all, answer_guests},
                    {"POST" + all, create_guest},
                    {"DELETE" + one, destroy_guest},
                    {"GET" + one + "/config", answer_config},
                    {"PUT" + one + "/config", put_config},
                    {"GET" + one + "/pending", answer_pending},
                    {"PUT" + one + "/resize", resize_disk},
                    {"GET" + one + "/status/current", answer_status},
                    {"POST" + one + "/status/start", start_guest},
                    {"POST" + one + "/status/stop", stop_guest},
                    {"POST" + one + "/status/shutdown", shut_down_guest},
                    {"POST" + one + "/status/suspend", suspend_guest},
                    {"POST" + one + "/status/resume", resume_guest},
                    {"POST" + one + "/status/reboot", reboot_guest},
                    {"GET" + one + "/snapshot", list_snapshots},
                    {"POST" + one + "/snapshot", take_snapshot},
                    {"DELETE" + one + "/snapshot/{snapname}", remove_snapshot},
                    {"GET" + one + "/snapshot/{snapname}/config", answer_snapshot},
                    {"PUT" + one + "/snapshot/{snapname}/config", put_snapshot},
                    {"POST" + one + "/snapshot/{snapname}/rollback", roll_back}};
  routes.insert(more.begin(), more.end());
}

Routes all_routes() {
  const std::string tasks = " /nodes/{node}/tasks";
  const std::string qemu = " /nodes/{node}/qemu/{vmid}";
  const std::string storage = " /nodes/{node}/storage/{storage}";
  Routes routes{{"GET /version", answer_version},
                {"GET /access/permissions", answer_permissions},
                {"GET /cluster/resources", answer_resources},
                {"GET /cluster/nextid", answer_next_id},
                {"GET /nodes", answer_nodes},
                {"GET /nodes/{node}/status", answer_node_status},
                {"GET /nodes/{node}/version", answer_version},
                {"GET /nodes/{node}/network", answer_network},
                {"GET" + tasks, answer_tasks},
                {"DELETE" + tasks + "/{upid}", stop_task},
                {"GET" + tasks + "/{upid}/status", answer_task_status},
                {"GET" + tasks + "/{upid}/log", answer_task_log},
                {"POST /nodes/{node}/lxc/{vmid}/move_volume", move_disk},
                {"POST" + qemu + "/config", post_config},
                {"POST" + qemu + "/move_disk", move_disk},
                {"PUT" + qemu + "/unlink", unlink_disks},
                {"POST" + qemu + "/status/reset", reset_guest},
                {"POST" + qemu + "/agent/ping", ping_agent},
                {"POST /nodes/{node}/vzdump", back_up},
                {"GET /nodes/{node}/vzdump/extractconfig", extract_config},
                {"GET /nodes/{node}/storage", list_storages},
                {"GET" + storage + "/status", answer_storage_status},
                {"GET" + storage + "/content", list_content},
                {"POST" + storage + "/content", allocate_disk},
                {"GET" + storage + "/content/{volume}", answer_volume},
                {"PUT" + storage + "/content/{volume}", put_volume},
                {"DELETE" + storage + "/content/{volume}", delete_volume},
                {"GET" + storage + "/prunebackups", preview_prune},
                {"DELETE" + storage + "/prunebackups", prune},
                {"GET /storage", list_storage_configs},
                {"GET /storage/{storage}", answer_storage_config}};
  add_guest_routes(routes, "lxc");
  add_guest_routes(routes, "qemu");
  return routes;
}

}  // namespace

Handler find_handler(std::string_view method, std::string_view path) {
  static const Routes routes = all_routes();
  const auto found = routes.find(std::string{method} + " " + std::string{path});
  return found == routes.end() ? nullptr : found->second;
}

}  // namespace holdfast::standin
