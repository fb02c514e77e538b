// SPDX-License-Identifier: Apache-2.0
#include "hub/rate_limit.hpp"

#include <algorithm>

namespace holdfast::hub {
namespace {

double refilled(const Bucket& bucket, Duration now, double per_second, double burst) {
  const auto passed = static_cast<double>((now - bucket.at).count()) / 1000.0;
  return std::min(burst, bucket.tokens + passed * per_second);
}

}  // namespace

bool Bucket::take(Duration now, double per_second, double burst) {
  tokens = refilled(*this, now, per_second, burst);
  at = now;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

bool RateLimit::allows(const std::string& name, Duration now) {
  auto buckets = buckets_.lock();
  const auto found = buckets->find(name);
  if (found != buckets->end()) return found->second.take(now, per_second_, burst_);
  if (buckets->size() >= max_names_) forget_full(*buckets, now);
  if (buckets->size() >= max_names_) return false;
  return buckets->emplace(name, Bucket{burst_, now}).first->second.take(now, per_second_, burst_);
}

void RateLimit::forget_full(Buckets& buckets, Duration now) const {
  std::erase_if(buckets, [&](const auto& item) {
    return refilled(item.second, now, per_second_, burst_) >= burst_;
  });
}

}  // namespace holdfast::hub
