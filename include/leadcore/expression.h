// SPDX-License-Identifier: Apache-2.0
//
// Expression: a condition in the Common Expression Language (CEL), compiled against a schema.
//
//   lead.employee_count >= 200 && lead.industry in ["Software", "FinTech"] &&
//       count("page_view", days(7), activity.path.startsWith("/pricing")) >= 2
//
// All mistakes are found by Compile. Running is const, thread-safe, deterministic and total: what
// CEL calls an error (a missing field, division by zero, overflow, a bad conversion) makes the
// result undetermined, absorbed by && and || as in Kleene's logic. An undetermined condition counts
// as not matched, and the result names the fields that were missing.
//
// The language is CEL's for int, double, string, bool, timestamp, duration, null and lists of one
// type. Strings order by code point. Not in it, refused by Compile: maps, messages, bytes, uint,
// dyn, type values, lists of mixed types, comparing a value with null (has(lead.x) asks that), and
// the macros exists_one and map. What it adds or settles:
// - an int constant beside a double is promoted; ints and doubles compare exactly;
// - a list field that is absent reads as the empty list; has() of it is false;
// - money compares with money of its currency, and with numbers as a decimal number of the model's
//   currency; double(lead.annual_revenue) calculates with it;
// - a date compares with dates and with constant texts ("2026-12-31", "--12-31" without a year); a
//   year that is not known is undetermined beside one that is. timestamp(date) and
//   timestamp(date, "Europe/Berlin") are the start of the day; date(time, zone) is the way back;
// - weeks(2) days(7) hours(3) minutes(5) seconds(9) make durations of whole numbers;
// - count("kind", window, condition), sum("kind", "attribute", window, condition) and
//   last("kind", condition), where window and condition may be left out, read the summary of the
//   lead's activities. A window is a constant number of whole hours: W hours at now are the clock
//   hours h with H - W < h <= H, H being the hour of now. An activity ahead of now counts when its
//   hour is reached; last() may lie ahead. The condition reads activity.NAME and not `now`;
// - `now` is cut to whole microseconds. Durations reach 292 years, timestamps the years 1 to 9999.
// Loops within loops over long lists end undetermined after a million steps.
#ifndef LEADCORE_EXPRESSION_H_
#define LEADCORE_EXPRESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "leadcore/value.h"

namespace leadcore {

// Static types of the language. kAny stands only for the element type of an empty list literal.
enum class ExpressionType : uint8_t {
  kBool,
  kInt,
  kDouble,
  kString,
  kTimestamp,
  kDuration,
  kNull,
  kList,
  kMoney,
  kDate,
  kAny
};

// An owned result, for tests, tools and constants. Timestamps and durations carry nanoseconds, as
// CEL's do.
struct Datum {
  ExpressionType type = ExpressionType::kNull;
  int64_t integer = 0;  // kBool, kInt, money's minor units; seconds of kTimestamp and kDuration
  int32_t nanos = 0;    // kTimestamp, kDuration: 0 to 999,999,999, added to the seconds
  double real = 0;      // kDouble
  std::string text;     // kString; currency of kMoney
  std::vector<Datum> items;  // kList
};

// One kind of activity of the model, as expressions see it.
struct ActivityKind {
  std::string name;                      // "page_view"
  std::vector<CustomField> attributes;   // path, duration …
  std::shared_ptr<const Schema> schema;  // Schema::ForActivity(attributes)
};

// One stream of counted activities that the expressions of a model read; a lead's ActivitySummary
// has one Series for each.
struct ActivitySeries {
  uint64_t key =
      0;  // XXH3 of kind, where and summed attributes: the same in every process and version
  std::string kind;
  std::string where;              // the condition in canonical form; "" for all
  int64_t window_hours = 0;       // longest window asked for; 0: totals only
  std::vector<std::string> sums;  // attributes that are summed
};

class Expression;

// The series of one model. Filled while expressions compile (Register), then const and thread-safe.
class ActivityAggregates {
 public:
  ActivityAggregates();
  ~ActivityAggregates();
  ActivityAggregates(ActivityAggregates&&) noexcept;
  ActivityAggregates& operator=(ActivityAggregates&&) noexcept;

