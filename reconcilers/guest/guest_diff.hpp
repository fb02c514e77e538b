// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "reconcilers/guest/guest_plan.hpp"

// The parts of plan_guest() that compare a guest that exists with what is wanted of it.
// Pure; private to the folder.
namespace holdfast {

// What the parts below look at together. `guest` is the wish that applies.
struct GuestDiff {
  const GuestFacts& facts;
  const Guest& guest;
  const GuestIdentity& identity;
  const host::ObservedGuest& observed;
  GuestPlan& plan;

  bool is_active() const;
  void act(GuestAction action, std::vector<std::string> fields, std::string reason) const;
  void refuse(gate::Verb verb, std::string object, std::string field, std::string reason,
              std::vector<std::string> effects) const;
  void block(std::string reason, std::string sentence) const;
};

// Changes that would cost data: image, targets, sizes, volumes taken away.
void plan_refusals(const GuestDiff& diff);
// Volumes to make or to attach again, disks to grow. False: one of its disks is missing.
bool plan_disks(const GuestDiff& diff);
// Everything that a definition says and a running guest may learn.
void plan_configuration(const GuestDiff& diff);
// True: nothing else can be planned before this has happened.
bool plan_stop(const GuestDiff& diff);
void plan_start(const GuestDiff& diff);

std::string join(const std::vector<std::string>& words, const std::string& between);
// "root (16Gi, /srv/guests/...)"
std::string show_disk(const host::Disk& disk);
// What signing the destruction would do.
std::vector<std::string> effects_of_destroying(const GuestIdentity& identity,
                                               const host::ObservedGuest* observed);

}  // namespace holdfast
