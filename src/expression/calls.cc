// SPDX-License-Identifier: Apache-2.0
//
// The functions of the language, as the plain evaluator runs them.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <system_error>

#include "absl/strings/charconv.h"
#include "absl/time/civil_time.h"
#include "expression/evaluator.h"
#include "leadcore/value.h"

namespace leadcore::expression_internal {
namespace {

int64_t CountCodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

// The characters that Unicode calls white space, in UTF-8.
constexpr std::string_view kSpaces[] = {
    "\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\u0085", "\u00a0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

std::string_view Trimmed(std::string_view text) {
  const auto cut = [&text](bool front) {
    for (std::string_view space : kSpaces) {
      if (front ? !text.starts_with(space) : !text.ends_with(space)) continue;
      front ? text.remove_prefix(space.size()) : text.remove_suffix(space.size());
      return true;
    }
    return false;
  };
  while (cut(true)) {
  }
  while (cut(false)) {
  }
  return text;
}

std::string ChangeCase(std::string_view text, char first, char last) {
  std::string out(text);
  for (char& c : out) {
    if (c >= first && c <= last) c ^= 0x20;
  }
  return out;
}

std::string FormatDouble(double real) {
  if (std::isnan(real)) return "NaN";
  if (std::isinf(real)) return real < 0 ? "-Infinity" : "Infinity";
  char buffer[32];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), real);
  return {buffer, end.ptr};
}

std::optional<double> ReadDouble(std::string_view text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits == "Infinity" || digits == "inf" || digits == "Inf") {
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (digits.empty() || !((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.')) {
    return std::nullopt;
  }
  double real = 0;
  const absl::from_chars_result end =
      absl::from_chars(digits.data(), digits.data() + digits.size(), real);
  if (end.ptr != digits.data() + digits.size()) return std::nullopt;
  if (end.ec != std::errc()) {
    if (end.ec != std::errc::result_out_of_range || real >= 1.0) return std::nullopt;
    real = 0;  // too small to be told from zero
  }
  return negative ? -real : real;
}

bool SearchedWith(std::string_view text, const RE2& pattern) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

absl::TimeZone ZoneOf(const Program& program, const Node& node) {
  return node.index == kNoZone ? absl::UTCTimeZone() : program.zones[node.index];
}

}  // namespace

Cell Evaluator::Call(const Node& node) {
  const Cell first = Settled(Child(node, 0));
  if (first.undetermined()) return {};
  switch (node.function) {
    case Function::kSize:
      if (first.kind == Kind::kList) return Cell::Int(static_cast<int64_t>(first.size));
      if (!Charge(first.size / 16)) return {};
      return Cell::Int(CountCodePoints(first.string()));
    case Function::kToInt:
      return ToInt(first);
    case Function::kToDouble:
      return ToDouble(first);
    case Function::kToString:
      return ToString(first);
    case Function::kToBool:
      return ToBool(first);
    case Function::kToTimestamp:
      return ToTimestamp(node, first);
    case Function::kToDuration: {
      if (first.kind == Kind::kDuration) return first;
      const std::optional<Moment> length = ReadLength(first.string());
      return length ? Cell::Time(Kind::kDuration, *length) : Fail(Reason::Why::kConversion);
    }
    case Function::kToDate:
      return ToDate(node, first);
    case Function::kLengthOf:
      return LengthOf(node, first);
    case Function::kTimePart:
      return Part(node, first);
    default:
      return TextCall(node, first);
  }
}

Cell Evaluator::TextCall(const Node& node, const Cell& first) {
  const std::string_view text = first.string();
  if (!Charge(text.size() / 16)) return {};
  switch (node.function) {
    case Function::kLowerAscii:
      return Cell::String(Keep(ChangeCase(text, 'A', 'Z')));
    case Function::kUpperAscii:
      return Cell::String(Keep(ChangeCase(text, 'a', 'z')));
    case Function::kTrim:
      return Cell::String(Trimmed(text));
    case Function::kMatches:
      if (!Charge(text.size())) return {};
      return Cell::Bool(SearchedWith(text, *program_.patterns[node.index]));
    default:
      break;
  }
  const Cell second = Child(node, 1);
  if (second.undetermined()) return {};
  switch (node.function) {
    case Function::kStartsWith:
      return Cell::Bool(text.starts_with(second.string()));
    case Function::kEndsWith:
      return Cell::Bool(text.ends_with(second.string()));
    default:
      // A hostile pair of texts costs the product of their lengths.
      if (!Charge(text.size() / 64 * (1 + second.size / 64))) return {};
      return Cell::Bool(text.find(second.string()) != std::string_view::npos);
  }
}

Cell Evaluator::ToInt(const Cell& from) {
  constexpr double kTwo63 = 9223372036854775808.0;
  switch (from.kind) {
    case Kind::kDouble:
      if (!(from.real > -kTwo63 && from.real < kTwo63)) return Fail(Reason::Why::kOverflow);
      return Cell::Int(static_cast<int64_t>(from.real));
    case Kind::kString: {
      std::string_view text = from.string();
      if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) {
        return Fail(Reason::Why::kConversion);
      }
      return Cell::Int(number);
    }
    default:
      return Cell::Int(from.integer);  // an int, or the seconds of a timestamp
  }
}

Cell Evaluator::ToDouble(const Cell& from) {
  switch (from.kind) {
    case Kind::kInt:
      return Cell::Double(static_cast<double>(from.integer));
    case Kind::kString: {
      const std::optional<double> real = ReadDouble(from.string());
      return real ? Cell::Double(*real) : Fail(Reason::Why::kConversion);
    }
    case Kind::kMoney: {
      const Money money = from.money();
      if (money.currency != program_.currency) return Fail(Reason::Why::kCurrency);
      double scale = 1;
      for (int digits = MinorDigits(money.currency); digits > 0; --digits) scale *= 10;
      return Cell::Double(static_cast<double>(money.minor) / scale);
    }
    default:
      return from;
  }
}

Cell Evaluator::ToString(const Cell& from) {
  switch (from.kind) {
    case Kind::kBool:
      return Cell::String(from.truth() ? "true" : "false");
    case Kind::kInt:
      return Cell::String(Keep(std::to_string(from.integer)));
    case Kind::kDouble:
      return Cell::String(Keep(FormatDouble(from.real)));
    case Kind::kTimestamp:
      if (!IsPoint(from.moment())) return Fail(Reason::Why::kTime);
      return Cell::String(Keep(FormatPoint(from.moment())));
    case Kind::kDuration:
      return Cell::String(Keep(FormatLength(from.moment())));
    case Kind::kDate:
      return Cell::String(Keep(FormatValue(Value::OfDate(from.date()))));
    case Kind::kMoney:
      return Cell::String(Keep(FormatValue(Value::OfMoney(from.money()))));
    default:
      return from;
  }
}

Cell Evaluator::ToBool(const Cell& from) {
  if (from.kind == Kind::kBool) return from;
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (from.string() == yes) return Cell::Bool(true);
  }
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (from.string() == no) return Cell::Bool(false);
  }
  return Fail(Reason::Why::kConversion);
}

