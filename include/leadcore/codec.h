// SPDX-License-Identifier: Apache-2.0
//
// Lead, LeadState, Activity and event payloads to bytes and back: the messages of
// proto/leadcore/v1/{lead,event}.proto.
//
// Encoding is deterministic: equal objects give equal bytes, on every machine. It never fails: text
// that is not UTF-8 is mended with U+FFFD. Decoding keeps fields that it does not know (of a lead,
// a state or an activity; not inside their parts) and Encode writes them back. Malformed bytes give
// DATA_LOSS and never a crash. Absent and empty differ. Pure functions; thread-safe.
#ifndef LEADCORE_CODEC_H_
#define LEADCORE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"

namespace leadcore {

// The largest message that is decoded. Encoding does not check it: commands limit what they take.
inline constexpr size_t kLargestMessage = 16 << 20;
// The most entries that a list of a decoded message may have: each takes more memory than bytes.
inline constexpr size_t kLongestList = 1'000'000;

enum class LeadForm : uint8_t {
  kStored,   // what people edit: without id, version and derived fields, which the store keeps
             // elsewhere
  kComplete  // every field, for hosts and after-images
};

// leadcore.v1.Lead. Built-in fields go by number, custom fields by name.
std::string EncodeLead(const Lead& lead, LeadForm form);
// A custom field that `schema` lacks, or has with another type, is kept as an unknown field; so is
// a field of whose content this version knows only a part. Where a field comes more than once, the
// last one counts; a field that has a value is not kept as unknown as well. Finer digits of times
// than microseconds are cut off.
absl::StatusOr<Lead> DecodeLead(std::string_view bytes, std::shared_ptr<const Schema> schema);

// leadcore.v1.LeadState, without the version, which the store keeps.
std::string EncodeLeadState(const LeadState& state);
absl::StatusOr<LeadState> DecodeLeadState(std::string_view bytes);

// leadcore.v1.Activity
std::string EncodeActivity(const Activity& activity);
absl::StatusOr<Activity> DecodeActivity(std::string_view bytes);

// A record as a batch left it.
struct RecordImage {
  uint8_t kind = 0;  // number of a RecordKind (store.h)
  std::string id;
  bool deleted = false;
  std::string body;
};
struct ClaimImage {
  std::string key;
  std::string holder;
};
// leadcore.v1.EventPayload: what an event carries beside its header: the story, told by the engine,
// and everything that its batch wrote, so that replay applies and never decides again.
struct EventPayload {
  std::optional<Assignment> assignment;
  std::vector<KeyHit> hits;
  std::vector<std::pair<std::string, std::string>> details;  // for people: "band" "cold -> warm"

  std::vector<RecordImage> images;
  std::vector<ClaimImage> claims;
  std::vector<ClaimImage> releases;
  std::string fingerprint;  // of the request

  // The bodies of the first lead, state and activity among the images; "" when there is none.
  std::string_view lead() const { return Body(1); }
  std::string_view state() const { return Body(2); }
  std::string_view activity() const { return Body(3); }

 private:
  std::string_view Body(uint8_t kind) const;
};
// Encodings of payloads may be joined: lists go on, of what is there once the last one counts.
std::string EncodeEventPayload(const EventPayload& payload);
absl::StatusOr<EventPayload> DecodeEventPayload(std::string_view bytes);

// leadcore.v1.CommandOutcome: what is remembered of a request beside its event positions.
struct CommandOutcome {
  std::string code;              // "created", "attached" …
  std::vector<std::string> ids;  // of the lead, then of activities
};
std::string EncodeCommandOutcome(const CommandOutcome& outcome);
absl::StatusOr<CommandOutcome> DecodeCommandOutcome(std::string_view bytes);

}  // namespace leadcore

#endif  // LEADCORE_CODEC_H_
