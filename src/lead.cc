// SPDX-License-Identifier: Apache-2.0
#include "leadcore/lead.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <functional>
#include <memory>

#include "text.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace leadcore {
namespace {

// Room for the texts of a lead that nobody made room for.
constexpr size_t kTextRoom = 512;
// A longer text always has a block of its own.
constexpr size_t kLongText = 256;

// A copy of the items that the caller frees.
template <typename Item>
std::span<const Item> Copied(std::span<const Item> items) {
  auto block = std::make_unique<Item[]>(items.size());
  std::copy(items.begin(), items.end(), block.get());
  return {block.release(), items.size()};
}

void SetTime(FieldId id, const std::optional<int64_t>& micros, Lead* lead) {
  lead->Set(id, micros ? Value::Time(*micros) : Value());
}

double Shown(Points points) { return static_cast<double>(points) / static_cast<double>(kOnePoint); }

void AppendLittleEndian(uint64_t number, std::string* out) {
  for (int i = 0; i < 8; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

// The `digits` lowest groups of five bits, highest first.
void AppendBase32(uint64_t bits, int digits, std::string* out) {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  for (int i = digits - 1; i >= 0; --i) out->push_back(kAlphabet[(bits >> (5 * i)) & 31]);
}

}  // namespace

Lead::Lead(std::shared_ptr<const Schema> schema)
    : schema_(std::move(schema)), values_(schema_->size()) {}

// Once the other constructor is through, a throw below runs the destructor.
Lead::Lead(const Lead& other) : Lead(other.schema_) {
  unknown_fields_ = other.unknown_fields_;
  values_.resize(other.values_.size());
  size_t bytes = 0;
  for (const Value& value : other.values_) {
    const bool text = value.kind() == Value::Kind::kText;
    bytes += text && value.text().size() <= kLongText ? value.text().size() : 0;
  }
  if (bytes > 0) ReserveTexts(bytes + kTextRoom / 4);
  std::transform(other.values_.begin(), other.values_.end(), values_.begin(),
                 [this](const Value& value) { return Own(value); });
}

Lead::Lead(Lead&& other) noexcept
    : schema_(other.schema_),
      values_(std::exchange(other.values_, {})),
      texts_(std::move(other.texts_)),
      room_(std::exchange(other.room_, 0)),
      used_(std::exchange(other.used_, 0)),
      unknown_fields_(std::move(other.unknown_fields_)) {}

Lead& Lead::operator=(const Lead& other) {
  if (this != &other) *this = Lead(other);
  return *this;
}

Lead& Lead::operator=(Lead&& other) noexcept {
  if (this == &other) return *this;
  ReleaseAll();
  schema_ = other.schema_;
  values_ = std::exchange(other.values_, {});
  texts_ = std::move(other.texts_);
  room_ = std::exchange(other.room_, 0);
  used_ = std::exchange(other.used_, 0);
  unknown_fields_ = std::move(other.unknown_fields_);
  return *this;
}

Lead::~Lead() { ReleaseAll(); }

void Lead::ReserveTexts(size_t bytes) {
  if (texts_ != nullptr) return;
  const auto room = static_cast<uint32_t>(std::min<size_t>(bytes, 1 << 20));
  texts_.reset(new char[room]);
  room_ = room;
}

Value Lead::Own(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kText: {
      const std::string_view text = value.text();
      if (text.empty()) return Value::Text({});
      if (texts_ == nullptr && text.size() <= kLongText) ReserveTexts(kTextRoom);
      char* block = nullptr;
      if (text.size() <= kLongText && text.size() <= room_ - used_) {
        block = texts_.get() + used_;
        used_ += static_cast<uint32_t>(text.size());
      } else {
        block = new char[text.size()];
      }
      std::memcpy(block, text.data(), text.size());
      return Value::Text({block, text.size()});
    }
    case Value::Kind::kTextList:
      return Value::TextList(Copied(value.texts()));
    case Value::Kind::kRecordList:
      return Value::RecordList(Copied(value.records()));
    default:
      return value;
  }
}

void Lead::Release(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kText: {
      const char* const block = value.text().data();
      const std::less<> before;
      const bool among_others = !before(block, texts_.get()) && before(block, texts_.get() + room_);
      if (!among_others) delete[] block;
      break;
    }
    case Value::Kind::kTextList:
      delete[] value.texts().data();
      break;
    case Value::Kind::kRecordList:
      delete[] value.records().data();
      break;
    default:
      break;
  }
}

