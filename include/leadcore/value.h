// SPDX-License-Identifier: Apache-2.0
//
// Value: the 16-byte borrowed cell that every part of the engine reads, and the small types inside
// it.
//
// A Value owns nothing: text and lists point into memory of whoever made it (a Lead, a decoded
// message, a CSV row) and are valid as long as that memory is. Copying is two register moves.
// Everything here is immutable or plain data: safe to read from any number of threads.
#ifndef LEADCORE_VALUE_H_
#define LEADCORE_VALUE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace leadcore {

// What a field holds. A choice is text from a set that the schema names.
enum class Type : uint8_t {
  kText,
  kInteger,
  kReal,
  kBoolean,
  kTime,
  kDate,
  kDuration,
  kMoney,
  kChoice,
  kRecord
};
enum class Shape : uint8_t { kScalar, kList };

// "text", "integer", …: the words of fields.csv and of models.
std::string_view TypeName(Type type);
std::optional<Type> TypeFromName(std::string_view name);

// A day of the proleptic Gregorian calendar. year 0 means that the year is not known (birthdays).
struct Date {
  int16_t year = 0;
  uint8_t month = 1;
  uint8_t day = 1;
  friend auto operator<=>(const Date&, const Date&) = default;
};

// An ISO 4217 code, upper case.
struct Currency {
  char code[3] = {'U', 'S', 'D'};
  std::string_view text() const { return {code, 3}; }
  friend auto operator<=>(const Currency&, const Currency&) = default;
};
// Fails unless `text` is three ASCII letters (any case).
absl::StatusOr<Currency> ParseCurrency(std::string_view text);
// Digits after the decimal point in ISO 4217: 2 for USD, 0 for JPY, 3 for BHD.
int MinorDigits(Currency currency);

struct Money {
  int64_t minor = 0;  // cents, yen, fils
  Currency currency;
  friend bool operator==(const Money&, const Money&) = default;
};

// One row of a list-of-records field: members in the order that the schema names them; an absent
// member is not an empty one.
using Record = std::vector<std::optional<std::string>>;

// Times are microseconds since 1970-01-01T00:00:00Z; infinite times do not exist here.
int64_t ToMicros(absl::Time time);
absl::Time FromMicros(int64_t micros);

class Value {
 public:
  enum class Kind : uint8_t {
    kAbsent,
    kText,
    kInteger,
    kReal,
    kBoolean,
    kTime,
    kDate,
    kDuration,
    kMoney,
    kTextList,
    kRecordList
  };

  constexpr Value() : bits_{.integer = 0} {}
  static Value Text(std::string_view text) {  // at most 4 GiB
    Value v(Kind::kText, static_cast<uint32_t>(text.size()));
    v.bits_.text = text.data();
    return v;
  }
  static Value Integer(int64_t value) { return Number(Kind::kInteger, value); }
  static Value Boolean(bool value) { return Number(Kind::kBoolean, value ? 1 : 0); }
  static Value Time(int64_t micros) { return Number(Kind::kTime, micros); }
  static Value Duration(int64_t micros) { return Number(Kind::kDuration, micros); }
  static Value Real(double value) {
    Value v(Kind::kReal, 0);
    v.bits_.real = value;
    return v;
  }
  static Value OfDate(Date date) {
    return Number(Kind::kDate,
                  (static_cast<int64_t>(date.year) << 16) | (date.month << 8) | date.day);
  }
  static Value OfMoney(Money money) {
    Value v = Number(Kind::kMoney, money.minor);
    for (int i = 0; i < 3; ++i) v.extra_[i] = money.currency.code[i];
    return v;
  }
  static Value TextList(std::span<const std::string> items) {
    Value v(Kind::kTextList, static_cast<uint32_t>(items.size()));
    v.bits_.texts = items.data();
    return v;
  }
  static Value RecordList(std::span<const Record> items) {
    Value v(Kind::kRecordList, static_cast<uint32_t>(items.size()));
    v.bits_.records = items.data();
    return v;
  }

