// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/control_plane.hpp"
#include "base/error.hpp"
#include "http/message.hpp"

namespace holdfast::api {

// The answer to one request by somebody who may ask it. Thread-safe as the ControlPlane is.
http::Response answer(const ControlPlane& control_plane, const http::Request& request);

// {"error":{"kind":"denied","message":"..."}} under the status that the kind has.
http::Response answer(const Error& error);

}  // namespace holdfast::api
