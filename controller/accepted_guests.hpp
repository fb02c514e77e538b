// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "controller/acceptance.hpp"
#include "reconcilers/guest/guest_facts.hpp"

namespace holdfast {

// The accepted desired state as reconcilers ask for it, one guest at a time. Replaced as
// a whole; whoever holds a pointer keeps the state it came from. Thread-safe.
class AcceptedGuests final : public DesiredGuests {
 public:
  std::shared_ptr<const DesiredGuest> find(const std::string& name) const override;
  std::vector<std::string> names() const override;

  // The state in force; null before the first was accepted.
  std::shared_ptr<const Wanted> wanted() const;
  void replace(std::shared_ptr<const Wanted> wanted);
  // Says at each guest in `dropped` that its removal waits for a signature; an empty list
  // says that nothing is held.
  void hold(const std::vector<std::string>& dropped, const std::string& message);

  // What `wanted` says of one name, in force or not.
  static std::shared_ptr<const DesiredGuest> entry(const Wanted& wanted, const std::string& name);

 private:
  struct State {
    std::shared_ptr<const Wanted> wanted{};
    std::map<std::string, std::shared_ptr<const DesiredGuest>> guests{};
    std::shared_ptr<const DesiredGuest> unwanted{};
  };
  mutable Guarded<State> state_{};
};

}  // namespace holdfast
