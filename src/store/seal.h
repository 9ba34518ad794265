// SPDX-License-Identifier: Apache-2.0
//
// What is the same in every store: when a batch depends on others, and how the events of a feed are
// completed and chained.
#ifndef LEADCORE_SRC_STORE_SEAL_H_
#define LEADCORE_SRC_STORE_SEAL_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/store.h"

namespace leadcore {

inline constexpr size_t kRandomBytes = 32;  // of a batch

// Where a feed ends.
struct FeedHead {
  int64_t position = 0;
  std::string chain;
};

// Whether the batches at these places of a call were committed.
bool AllCommitted(std::span<const CommitResult> results, std::span<const size_t> places);

// New bytes for one batch.
std::string DrawRandom(const RandomSource& source);

// Gives the events of a committed batch their positions, what the batch wrote, salts, hashes and
// chain, and moves `head` on. `random` is what `finish` was given.
void SealEvents(const Batch& batch, std::string_view random, FeedHead* head, Writes* writes);

// Counters as bytes, and back; what is damaged gives DATA_LOSS.
std::string EncodeCounters(const std::vector<CounterWrite>& counters);
absl::StatusOr<std::vector<CounterWrite>> DecodeCounters(std::string_view bytes);

// The header as it is chained: leadcore.v1.Event without payload, salt and chain.
std::string EncodeEventHeader(const Event& event);
// 32 bytes; a payload's hash is keyed by its salt.
std::string KeyedHash(std::string_view key, std::string_view text);
std::string NextChain(std::string_view chain, std::string_view header);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SEAL_H_
