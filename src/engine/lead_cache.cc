// SPDX-License-Identifier: Apache-2.0
#include "engine/lead_cache.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace leadcore {

LeadCache::LeadCache(size_t leads)
    : rows_count_((leads + kWays - 1) / kWays), rows_(new Row[rows_count_]) {}

LeadCache::Row& LeadCache::RowOf(std::string_view id) const {
  return rows_[std::hash<std::string_view>()(id) % rows_count_];
}

std::shared_ptr<const LeadRecord> LeadCache::Find(std::string_view id, uint64_t stamp) const {
  if (rows_count_ == 0 || stamp == 0) return nullptr;
  Row& row = RowOf(id);
  const std::lock_guard lock(row.mutex);
  for (const Slot& slot : row.slots) {
    if (slot.stamp == stamp && slot.record->lead.id() == id) return slot.record;
  }
  return nullptr;
}

void LeadCache::Keep(uint64_t stamp, std::shared_ptr<const LeadRecord> record) {
  if (rows_count_ == 0 || stamp == 0) return;
  const std::string_view id = record->lead.id();
  Row& row = RowOf(id);
  // What makes room is freed by this call's end, not under the lock.
  const std::lock_guard lock(row.mutex);
  auto* const known = std::ranges::find_if(row.slots, [&](const Slot& slot) {
    return slot.record != nullptr && slot.record->lead.id() == id;
  });
  Slot& slot = known == std::end(row.slots) ? row.slots[row.oldest++ % kWays] : *known;
  slot.stamp = stamp;
  slot.record.swap(record);
}

}  // namespace leadcore