  Kind kind() const { return kind_; }
  bool absent() const { return kind_ == Kind::kAbsent; }

  // Each accessor may be called only on its own kind.
  std::string_view text() const { return {bits_.text, size_}; }
  int64_t integer() const { return bits_.integer; }
  double real() const { return bits_.real; }
  bool boolean() const { return bits_.integer != 0; }
  int64_t micros() const { return bits_.integer; }  // kTime, kDuration
  Date date() const {
    return {static_cast<int16_t>(bits_.integer >> 16),
            static_cast<uint8_t>((bits_.integer >> 8) & 0xff),
            static_cast<uint8_t>(bits_.integer & 0xff)};
  }
  Money money() const { return {bits_.integer, {{extra_[0], extra_[1], extra_[2]}}}; }
  std::span<const std::string> texts() const { return {bits_.texts, size_}; }
  std::span<const Record> records() const { return {bits_.records, size_}; }

 private:
  constexpr Value(Kind kind, uint32_t size) : bits_{.integer = 0}, size_(size), kind_(kind) {}
  static Value Number(Kind kind, int64_t value) {
    Value v(kind, 0);
    v.bits_.integer = value;
    return v;
  }

  union {
    int64_t integer;
    double real;
    const char* text;
    const std::string* texts;
    const Record* records;
  } bits_;
  uint32_t size_ = 0;
  Kind kind_ = Kind::kAbsent;
  char extra_[3] = {0, 0, 0};  // currency code
};
static_assert(sizeof(Value) == 16);

// Same kind and same content (a real NaN equals itself here: "unchanged", not arithmetic).
bool SameValue(const Value& a, const Value& b);

// The total order of indexes and sorted lists: absent first, then by content; text by code point;
// money by currency, then amount; integers and reals together by value; other kinds apart by kind.
std::strong_ordering CompareValues(const Value& a, const Value& b);

// The kind that a field of this type and shape stores.
Value::Kind StoredKind(Type type, Shape shape);

// The one canonical text of a scalar, used by CSV, JSON and people: "true", "12.5",
// "2026-11-23T09:30:00Z" (as many fraction digits as needed), "2026-11-23", "--11-23" (no year),
// "90s", "1234.50 USD". Absent gives ""; lists and records are the caller's business.
std::string FormatValue(const Value& value);

// How people write the same things.
struct ParseOptions {
  Currency currency;           // of amounts without one
  bool day_first = false;      // 03/04/2026 is the third of April
  bool decimal_comma = false;  // 1.234,50
};

// Reads a scalar of `type` from what a person or another system wrote: numbers with thousands
// separators and percent signs, "yes/no/true/1", ISO 8601 and the usual local date forms (a time
// without a zone is UTC),
// "$1,200", "1.2M", "30d", "1h30m". The result borrows `text` when it is text. INVALID_ARGUMENT
// says what was expected. Text is taken as it is; kRecord is refused.
absl::StatusOr<Value> ParseValue(Type type, std::string_view text, const ParseOptions& options);

// "30d", "1h30m", "90s", "500ms", "2w": whole numbers with units w d h m s ms us, largest first.
// Microseconds.
absl::StatusOr<int64_t> ParseDuration(std::string_view text);
std::string FormatDuration(int64_t micros);

// RFC 3339. Microseconds; finer digits are refused, as are times outside the years 1..9999.
absl::StatusOr<int64_t> ParseTime(std::string_view text);
std::string FormatTime(int64_t micros);

// What is wrong with a piece of configuration, and where: everything that compiles a model appends
// all it finds.
struct Fault {
  std::string path;  // "scoring.groups[0].rules[3].when"
  int offset = -1;   // byte inside the text at `path` where it goes wrong; -1: the text as a whole
  std::string message;  // "unknown field 'emplyees', did you mean 'employee_count'?"
  int line = 0;         // 1-based position in the document; 0 while the document is not known
  int column = 0;
};
using Faults = std::vector<Fault>;

}  // namespace leadcore

#endif  // LEADCORE_VALUE_H_
