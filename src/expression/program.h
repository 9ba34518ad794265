// SPDX-License-Identifier: Apache-2.0
//
// The compiled form: a tree in one array. It names fields by id, constants, patterns, zones and
// series of activities by index, and knows nothing else of a lead.
#ifndef LEADCORE_SRC_EXPRESSION_PROGRAM_H_
#define LEADCORE_SRC_EXPRESSION_PROGRAM_H_

#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "expression/cell.h"
#include "leadcore/expression.h"

namespace leadcore::expression_internal {

enum class Op : uint8_t {
  kConstant,     // index: constant
  kField,        // index: field; absent is undetermined
  kListField,    // index: field; absent is an empty list
  kVariable,     // index: slot of a loop variable
  kMember,       // child: record; index: member, name: Program::names
  kHas,          // index: field
  kHasMember,    // child: record; index: member
  kNow,          //
  kAnd,          // children
  kOr,           // children
  kNot,          // child
  kConditional,  // three children
  kEqual,        // the six comparisons: two children
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,   // item, list
  kAdd,  // arithmetic: two children
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kNegate,  // child
  kItem,    // list, index
  kList,    // children
  kAll,     // list, condition; index: slot
  kExists,
  kFilter,
  kCall,   // children; function
  kCount,  // index: series; hours
  kSum,    // index: series; hours; name: place of the summed attribute
  kLast,   // index: series
};

enum class Function : uint8_t {
  kNone,
  kSize,
  kStartsWith,
  kEndsWith,
  kContains,
  kMatches,  // index: pattern
  kLowerAscii,
  kUpperAscii,
  kTrim,
  kToInt,
  kToDouble,
  kToString,
  kToBool,
  kToTimestamp,  // of a date: index: zone
  kToDuration,
  kToDate,    // index: zone
  kLengthOf,  // child: int; index: seconds of the unit
  kTimePart,  // index: zone; part
};

struct Node {
  Op op = Op::kConstant;
  Function function = Function::kNone;
  TimePart part = TimePart::kFullYear;
  uint16_t child_count = 0;
  uint32_t first_child = 0;  // in Program::children
  uint32_t index = 0;
  uint32_t name = 0;
  int32_t hours = 0;  // kCount, kSum: length of the window; 0: since ever
};

inline constexpr uint32_t kNoZone = 0xffffffff;

struct Program {
  std::vector<Node> nodes;
  std::vector<uint32_t> children;
  uint32_t root = 0;
  uint32_t slots = 0;  // loop variables alive at one time, at most
  Currency currency;

  std::vector<Cell> constants;
  std::deque<std::string> texts;        // what constants point into
  std::deque<std::vector<Cell>> lists;  // likewise
  std::vector<std::unique_ptr<RE2>> patterns;
  std::vector<absl::TimeZone> zones;
  std::vector<std::string> names;  // "lead.country": what to call what may be missing

  // The fields it reads, ascending, and for each its place in `names`.
  std::vector<FieldId> fields;
  std::vector<uint32_t> field_names;

  const Node& child(const Node& node, size_t place) const {
    return nodes[children[node.first_child + place]];
  }
  const Cell& constant(const Node& node) const { return constants[node.index]; }
  // Copies what `cell` points to into the program.
  Cell Keep(const Cell& cell);
};

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_PROGRAM_H_
