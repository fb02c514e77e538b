// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace holdfast {

// What the service manager is told (sd_notify(3)); all of it is a no-op without one.
// The watchdog is fed by finished passes alone: a wedged loop cannot look alive.
void notify_ready(const std::string& status);
void notify_stopping();
void notify_progress();

}  // namespace holdfast
