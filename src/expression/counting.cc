// SPDX-License-Identifier: Apache-2.0
//
// count, sum and last over the summary of a lead's activities. Windows have hour granularity by
// definition: `within` W hours at now are the buckets whose hour h has H - W < h <= H, where H is
// the hour of now. An hour ahead of now counts when it is reached.
#include <algorithm>
#include <limits>

#include "expression/evaluator.h"

namespace leadcore::expression_internal {
namespace {

constexpr int64_t kHour = 3'600'000'000;  // microseconds

int64_t HourOf(int64_t micros) {
  const int64_t hour = micros / kHour;
  return micros % kHour < 0 ? hour - 1 : hour;
}

int64_t Saturated(__int128 sum) {
  constexpr __int128 kMost = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::clamp(sum, -kMost, kMost));
}

}  // namespace

void Evaluator::NoteHour(int64_t hour) { NoteUntil(hour * kHour); }

Cell Evaluator::Activities(const Node& node) {
  if (!now_) return Fail(Reason::Why::kNow);
  const bool sum = node.op == Op::kSum;
  const ActivitySummary* summary = view_.activities;
  __int128 total = 0;
  if (summary != nullptr && node.index < summary->series.size()) {
    const ActivitySummary::Series& series = summary->series[node.index];
    const size_t sums = series.sums.size();
    // A summary of other series, or a damaged one, has nothing to say.
    const bool known =
        !sum || (node.name < sums && series.bucket_sums.size() == sums * series.buckets.size());
    const bool windowed = node.hours > 0;
    if (known && !windowed) total = sum ? series.sums[node.name] : series.count;
    if (!Charge(series.buckets.size() / 4)) return {};
    const int64_t hour = HourOf(*now_);
    for (size_t i = 0; known && i < series.buckets.size(); ++i) {
      const ActivitySummary::Bucket& bucket = series.buckets[i];
      if (bucket.count == 0) continue;
      const __int128 amount = sum ? series.bucket_sums[i * sums + node.name] : bucket.count;
      if (bucket.hour > hour) {
        NoteHour(bucket.hour);
        if (!windowed) total -= amount;  // in the total already
      } else if (windowed && bucket.hour > hour - node.hours) {
        NoteHour(int64_t{bucket.hour} + node.hours);
        total += amount;
      }
    }
  }
  if (!sum) return Cell::Int(Saturated(total));
  return Cell::Double(static_cast<double>(Saturated(total)) / 1e6);
}

Cell Evaluator::Last(const Node& node) {
  const ActivitySummary* summary = view_.activities;
  if (summary == nullptr || node.index >= summary->series.size() ||
      !summary->series[node.index].last) {
    return Fail(Reason::Why::kNoActivity, node.name);
  }
  const Moment point = FromMicroseconds(*summary->series[node.index].last);
  if (!IsPoint(point)) return Fail(Reason::Why::kTime);
  return Cell::Time(Kind::kTimestamp, point);
}

}  // namespace leadcore::expression_internal
