// SPDX-License-Identifier: Apache-2.0
#include "controller/watchdog.hpp"

#include <systemd/sd-daemon.h>

namespace holdfast {

void notify_ready(const std::string& status) {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}
void notify_stopping() { sd_notify(0, "STOPPING=1"); }
void notify_progress() { sd_notify(0, "WATCHDOG=1"); }

}  // namespace holdfast