Cell Evaluator::ToTimestamp(const Node& node, const Cell& from) {
  std::optional<Moment> point;
  switch (from.kind) {
    case Kind::kInt:
      point = Moment{from.integer, 0};
      break;
    case Kind::kString:
      point = ReadPoint(from.string());
      break;
    case Kind::kDate: {
      const Date date = from.date();
      if (date.year == 0) return Fail(Reason::Why::kYear);
      const absl::CivilSecond start(date.year, date.month, date.day);
      point = FromMicroseconds(ToMicros(absl::FromCivil(start, ZoneOf(program_, node))));
      break;
    }
    default:
      point = from.moment();
      break;
  }
  if (!point || !IsPoint(*point)) return Fail(Reason::Why::kConversion);
  return Cell::Time(Kind::kTimestamp, *point);
}

Cell Evaluator::ToDate(const Node& node, const Cell& from) {
  if (from.kind == Kind::kDate) return from;
  if (from.kind == Kind::kString) {
    const std::optional<Date> date = ReadDay(from.string());
    return date ? Cell::OfDate(*date) : Fail(Reason::Why::kConversion);
  }
  const absl::TimeZone zone = ZoneOf(program_, node);
  const auto part = [&](TimePart which) { return PartOfPoint(which, from.moment(), zone); };
  const int64_t year = part(TimePart::kFullYear);
  if (year < 1 || year > 9999) return Fail(Reason::Why::kTime);
  return Cell::OfDate({static_cast<int16_t>(year), static_cast<uint8_t>(part(TimePart::kMonth) + 1),
                       static_cast<uint8_t>(part(TimePart::kDate))});
}

Cell Evaluator::LengthOf(const Node& node, const Cell& number) {
  int64_t seconds = 0;
  if (__builtin_mul_overflow(number.integer, static_cast<int64_t>(node.index), &seconds) ||
      !IsLength({seconds, 0})) {
    return Fail(Reason::Why::kTime);
  }
  return Cell::Time(Kind::kDuration, {seconds, 0});
}

Cell Evaluator::Part(const Node& node, const Cell& from) {
  if (from.kind == Kind::kDate) {
    const std::optional<int64_t> part = PartOfDay(node.part, from.date());
    return part ? Cell::Int(*part) : Fail(Reason::Why::kYear);
  }
  if (from.kind == Kind::kDuration) {
    if (!IsLength(from.moment())) return Fail(Reason::Why::kTime);  // a field may be longer
    return Cell::Int(PartOfLength(node.part, from.moment()));
  }
  return Cell::Int(PartOfPoint(node.part, from.moment(), ZoneOf(program_, node)));
}

}  // namespace leadcore::expression_internal
