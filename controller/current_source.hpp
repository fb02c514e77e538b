// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/guarded.hpp"
#include "hubclient/desired_source.hpp"

namespace holdfast {

// The source in use: a host that is enrolled while it runs moves from its directory to the
// hub. Thread-safe as far as the sources are; what was in use once must outlive it.
class CurrentSource final : public DesiredSource {
 public:
  explicit CurrentSource(DesiredSource& source) : source_{&source} {}

  void use(DesiredSource& source) { *source_.lock() = &source; }
  Result<std::optional<Fetched>> fetch() override { return current().fetch(); }
  std::string describe() const override { return current().describe(); }

 private:
  DesiredSource& current() const { return **source_.lock(); }

  mutable Guarded<DesiredSource*> source_;
};

// Of a host that waits to be enrolled: nothing new, ever.
class NoSource final : public DesiredSource {
 public:
  explicit NoSource(std::string description) : description_{std::move(description)} {}
  Result<std::optional<Fetched>> fetch() override { return std::optional<Fetched>{}; }
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

}  // namespace holdfast
