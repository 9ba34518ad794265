// SPDX-License-Identifier: Apache-2.0
#include "expression/cell.h"

#include <cmath>

namespace leadcore::expression_internal {
namespace {

std::optional<std::strong_ordering> CompareReals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::nullopt;
  if (a == b) return std::strong_ordering::equal;
  return a < b ? std::strong_ordering::less : std::strong_ordering::greater;
}

std::optional<std::strong_ordering> CompareIntReal(int64_t whole, double real) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (std::isnan(real)) return std::nullopt;
  if (real >= kTwo63) return std::strong_ordering::less;
  if (real < -kTwo63) return std::strong_ordering::greater;
  const auto truncated = static_cast<int64_t>(real);  // towards zero
  if (whole != truncated) return whole <=> truncated;
  return CompareReals(0.0, real - static_cast<double>(truncated));
}

int64_t Scale(Currency currency) {
  int64_t scale = 1;
  for (int digits = MinorDigits(currency); digits > 0; --digits) scale *= 10;
  return scale;
}

Order CompareMoneys(const Money& a, const Money& b) {
  if (a.currency != b.currency) return {std::nullopt, true};
  return {a.minor <=> b.minor};
}

Order CompareMoneyNumber(const Money& money, const Cell& number, Currency model) {
  if (money.currency != model) return {std::nullopt, true};
  const int64_t scale = Scale(model);
  if (number.kind == Kind::kInt) {
    return {static_cast<__int128>(money.minor) <=> static_cast<__int128>(number.integer) * scale};
  }
  // One rounding: 0.10 USD is the real number written 0.1.
  return {CompareReals(static_cast<double>(money.minor) / static_cast<double>(scale), number.real)};
}

Order CompareDates(Date a, Date b) {
  if ((a.year == 0) != (b.year == 0)) return {std::nullopt, true};
  return {a <=> b};
}

Order Reversed(Order order) {
  if (order.order) order.order = 0 <=> *order.order;
  return order;
}

}  // namespace

Cell Cell::OfDate(Date date) { return Whole(Kind::kDate, Value::OfDate(date).integer()); }

Cell Cell::OfMoney(Money money) {
  Cell cell = Whole(Kind::kMoney, money.minor);
  for (char letter : money.currency.code) {
    cell.nanos = (cell.nanos << 8) | static_cast<unsigned char>(letter);
  }
  return cell;
}

Money Cell::money() const {
  Money money;
  money.minor = integer;
  for (int i = 0; i < 3; ++i) {
    money.currency.code[i] = static_cast<char>((nanos >> (16 - 8 * i)) & 0xff);
  }
  return money;
}

Date Cell::date() const {
  return {static_cast<int16_t>(integer >> 16), static_cast<uint8_t>((integer >> 8) & 0xff),
          static_cast<uint8_t>(integer & 0xff)};
}

Cell Cell::FromValue(const Value& value) {
  Cell list;
  list.kind = Kind::kList;
  switch (value.kind()) {
    case Value::Kind::kAbsent:
      return {};
    case Value::Kind::kText:
      return String(value.text());
    case Value::Kind::kInteger:
      return Int(value.integer());
    case Value::Kind::kReal:
      return Double(value.real());
    case Value::Kind::kBoolean:
      return Bool(value.boolean());
    case Value::Kind::kTime:
      return Time(Kind::kTimestamp, FromMicroseconds(value.micros()));
    case Value::Kind::kDuration:
      return Time(Kind::kDuration, FromMicroseconds(value.micros()));
    case Value::Kind::kDate:
      return Whole(Kind::kDate, value.integer());
    case Value::Kind::kMoney:
      return OfMoney(value.money());
    case Value::Kind::kTextList:
      list.items = Items::kTexts;
      list.texts = value.texts().data();
      list.size = value.texts().size();
      return list;
    case Value::Kind::kRecordList:
      list.items = Items::kRecords;
      list.records = value.records().data();
      list.size = value.records().size();
      return list;
  }
  return {};
}

Cell Cell::item(size_t index) const {
  switch (items) {
    case Items::kTexts:
      return String(texts[index]);
    case Items::kRecords:
      return OneRecord(records + index);
    case Items::kCells:
      break;
  }
  return cells[index];
}

std::optional<std::strong_ordering> CompareNumbers(const Cell& a, const Cell& b) {
  if (a.kind == Kind::kInt && b.kind == Kind::kInt) return a.integer <=> b.integer;
  if (a.kind == Kind::kInt) return CompareIntReal(a.integer, b.real);
  if (b.kind == Kind::kDouble) return CompareReals(a.real, b.real);
  const std::optional<std::strong_ordering> reversed = CompareIntReal(b.integer, a.real);
  if (!reversed) return std::nullopt;
  return 0 <=> *reversed;
}

Order Compare(const Cell& a, const Cell& b, Currency model) {
  if (a.kind == Kind::kMoney && b.kind == Kind::kMoney) return CompareMoneys(a.money(), b.money());
  if (a.kind == Kind::kMoney) return CompareMoneyNumber(a.money(), b, model);
  if (b.kind == Kind::kMoney) return Reversed(CompareMoneyNumber(b.money(), a, model));
  switch (a.kind) {
    case Kind::kInt:
    case Kind::kDouble:
      return {CompareNumbers(a, b)};
    case Kind::kString:
      return {a.string() <=> b.string()};
    case Kind::kDate:
      return CompareDates(a.date(), b.date());
    case Kind::kTimestamp:
    case Kind::kDuration:
      if (a.integer != b.integer) return {a.integer <=> b.integer};
      return {a.nanos <=> b.nanos};
    default:
      return {a.integer <=> b.integer};  // bool and null
  }
}

}  // namespace leadcore::expression_internal
