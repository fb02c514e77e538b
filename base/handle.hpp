// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace holdfast {

// Owns a C object that one function releases: Handle<sqlite3, sqlite3_close_v2>.
// Same size as the pointer; `.get()` is the only way back to C.
template <auto release>
struct Release {
  template <class T>
  void operator()(T* p) const noexcept {
    static_cast<void>(release(p));  // NOLINT(cppcoreguidelines-no-malloc): may be free()
  }
};

template <class T, auto release>
using Handle = std::unique_ptr<T, Release<release>>;

}  // namespace holdfast
