// SPDX-License-Identifier: Apache-2.0
#include "leadcore/value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

#include "text.h"
#include "value/read.h"

namespace leadcore {
namespace {

using value_internal::Lower;

constexpr std::array<std::string_view, 10> kTypeNames = {
    "text", "integer", "real", "boolean", "time", "date", "duration", "money", "choice", "record"};

std::strong_ordering CompareReals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);  // NaN comes last
  if (a == b) return std::strong_ordering::equal;
  return a < b ? std::strong_ordering::less : std::strong_ordering::greater;
}

// Exact: no integer is rounded to a real.
std::strong_ordering CompareIntegerReal(int64_t integer, double real) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (std::isnan(real) || real >= kTwo63) return std::strong_ordering::less;
  if (real < -kTwo63) return std::strong_ordering::greater;
  const auto whole = static_cast<int64_t>(real);  // towards zero
  if (integer != whole) return integer <=> whole;
  return CompareReals(0.0, real - static_cast<double>(whole));
}

bool IsNumber(Value::Kind kind) {
  return kind == Value::Kind::kInteger || kind == Value::Kind::kReal;
}

std::strong_ordering CompareNumbers(const Value& a, const Value& b) {
  const bool a_whole = a.kind() == Value::Kind::kInteger;
  const bool b_whole = b.kind() == Value::Kind::kInteger;
  if (a_whole && b_whole) return a.integer() <=> b.integer();
  if (a_whole) return CompareIntegerReal(a.integer(), b.real());
  if (b_whole) return 0 <=> CompareIntegerReal(b.integer(), a.real());
  return CompareReals(a.real(), b.real());
}

std::strong_ordering CompareMoney(const Money& a, const Money& b) {
  const std::strong_ordering currency = a.currency <=> b.currency;
  return currency != 0 ? currency : a.minor <=> b.minor;
}

template <typename T>
std::strong_ordering CompareSpans(std::span<const T> a, std::span<const T> b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

template <typename T>
std::string ToChars(T number) {
  char buffer[32];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), number);
  return std::string(buffer, end.ptr);
}

std::string FormatReal(double real) {
  if (std::isnan(real)) return "nan";  // one spelling, whatever the sign bit
  return ToChars(real);
}

// At least `width` digits.
std::string Padded(uint64_t number, size_t width) {
  std::string digits = ToChars(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

uint64_t Magnitude(int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  return number < 0 ? ~bits + 1 : bits;
}

std::string FormatMoney(const Money& money) {
  const auto digits = static_cast<size_t>(MinorDigits(money.currency));
  std::string amount = Padded(Magnitude(money.minor), digits + 1);
  if (digits > 0) amount.insert(amount.size() - digits, 1, '.');
  return Cat(money.minor < 0 ? "-" : "", amount, ' ', money.currency.text());
}

constexpr size_t kLongestTime = 48;  // bytes, whatever the year

// The `width` lowest digits at `out`; where they end.
char* PutDigits(uint64_t number, size_t width, char* out) {
  for (size_t i = width; i > 0; number /= 10) out[--i] = static_cast<char>('0' + number % 10);
  return out + width;
}

char* PutDay(int64_t year, unsigned month, unsigned day, char* out) {
  const uint64_t magnitude = Magnitude(year);
  if (year < 0) *out++ = '-';
  out = magnitude < 10'000 ? PutDigits(magnitude, 4, out)
                           : std::to_chars(out, out + kLongestTime / 2, magnitude).ptr;
  *out++ = '-';
  out = PutDigits(month, 2, out);
  *out++ = '-';
  return PutDigits(day, 2, out);
}

std::string FormatDate(Date date) {
  char text[kLongestTime];
  if (date.year != 0) return {text, PutDay(date.year, date.month, date.day, text)};
  return Cat("--", Padded(date.month, 2), '-', Padded(date.day, 2));
}

absl::StatusOr<Value> ReadBoolean(std::string_view text) {
  const std::string word = value_internal::LowerText(text);
  for (std::string_view yes : {"true", "yes", "y", "t", "1", "on"}) {
    if (word == yes) return Value::Boolean(true);
  }
  for (std::string_view no : {"false", "no", "n", "f", "0", "off"}) {
    if (word == no) return Value::Boolean(false);
  }
  return InvalidArgument("expected yes or no, found ", value_internal::Quoted(text));
}

}  // namespace

std::string_view TypeName(Type type) { return kTypeNames[static_cast<size_t>(type)]; }

std::optional<Type> TypeFromName(std::string_view name) {
  for (size_t i = 0; i < kTypeNames.size(); ++i) {
    if (kTypeNames[i] == name) return static_cast<Type>(i);
  }
  return std::nullopt;
}

absl::StatusOr<Currency> ParseCurrency(std::string_view text) {
  if (text.size() != 3 || !std::all_of(text.begin(), text.end(), value_internal::IsLetter)) {
    return InvalidArgument("expected a currency code of three letters such as USD, found ",
                           value_internal::Quoted(text));
  }
  Currency currency;
  for (int i = 0; i < 3; ++i) {
    const char lower = Lower(text[static_cast<size_t>(i)]);
    currency.code[i] = static_cast<char>(lower - 'a' + 'A');
  }
  return currency;
}

int MinorDigits(Currency currency) {
  constexpr std::string_view kNone =
      "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
  constexpr std::string_view kThree = "BHD IQD JOD KWD LYD OMR TND";
  constexpr std::string_view kFour = "CLF UYW";
  const std::string_view code = currency.text();
  if (kNone.find(code) != std::string_view::npos) return 0;
  if (kThree.find(code) != std::string_view::npos) return 3;
  if (kFour.find(code) != std::string_view::npos) return 4;
  return 2;
}

int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }
absl::Time FromMicros(int64_t micros) { return absl::FromUnixMicros(micros); }

