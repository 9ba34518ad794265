// SPDX-License-Identifier: Apache-2.0
//
// Leads that were read lately, decoded, each with the store's stamp of it (Store::Stamp).
#ifndef LEADCORE_SRC_ENGINE_LEAD_CACHE_H_
#define LEADCORE_SRC_ENGINE_LEAD_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "leadcore/commands.h"

namespace leadcore {

// Thread-safe. An id has one row in which it may stand; the oldest of a full row makes room.
class LeadCache {
 public:
  // Keeps about so many leads; 0: none.
  explicit LeadCache(size_t leads);

  // The lead as it was kept with this stamp; nullptr.
  std::shared_ptr<const LeadRecord> Find(std::string_view id, uint64_t stamp) const;
  void Keep(uint64_t stamp, std::shared_ptr<const LeadRecord> record);

 private:
  static constexpr size_t kWays = 4;
  struct Slot {
    uint64_t stamp = 0;
    std::shared_ptr<const LeadRecord> record;
  };
  struct Row {
    std::mutex mutex;
    Slot slots[kWays];
    size_t oldest = 0;
  };

  Row& RowOf(std::string_view id) const;

  const size_t rows_count_;
  const std::unique_ptr<Row[]> rows_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_ENGINE_LEAD_CACHE_H_
