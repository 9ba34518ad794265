// SPDX-License-Identifier: Apache-2.0
//
// The data of the engine: Lead (what people edit), LeadState (what the engine computes), Activity,
// and LeadView, the borrowed row that scoring, matching, routing and the lifecycle read.
#ifndef LEADCORE_LEAD_H_
#define LEADCORE_LEAD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "leadcore/schema.h"
#include "leadcore/value.h"

namespace leadcore {

// What has happened to one lead, as far as the model's expressions can see it: one Series for each
// ActivitySeries of the model (expression.h), in the model's order. Sums are exact integers, so
// that they do not depend on the order of commits.
struct ActivitySummary {
  struct Bucket {
    int32_t hour = 0;  // hours since 1970-01-01T00Z; ascending within a series
    int32_t count = 0;
  };
  struct Series {
    uint64_t key = 0;                  // ActivitySeries::key
    int64_t count = 0;                 // since ever
    std::optional<int64_t> last;       // time of the latest one, microseconds
    std::vector<int64_t> sums;         // since ever, per summed attribute, in millionths
    std::vector<Bucket> buckets;       // as far back as the model's longest window for this series
    std::vector<int64_t> bucket_sums;  // buckets.size() x sums.size(), row by row, in millionths
  };
  std::vector<Series> series;
};

// A non-owning row: values by FieldId of one Schema, and what has happened. Copy freely; valid as
// long as what it points to.
struct LeadView {
  std::span<const Value> values;
  const ActivitySummary* activities = nullptr;  // nullptr: nothing has happened

  const Value& operator[](FieldId id) const { return values[id]; }
  bool has(FieldId id) const { return !values[id].absent(); }
  // The text of a text or choice field; "" when absent.
  std::string_view text(FieldId id) const {
    return has(id) ? values[id].text() : std::string_view();
  }
};

// A lead: one value per field of its schema, all owned by the lead. Thread-compatible (const use is
// safe from many threads). One that was moved from can only be destroyed or assigned to.
class Lead {
 public:
  explicit Lead(std::shared_ptr<const Schema> schema);
  Lead(const Lead& other);
  Lead(Lead&&) noexcept;
  Lead& operator=(const Lead& other);
  Lead& operator=(Lead&&) noexcept;
  ~Lead();

  const Schema& schema() const { return *schema_; }
  const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }
  std::span<const Value> values() const { return values_; }
  LeadView view(const ActivitySummary* activities = nullptr) const { return {values_, activities}; }

  const Value& operator[](FieldId id) const { return values_[id]; }
  bool has(FieldId id) const { return !values_[id].absent(); }
  std::string_view text(FieldId id) const {
    return has(id) ? values_[id].text() : std::string_view();
  }

  // Copies `value`, which must be absent or of the field's stored kind (StoredKind); asserts it in
  // debug builds. Views taken before see the old content no more. `value` may point into this lead.
  void Set(FieldId id, const Value& value);
  void SetText(FieldId id, std::string_view text) { Set(id, Value::Text(text)); }
  void Clear(FieldId id) { Set(id, Value()); }

  // Makes room for texts of so many bytes in all, so that they come to lie in one piece of memory;
  // for a lead that has none yet.
  void ReserveTexts(size_t bytes);

  // Adds one entry to a list field. Members that `record` lacks are absent.
  void AppendText(FieldId id, std::string_view item);
  void AppendRecord(FieldId id, Record record);
  // Notes, once, what could not be read or normalised (field data_issues).
  void AddIssue(std::string_view field_name, std::string_view original, std::string_view reason);

  std::string_view id() const { return text(field::kId); }
  int64_t version() const { return has(field::kVersion) ? values_[field::kVersion].integer() : 0; }

  // Fields of a newer writer that this version does not know: kept as they came, written back by
  // the codec.
  const std::string& unknown_fields() const { return unknown_fields_; }
  void set_unknown_fields(std::string bytes) { unknown_fields_ = std::move(bytes); }

 private:
  // The value again, with what it points to in memory of this lead.
  Value Own(const Value& value);
  // Frees what Own made.
  void Release(const Value& value);
  void ReleaseAll();

