// SPDX-License-Identifier: Apache-2.0
#include "store/stamps.h"

#include <bit>
#include <functional>

namespace leadcore {
namespace {

size_t PlaceOf(std::string_view workspace, std::string_view name) {
  const std::hash<std::string_view> hash;
  return (hash(workspace) * 31 + hash(name)) % Stamps::kPlaces;
}

}  // namespace

Stamps::Stamps() {
  for (std::atomic<uint64_t>& stamp : stamps_) stamp.store(2, std::memory_order_relaxed);
}

uint64_t Stamps::Of(std::string_view workspace, std::string_view name) const {
  const uint64_t stamp = stamps_[PlaceOf(workspace, name)].load();
  return stamp % 2 == 0 ? stamp : 0;
}

void Stamps::Add(const Set& places, uint64_t step) noexcept {
  for (size_t i = 0; i < places.words_.size(); ++i) {
    for (uint64_t left = places.words_[i]; left != 0; left &= left - 1) {
      stamps_[i * 64 + static_cast<size_t>(std::countr_zero(left))].fetch_add(step);
    }
  }
}

void Stamps::Note(std::string_view workspace, const RecordKey& key, Set* places) {
  if (key.kind == RecordKind::kMatchKey) {
    // The last one: a key of several fields has such marks in it.
    places->Add(PlaceOf(workspace, std::string_view(key.id).substr(0, key.id.rfind('\x1f'))));
  } else if (key.kind == RecordKind::kLead || key.kind == RecordKind::kLeadState) {
    places->Add(PlaceOf(workspace, key.id));
  }
}

void Stamps::Note(std::string_view workspace, const Claim& claim, Set* places) {
  places->Add(PlaceOf(workspace, claim.key));
}

}  // namespace leadcore
