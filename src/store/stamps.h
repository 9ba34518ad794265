// SPDX-License-Identifier: Apache-2.0
//
// Store::Stamp: numbers that change with the leads and match keys whose names they are shared by.
#ifndef LEADCORE_SRC_STORE_STAMPS_H_
#define LEADCORE_SRC_STORE_STAMPS_H_

#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "leadcore/store.h"

namespace leadcore {

// Thread-safe.
class Stamps {
 public:
  // Two leads of which one is written seldom have the same place: the other one is read again.
  static constexpr size_t kPlaces = 4096;
  using Set = std::bitset<kPlaces>;

  Stamps();

  // 0 for a number that is odd: something that shares it is being written.
  uint64_t Of(std::string_view workspace, std::string_view name) const;
  void Add(const Set& places, uint64_t step) noexcept;

  // Notes that a record is written, or that a match key is claimed or given up.
  static void Note(std::string_view workspace, const RecordKey& key, Set* places);
  static void Note(std::string_view workspace, const Claim& claim, Set* places);

 private:
  std::atomic<uint64_t> stamps_[kPlaces];
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_STAMPS_H_