bool SameValue(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.kind() != Value::Kind::kReal) return CompareValues(a, b) == 0;
  if (std::isnan(a.real()) && std::isnan(b.real())) return true;
  return std::bit_cast<uint64_t>(a.real()) == std::bit_cast<uint64_t>(b.real());
}

std::strong_ordering CompareValues(const Value& a, const Value& b) {
  if (IsNumber(a.kind()) && IsNumber(b.kind())) return CompareNumbers(a, b);
  if (a.kind() != b.kind()) return a.kind() <=> b.kind();
  switch (a.kind()) {
    case Value::Kind::kAbsent:
      return std::strong_ordering::equal;
    case Value::Kind::kText:
      return a.text() <=> b.text();  // bytes of UTF-8 order as code points do
    case Value::Kind::kMoney:
      return CompareMoney(a.money(), b.money());
    case Value::Kind::kTextList:
      return CompareSpans(a.texts(), b.texts());
    case Value::Kind::kRecordList:
      return CompareSpans(a.records(), b.records());
    default:
      return a.integer() <=> b.integer();
  }
}

Value::Kind StoredKind(Type type, Shape shape) {
  const bool text = type == Type::kText || type == Type::kChoice;
  if (shape == Shape::kList) {
    if (text) return Value::Kind::kTextList;
    return type == Type::kRecord ? Value::Kind::kRecordList : Value::Kind::kAbsent;
  }
  switch (type) {
    case Type::kText:
    case Type::kChoice:
      return Value::Kind::kText;
    case Type::kInteger:
      return Value::Kind::kInteger;
    case Type::kReal:
      return Value::Kind::kReal;
    case Type::kBoolean:
      return Value::Kind::kBoolean;
    case Type::kTime:
      return Value::Kind::kTime;
    case Type::kDate:
      return Value::Kind::kDate;
    case Type::kDuration:
      return Value::Kind::kDuration;
    case Type::kMoney:
      return Value::Kind::kMoney;
    case Type::kRecord:
      break;
  }
  return Value::Kind::kAbsent;
}

std::string FormatValue(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kText:
      return std::string(value.text());
    case Value::Kind::kInteger:
      return ToChars(value.integer());
    case Value::Kind::kReal:
      return FormatReal(value.real());
    case Value::Kind::kBoolean:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kTime:
      return FormatTime(value.micros());
    case Value::Kind::kDate:
      return FormatDate(value.date());
    case Value::Kind::kDuration:
      return FormatDuration(value.micros());
    case Value::Kind::kMoney:
      return FormatMoney(value.money());
    case Value::Kind::kAbsent:
    case Value::Kind::kTextList:
    case Value::Kind::kRecordList:
      break;
  }
  return {};
}

std::string FormatDuration(int64_t micros) {
  struct Unit {
    uint64_t micros;
    std::string_view name;
  };
  constexpr Unit kUnits[] = {{86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"},
                             {1'000'000, "s"},      {1000, "ms"},         {1, "us"}};
  if (micros == 0) return "0s";
  const uint64_t magnitude = Magnitude(micros);
  for (const Unit& unit : kUnits) {
    if (magnitude % unit.micros != 0) continue;
    return Cat(micros < 0 ? "-" : "", magnitude / unit.micros, unit.name);
  }
  return {};
}

std::string FormatTime(int64_t micros) {
  constexpr int64_t kDay = 86'400'000'000;
  // The calendar repeats after 400 years; that of the standard library does not reach all times.
  constexpr int64_t kCycle = 146'097, kCycles = 1000;  // days; so many that none is before them
  int64_t days = micros / kDay;
  int64_t within = micros % kDay;
  if (within < 0) {
    within += kDay;
    --days;
  }
  days += kCycle * kCycles;
  const std::chrono::year_month_day day(std::chrono::sys_days(std::chrono::days(days % kCycle)));
  const int64_t year = int{day.year()} + (days / kCycle - kCycles) * 400;
  const auto seconds = static_cast<uint64_t>(within / 1'000'000);
  char text[kLongestTime];
  char* end = PutDay(year, unsigned{day.month()}, unsigned{day.day()}, text);
  *end++ = 'T';
  end = PutDigits(seconds / 3600, 2, end);
  *end++ = ':';
  end = PutDigits(seconds / 60 % 60, 2, end);
  *end++ = ':';
  end = PutDigits(seconds % 60, 2, end);
  if (const int64_t fraction = within % 1'000'000; fraction != 0) {
    *end++ = '.';
    end = PutDigits(static_cast<uint64_t>(fraction), 6, end);
    while (end[-1] == '0') --end;
  }
  *end++ = 'Z';
  return {text, end};
}

absl::StatusOr<Value> ParseValue(Type type, std::string_view text, const ParseOptions& options) {
  const std::string_view trimmed = value_internal::Trimmed(text);
  switch (type) {
    case Type::kText:
    case Type::kChoice:
      return Value::Text(text);
    case Type::kInteger:
      return value_internal::ReadInteger(trimmed, options);
    case Type::kReal:
      return value_internal::ReadReal(trimmed, options);
    case Type::kBoolean:
      return ReadBoolean(trimmed);
    case Type::kTime:
      return value_internal::ReadTime(trimmed, options);
    case Type::kDate:
      return value_internal::ReadDate(trimmed, options);
    case Type::kDuration:
      return value_internal::ReadDuration(trimmed);
    case Type::kMoney:
      return value_internal::ReadMoney(trimmed, options);
    case Type::kRecord:
      break;
  }
  return InvalidArgument("a list of records cannot be read from one text");
}

}  // namespace leadcore
