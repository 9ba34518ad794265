// SPDX-License-Identifier: Apache-2.0
//
// Cell: one value while an expression runs. Owns nothing.
#ifndef LEADCORE_SRC_EXPRESSION_CELL_H_
#define LEADCORE_SRC_EXPRESSION_CELL_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "expression/moment.h"
#include "leadcore/lead.h"
#include "leadcore/value.h"

namespace leadcore::expression_internal {

// What a cell can be: the types of the language, a record (only between a list of records and its
// members), and the undetermined.
enum class Kind : uint8_t {
  kUndetermined,
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
  kRecord,
  kAny,  // checker only: element of an empty list, or of something already found wrong
};

struct Cell {
  enum class Items : uint8_t { kCells, kTexts, kRecords };

  Kind kind = Kind::kUndetermined;
  Items items = Items::kCells;  // kList
  // kTimestamp, kDuration: by how much it grows when `now` grows by one.
  int16_t slope = 0;
  int32_t nanos = 0;  // kTimestamp, kDuration; kMoney: the three letters of the currency
  union {
    int64_t integer = 0;  // kBool, kInt, kDate (as in Value); seconds; minor units
    double real;
    const char* text;
    const Cell* cells;
    const std::string* texts;
    const Record* records;  // kRecord: one
  };
  size_t size = 0;  // kString: bytes; kList: items

  static Cell Bool(bool value) { return Whole(Kind::kBool, value ? 1 : 0); }
  static Cell Int(int64_t value) { return Whole(Kind::kInt, value); }
  static Cell Null() { return Whole(Kind::kNull, 0); }
  static Cell Double(double value) {
    Cell cell;
    cell.kind = Kind::kDouble;
    cell.real = value;
    return cell;
  }
  static Cell String(std::string_view text) {
    Cell cell;
    cell.kind = Kind::kString;
    cell.text = text.data();
    cell.size = text.size();
    return cell;
  }
  static Cell Time(Kind kind, Moment moment, int slope = 0) {
    Cell cell = Whole(kind, moment.seconds);
    cell.nanos = moment.nanos;
    cell.slope = static_cast<int16_t>(slope);
    return cell;
  }
  static Cell OfDate(Date date);
  static Cell OfMoney(Money money);
  static Cell List(std::span<const Cell> cells) {
    Cell cell;
    cell.kind = Kind::kList;
    cell.cells = cells.data();
    cell.size = cells.size();
    return cell;
  }
  static Cell OneRecord(const Record* record) {
    Cell cell;
    cell.kind = Kind::kRecord;
    cell.records = record;
    return cell;
  }
  // An absent value gives an undetermined cell.
  static Cell FromValue(const Value& value);

  bool undetermined() const { return kind == Kind::kUndetermined; }
  bool truth() const { return integer != 0; }  // kBool
  std::string_view string() const { return {text, size}; }
  Moment moment() const { return {integer, nanos}; }
  Money money() const;
  Date date() const;
  Cell item(size_t index) const;  // kList

 private:
  static Cell Whole(Kind kind, int64_t value) {
    Cell cell;
    cell.kind = kind;
    cell.integer = value;
    return cell;
  }
};

// Exact, whatever the size of the numbers. nullopt beside NaN.
std::optional<std::strong_ordering> CompareNumbers(const Cell& a, const Cell& b);

// How two cells that the checker found comparable are ordered. nullopt with `undetermined` set:
// another currency, or a date without its year beside one with it; without it: NaN, unequal to
// everything. `model` is the currency of plain numbers beside money. Lists are not ordered.
struct Order {
  std::optional<std::strong_ordering> order;
  bool undetermined = false;
};
Order Compare(const Cell& a, const Cell& b, Currency model);

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_CELL_H_
