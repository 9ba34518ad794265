// SPDX-License-Identifier: Apache-2.0
//
// ActivityAggregates: which activities are counted, and the counting itself.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "leadcore/expression.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr int64_t kHour = 3'600'000'000;  // microseconds
constexpr int64_t kMillion = 1'000'000;

int32_t HourOf(int64_t micros) {
  const int64_t hour = micros / kHour - (micros % kHour < 0 ? 1 : 0);
  // 64 bits of microseconds are some 2.6 billion hours either way.
  return static_cast<int32_t>(std::clamp<int64_t>(hour, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

int64_t SaturatedSum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// A number in millionths, halves away from zero; what is no number counts nothing.
int64_t Millionths(const Value& value) {
  if (value.kind() == Value::Kind::kInteger) {
    int64_t out = 0;
    if (!__builtin_mul_overflow(value.integer(), kMillion, &out)) return out;
    return value.integer() < 0 ? std::numeric_limits<int64_t>::min()
                               : std::numeric_limits<int64_t>::max();
  }
  if (value.kind() != Value::Kind::kReal) return 0;
  const double scaled = value.real() * static_cast<double>(kMillion);
  if (!(scaled > -9.2e18 && scaled < 9.2e18)) return 0;
  const auto whole = static_cast<int64_t>(scaled);
  const double rest = scaled - static_cast<double>(whole);
  return whole + (rest >= 0.5 ? 1 : rest <= -0.5 ? -1 : 0);
}

Value ToValue(const Attribute& attribute, const Field& field) {
  const Value::Kind wanted = StoredKind(field.type, field.shape);
  Value value;
  if (const auto* text = std::get_if<std::string>(&attribute)) value = Value::Text(*text);
  if (const auto* whole = std::get_if<int64_t>(&attribute)) {
    value = wanted == Value::Kind::kReal ? Value::Real(static_cast<double>(*whole))
                                         : Value::Integer(*whole);
  }
  if (const auto* real = std::get_if<double>(&attribute)) value = Value::Real(*real);
  if (const auto* truth = std::get_if<bool>(&attribute)) value = Value::Boolean(*truth);
  return value.kind() == wanted ? value : Value();
}

// The row that a condition on activities reads; points into `activity`.
std::vector<Value> RowOf(const Activity& activity, const Schema& schema) {
  std::vector<Value> row(std::max<size_t>(schema.size(), activity_field::kFirstAttribute));
  row[activity_field::kKind] = Value::Text(activity.kind);
  if (!activity.actor.empty()) row[activity_field::kActor] = Value::Text(activity.actor);
  row[activity_field::kTime] = Value::Time(activity.time);
  if (activity.outcome) row[activity_field::kOutcome] = Value::Text(*activity.outcome);
  if (activity.next_step) row[activity_field::kNextStep] = Value::Text(*activity.next_step);
  if (activity.due) row[activity_field::kDue] = Value::Time(*activity.due);
  if (!activity.tags.empty()) row[activity_field::kTags] = Value::TextList(activity.tags);
  for (const auto& [name, attribute] : activity.attributes) {
    const Field* field = schema.Find(name);
    if (field == nullptr || field->id < activity_field::kFirstAttribute) continue;
    row[field->id] = ToValue(attribute, *field);
  }
  return row;
}

uint64_t Hash(uint64_t seed, std::string_view text) {
  // The length keeps neighbours apart: "ab","c" is not "a","bc".
  const uint64_t sized = XXH3_64bits_withSeed(text.data(), text.size(), seed);
  return sized ^ (text.size() * 0x9e3779b97f4a7c15ull);
}

uint64_t KeyOf(const ActivitySeries& series) {
  uint64_t key = Hash(Hash(0, series.kind), series.where);
  for (const std::string& sum : series.sums) key = Hash(key, sum);
  return key;
}

// Adds one to the bucket of `hour`, which is made where there is none.
void Count(int32_t hour, const std::vector<int64_t>& amounts, ActivitySummary::Series* series) {
  auto& buckets = series->buckets;
  const auto at = std::lower_bound(
      buckets.begin(), buckets.end(), hour,
      [](const ActivitySummary::Bucket& bucket, int32_t wanted) { return bucket.hour < wanted; });
  const auto row = static_cast<size_t>(at - buckets.begin()) * amounts.size();
  if (at == buckets.end() || at->hour != hour) {
    buckets.insert(at, {hour, 1});
    const auto place = series->bucket_sums.begin() + static_cast<ptrdiff_t>(row);
    series->bucket_sums.insert(place, amounts.begin(), amounts.end());
    return;
  }
  if (at->count < std::numeric_limits<int32_t>::max()) ++at->count;
  for (size_t i = 0; i < amounts.size(); ++i) {
    series->bucket_sums[row + i] = SaturatedSum(series->bucket_sums[row + i], amounts[i]);
  }
}

// Buckets of hours up to `hour` - `window` are out of every window, now and later.
void DropOld(int64_t hour, int64_t window, ActivitySummary::Series* series) {
  auto& buckets = series->buckets;
  size_t old = 0;
  while (old < buckets.size() && buckets[old].hour <= hour - window) ++old;
  if (old == 0) return;
  const size_t sums = series->sums.size();
  buckets.erase(buckets.begin(), buckets.begin() + static_cast<ptrdiff_t>(old));
  series->bucket_sums.erase(series->bucket_sums.begin(),
                            series->bucket_sums.begin() + static_cast<ptrdiff_t>(old * sums));
}

}  // namespace

// What is needed to count one series, beside what it is called.
struct ActivityAggregates::Program {
  std::shared_ptr<const Expression> where;  // nullptr: all
};

ActivityAggregates::ActivityAggregates() : programs_(std::make_unique<std::vector<Program>>()) {}
ActivityAggregates::~ActivityAggregates() = default;
ActivityAggregates::ActivityAggregates(ActivityAggregates&&) noexcept = default;
ActivityAggregates& ActivityAggregates::operator=(ActivityAggregates&&) noexcept = default;

std::span<const ActivitySeries> ActivityAggregates::series() const { return series_; }

size_t ActivityAggregates::Register(std::string_view kind, std::string_view where_source,
                                    std::shared_ptr<const Expression> where, int64_t window_hours,
                                    std::string_view summed_attribute) {
  size_t place = 0;
  while (place < series_.size() &&
         (series_[place].kind != kind || series_[place].where != where_source)) {
    ++place;
  }
  if (place == series_.size()) {
    series_.emplace_back();
    series_.back().kind = kind;
    series_.back().where = where_source;
    programs_->push_back({std::move(where)});
  }
  ActivitySeries& series = series_[place];
  series.window_hours = std::max(series.window_hours, window_hours);
  const bool summed =
      std::find(series.sums.begin(), series.sums.end(), summed_attribute) != series.sums.end();
  if (!summed_attribute.empty() && !summed) series.sums.emplace_back(summed_attribute);
  series.key = KeyOf(series);
  return place;
}

bool ActivityAggregates::Fits(const ActivitySummary& summary) const {
  if (summary.series.empty()) return true;
  return std::equal(summary.series.begin(), summary.series.end(), series_.begin(), series_.end(),
                    [](const ActivitySummary::Series& a, const ActivitySeries& b) {
                      return a.key == b.key && a.sums.size() == b.sums.size();
                    });
}

uint64_t ActivityAggregates::Fingerprint() const {
  uint64_t print = series_.size();
  for (const ActivitySeries& series : series_) {
    const uint64_t parts[] = {print, series.key, static_cast<uint64_t>(series.window_hours)};
    print = XXH3_64bits(parts, sizeof(parts));
  }
  return print;
}

void ActivityAggregates::Add(const Activity& activity, const Schema& schema, absl::Time now,
                             ActivitySummary* summary) const {
  if (summary->series.empty()) {
    summary->series.resize(series_.size());
    for (size_t i = 0; i < series_.size(); ++i) {
      summary->series[i].key = series_[i].key;
      summary->series[i].sums.resize(series_[i].sums.size());
    }
  }
  if (!Fits(*summary)) return;
  const std::vector<Value> row = RowOf(activity, schema);
  const LeadView view{row, nullptr};
  const int64_t now_hour = HourOf(ToMicros(now));
  const int32_t hour = HourOf(activity.time);
  for (size_t i = 0; i < series_.size(); ++i) {
    const ActivitySeries& wanted = series_[i];
    DropOld(now_hour, wanted.window_hours, &summary->series[i]);
    if (wanted.kind != activity.kind) continue;
    const Expression* where = (*programs_)[i].where.get();
    if (where != nullptr && where->Test(view, now).truth != Truth::kTrue) continue;
    std::vector<int64_t> amounts;
    for (const std::string& name : wanted.sums) {
      const Field* field = schema.Find(name);
      amounts.push_back(field == nullptr ? 0 : Millionths(row[field->id]));
    }
    ActivitySummary::Series& series = summary->series[i];
    ++series.count;
    series.last = std::max(series.last.value_or(activity.time), activity.time);
    for (size_t s = 0; s < amounts.size(); ++s) {
      series.sums[s] = SaturatedSum(series.sums[s], amounts[s]);
    }
    Count(hour, amounts, &series);
    DropOld(now_hour, wanted.window_hours, &series);
  }
}

}  // namespace leadcore
