// SPDX-License-Identifier: Apache-2.0
//
// An encoded event payload without a text of it being copied: for those who read many events and
// keep none. Every text points into the bytes.
#ifndef LEADCORE_SRC_CODEC_EVENT_VIEW_H_
#define LEADCORE_SRC_CODEC_EVENT_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "leadcore/codec.h"
#include "leadcore/lead.h"

namespace leadcore {

// The members are those of the types without "View" (lead.h, codec.h).
struct AssignmentView {
  Assignment::How how = Assignment::How::kNone;
  std::string_view owner, pool, territory, rule;
  int64_t ticket = 0;
  struct Step {
    std::string_view what, answer;
  };
  std::vector<Step> steps;
};
struct KeyHitView {
  std::string_view key, lead;
  bool exclusive = false;
};
struct RecordImageView {
  uint8_t kind = 0;
  std::string_view id;
  bool deleted = false;
  std::string_view body;
};
struct ClaimImageView {
  std::string_view key, holder;
};
struct EventPayloadView {
  std::optional<AssignmentView> assignment;
  std::vector<KeyHitView> hits;
  std::vector<std::pair<std::string_view, std::string_view>> details;
  std::vector<RecordImageView> images;
  std::vector<ClaimImageView> claims, releases;
  std::string_view fingerprint;

  std::string_view lead() const { return Body(1); }
  std::string_view state() const { return Body(2); }
  std::string_view activity() const { return Body(3); }

 private:
  std::string_view Body(uint8_t kind) const;
};

// DATA_LOSS as from DecodeEventPayload.
absl::StatusOr<EventPayloadView> ViewEventPayload(std::string_view bytes);

}  // namespace leadcore

#endif  // LEADCORE_SRC_CODEC_EVENT_VIEW_H_