void Lead::ReleaseAll() {
  for (const Value& value : values_) Release(value);
}

void Lead::Set(FieldId id, const Value& value) {
  assert(value.absent() || value.kind() == StoredKind(schema_->at(id).type, schema_->at(id).shape));
  const Value owned = Own(value);  // first: `value` may point to what is about to be freed
  Release(values_[id]);
  values_[id] = owned;
}

void Lead::AppendText(FieldId id, std::string_view item) {
  std::vector<std::string> items;
  if (has(id)) items.assign(values_[id].texts().begin(), values_[id].texts().end());
  items.emplace_back(item);
  Set(id, Value::TextList(items));
}

void Lead::AppendRecord(FieldId id, Record record) {
  std::vector<Record> items;
  if (has(id)) items.assign(values_[id].records().begin(), values_[id].records().end());
  record.resize(schema_->at(id).member_count());
  items.push_back(std::move(record));
  Set(id, Value::RecordList(items));
}

void Lead::AddIssue(std::string_view field_name, std::string_view original,
                    std::string_view reason) {
  Record issue = {std::string(field_name), std::string(original), std::string(reason)};
  if (has(field::kDataIssues)) {
    const auto known = values_[field::kDataIssues].records();
    if (std::find(known.begin(), known.end(), issue) != known.end()) return;
  }
  AppendRecord(field::kDataIssues, std::move(issue));
}

bool SameLead(const Lead& a, const Lead& b) {
  return std::equal(a.values().begin(), a.values().end(), b.values().begin(), b.values().end(),
                    SameValue) &&
         a.unknown_fields() == b.unknown_fields();
}

int64_t ShownPoints(Points points) {
  const int64_t whole = points / kOnePoint;
  const int64_t rest = points % kOnePoint;  // has the sign of `points`
  if (rest >= kOnePoint / 2) return whole + 1;
  return rest < -kOnePoint / 2 ? whole - 1 : whole;
}

void SetDerived(const LeadState& state, Lead* lead) {
  const Score& score = state.score;
  const bool scored = score.evaluated_at != 0 || !score.band.empty() || !score.groups.empty();
  for (const Field& field : lead->schema().fields()) {
    if (field.derived()) lead->Clear(field.id);
  }
  if (scored) lead->Set(field::kScore, Value::Real(Shown(score.total)));
  if (!score.band.empty()) lead->SetText(field::kBand, score.band);
  for (const GroupScore& group : score.groups) {
    const Field* field = lead->schema().ScoreGroup(group.group);
    if (field != nullptr) lead->Set(field->id, Value::Real(Shown(group.points)));
  }
  SetTime(field::kFirstResponseTime, state.first_response_time, lead);
  SetTime(field::kLastActivityTime, state.last_activity_time, lead);
  SetTime(field::kScoreValidUntil, score.valid_until, lead);
}

std::string_view AssignmentHowName(Assignment::How how) {
  constexpr std::string_view kNames[] = {"none",     "rotation", "least_loaded",
                                         "affinity", "manual",   "fallback"};
  return kNames[static_cast<size_t>(how)];
}

std::string MakeId(absl::Time now, std::string_view workspace, std::string_view request_id,
                   uint64_t ordinal) {
  // Lengths first, so that no two different triples make the same bytes.
  std::string key;
  AppendLittleEndian(workspace.size(), &key);
  key += workspace;
  AppendLittleEndian(request_id.size(), &key);
  key += request_id;
  AppendLittleEndian(ordinal, &key);
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  constexpr int64_t kLatest = (int64_t{1} << 48) - 1;
  const auto millis =
      static_cast<uint64_t>(std::clamp(absl::ToUnixMillis(now), int64_t{0}, kLatest));
  // 48 bits of time and 80 of the hash (the lower ones) in 26 digits of five bits: 10 of 50 bits,
  // time first with two zero bits before it, then twice 8 of 40 bits.
  std::string id;
  id.reserve(26);
  AppendBase32(millis, 10, &id);
  AppendBase32((hash.high64 << 24 | hash.low64 >> 40) & 0xffffffffff, 8, &id);
  AppendBase32(hash.low64 & 0xffffffffff, 8, &id);
  return id;
}

}  // namespace leadcore
