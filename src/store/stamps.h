// SPDX-License-Identifier: Apache-2.0
//
// Store::Stamp: numbers that change with the leads and match keys whose names they are shared by.
#ifndef LEADCORE_SRC_STORE_STAMPS_H_
#define LEADCORE_SRC_STORE_STAMPS_H_

#include <array>
#include <atomic>
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
  // Small enough to be gone through with every commit.
  class Set {
   public:
    void Add(size_t place) { words_[place / 64] |= uint64_t{1} << place % 64; }
    void Add(const Set& other) {
      for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    }
    Set Without(const Set& other) const {
      Set rest = *this;
      for (size_t i = 0; i < words_.size(); ++i) rest.words_[i] &= ~other.words_[i];
      return rest;
    }

   private:
    friend class Stamps;
    std::array<uint64_t, kPlaces / 64> words_ = {};
  };

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