  std::span<const ActivitySeries> series() const;

  // The position of the series (kind, where), made or widened (window, summed attribute). `where`
  // may be null.
  size_t Register(std::string_view kind, std::string_view where_source,
                  std::shared_ptr<const Expression> where, int64_t window_hours,
                  std::string_view summed_attribute);

  // Counts `activity` into `summary` (which is laid out first if it is empty) and drops buckets
  // that no window reaches at `now`. `schema` is the activity's kind's. An undetermined `where`
  // does not count. A summary that does not fit (Fits) is left as it is: it has to be rebuilt.
  void Add(const Activity& activity, const Schema& schema, absl::Time now,
           ActivitySummary* summary) const;

  // True when `summary` was made for exactly these series (same keys in the same order), or is
  // empty.
  bool Fits(const ActivitySummary& summary) const;

  // Changes when any summary has to be rebuilt from the activities: keys, order, a longer window.
  uint64_t Fingerprint() const;

 private:
  struct Program;
  std::unique_ptr<std::vector<Program>> programs_;
  std::vector<ActivitySeries> series_;
};

// What an expression may name. Everything pointed to is borrowed for Compile; the schema must
// outlive the Expression.
struct ExpressionScope {
  std::string_view root = "lead";  // fields are root.name; "" makes them bare names
  const Schema* schema = nullptr;
  std::span<const ActivityKind> kinds;  // for count, sum, last; empty: these functions are refused
  ActivityAggregates* aggregates = nullptr;
  Currency currency;  // of the model: money compares in it as a decimal number, another currency is
                      // undetermined
  // Refuse uses of `now` whose next change cannot be told (now.getHours() …): it may only be added
  // to, subtracted and compared. Where they are allowed, valid_until is the next microsecond.
  bool now_moves = true;
};

// Limits of a source text; anything longer, deeper or dearer is a fault.
struct ExpressionLimits {
  size_t length_bytes = 16 * 1024;
  int depth = 64;
  size_t nodes = 4096;
  size_t list_items = 1024;
  int64_t regex_bytes = 64 * 1024;  // memory of one compiled `matches` pattern
};

enum class Truth : uint8_t { kFalse, kTrue, kUndetermined };

struct Verdict {
  Truth truth = Truth::kUndetermined;
  std::optional<int64_t>
      valid_until;  // microseconds; first moment at which `truth` may change by time alone
};

// Immutable after Compile; safe to use from many threads. Cheap to copy (shared).
class Expression {
 public:
  // `type` is what the expression must yield; nullopt takes any. On faults appends them (path
  // `path`, offset into `source`) to `faults` and returns nullptr; finds as many as it can in one
  // go.
  static std::shared_ptr<const Expression> Compile(std::string_view source,
                                                   const ExpressionScope& scope,
                                                   std::optional<ExpressionType> type,
                                                   std::string_view path, Faults* faults,
                                                   const ExpressionLimits& limits = {});
  ~Expression();

  const std::string& source() const;
  ExpressionType type() const;

  // For conditions (type kBool). When `missing` is not null, the names of fields whose absence left
  // it undetermined are appended.
  Verdict Test(LeadView view, absl::Time now, std::vector<std::string>* missing = nullptr) const;

  // For any type; nullopt: undetermined. `why`, if not null, gets a short reason ("lead.country is
  // missing", "division by zero").
  std::optional<Datum> Evaluate(LeadView view, absl::Time now, std::string* why = nullptr) const;

  // Fields it reads, ascending, each once.
  std::span<const FieldId> fields() const;
  // Whether it counts, sums or dates activities.
  bool reads_activities() const;

  // Conditions of the top-level && that bound one field by constants (==, <, <=, >, >=, startsWith,
  // in): what an index can serve. The result is implied by the expression, never the whole of it.
  // Bounds are inclusive; absent value = open end.
  struct Range {
    FieldId field = 0;
    Value low, high;      // owned by the Expression
    bool prefix = false;  // startsWith(low)
  };
  std::span<const Range> ranges() const;

 private:
  struct Compiled;
  explicit Expression(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace leadcore

#endif  // LEADCORE_EXPRESSION_H_