  std::shared_ptr<const Schema> schema_;
  std::vector<Value> values_;  // text and lists point to what this object frees
  // Where texts lie one behind the other, as long as there is room; what does not fit has a block
  // of its own.
  std::unique_ptr<char[]> texts_;
  uint32_t room_ = 0, used_ = 0;  // of texts_, bytes
  std::string unknown_fields_;
};

// Same schema size and same values in every field (unknown fields included).
bool SameLead(const Lead& a, const Lead& b);

// ---- Score -------------------------------------------------------------------------------------

// Points are thousandths everywhere inside; what is shown and banded is the value rounded half up.
using Points = int64_t;
inline constexpr Points kOnePoint = 1000;
// floor((points + 500) / 1000)
int64_t ShownPoints(Points points);

struct LedgerEntry {
  enum class Kind : uint8_t { kRule, kGroupCap, kGroupFloor, kTotalCap, kTotalFloor, kAdjustment };
  Kind kind = Kind::kRule;
  std::string group;  // "" for the total
  std::string rule;   // name of the rule; for the others a word for people ("cap 40")
  Points points = 0;  // may be negative
};
struct GroupScore {
  std::string group;
  Points points = 0;
};
// The sum of the ledger is the total, always.
struct Score {
  Points total = 0;
  std::string band;
  std::vector<GroupScore> groups;  // in the model's order
  std::vector<LedgerEntry> ledger;
  int64_t evaluated_at = 0;  // microseconds
  std::optional<int64_t>
      valid_until;  // first moment at which it can change by time alone; none: never
};

// What the engine computes for a lead, kept beside it so that a page view never conflicts with a
// person's edit.
struct LeadState {
  Score score;
  ActivitySummary activities;
  std::optional<int64_t>
      first_response_time;  // microseconds; first call, email, meeting, sms or chat by a person
  std::optional<int64_t> last_activity_time;
  int64_t version = 0;
  std::string unknown_fields;
};

// Writes score, band, scores.*, first_response_time, last_activity_time and score_valid_until of
// `state` into `lead`, in points (30.499, not 30). What `state` does not have becomes absent: all
// of the score while nothing was evaluated.
void SetDerived(const LeadState& state, Lead* lead);

// ---- Activities --------------------------------------------------------------------------------

using Attribute = std::variant<std::string, int64_t, double, bool>;

struct Activity {
  std::string id;  // given by the engine
  std::string lead_id;
  std::string kind;  // an activity kind of the model
  std::string actor;
  int64_t time = 0;  // when it happened; microseconds
  std::optional<std::string> outcome;
  std::optional<std::string> next_step;
  std::optional<int64_t> due;  // microseconds
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, Attribute>> attributes;  // names unique; kept in this order
  std::string unknown_fields;
};

// ---- Assignment --------------------------------------------------------------------------------

// Who got the lead and why: the owner, how the choice came about, and what was looked at on the
// way.
struct Assignment {
  enum class How : uint8_t { kNone, kRotation, kLeastLoaded, kAffinity, kManual, kFallback };
  How how = How::kNone;  // kNone: nobody was available; the lead waits in the pool's queue
  std::string owner;     // member id; "" with kNone
  std::string pool;
  std::string territory;
  std::string rule;    // name of the rule that chose the pool; "" for the fallback pool
  int64_t ticket = 0;  // number of this rotation in its pool, from 1; 0 when none was taken
  struct Step {
    std::string what;    // "rule enterprise", "member ann", "affinity"
    std::string answer;  // "not matched: lead.employee_count is missing", "full: 20 of 20 leads"
  };
  std::vector<Step> steps;  // in the order they were asked
};
// "rotation", "least_loaded", "affinity", "manual", "fallback", "none".
std::string_view AssignmentHowName(Assignment::How how);

// A match key that led to a known lead.
struct KeyHit {
  std::string key;   // name of the key in the model: "email"
  std::string lead;  // id of the lead that holds or shares it
  bool exclusive = false;
};

// A 128-bit id in 26 characters of Crockford's base 32 (lower case): 48 bits of `now` in
// milliseconds, 80 bits of XXH3(workspace, request_id, ordinal). Same arguments, same id; later
// `now`, greater id.
std::string MakeId(absl::Time now, std::string_view workspace, std::string_view request_id,
                   uint64_t ordinal);

}  // namespace leadcore

#endif  // LEADCORE_LEAD_H_
