// SPDX-License-Identifier: Apache-2.0
//
// Numbers, times, texts and lists under + - * / %.
#include <algorithm>
#include <limits>
#include <string>

#include "expression/evaluator.h"

namespace leadcore::expression_internal {

Cell Evaluator::Arithmetic(const Node& node) {
  const Cell a = Child(node, 0);
  if (node.op == Op::kNegate) {
    if (a.undetermined()) return {};
    if (a.kind == Kind::kDouble) return Cell::Double(-a.real);
    if (a.kind == Kind::kDuration) return Times(Op::kSubtract, Cell::Time(Kind::kDuration, {}), a);
    return Whole(Op::kSubtract, 0, a.integer);
  }
  const Cell b = Child(node, 1);
  if (a.undetermined() || b.undetermined()) return {};
  switch (a.kind) {
    case Kind::kInt:
      return Whole(node.op, a.integer, b.integer);
    case Kind::kString:
    case Kind::kList:
      return Joined(a, b);
    case Kind::kTimestamp:
    case Kind::kDuration:
      return Times(node.op, a, b);
    default:
      break;
  }
  switch (node.op) {
    case Op::kAdd:
      return Cell::Double(a.real + b.real);
    case Op::kSubtract:
      return Cell::Double(a.real - b.real);
    case Op::kMultiply:
      return Cell::Double(a.real * b.real);
    default:
      return Cell::Double(a.real / b.real);
  }
}

Cell Evaluator::Whole(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    default:
      if (b == 0) return Fail(Reason::Why::kDivision);
      overflow = b == -1 && a == std::numeric_limits<int64_t>::min();
      if (!overflow) result = op == Op::kDivide ? a / b : a % b;
      break;
  }
  return overflow ? Fail(Reason::Why::kOverflow) : Cell::Int(result);
}

Cell Evaluator::Times(Op op, const Cell& a, const Cell& b) {
  const bool add = op == Op::kAdd;
  const __int128 nanoseconds = add ? Nanoseconds(a.moment()) + Nanoseconds(b.moment())
                                   : Nanoseconds(a.moment()) - Nanoseconds(b.moment());
  const int slope = add ? a.slope + b.slope : a.slope - b.slope;
  // One point makes a point, two or none make a length.
  const bool point = (a.kind == Kind::kTimestamp) != (b.kind == Kind::kTimestamp);
  const Moment moment = FromNanoseconds(nanoseconds);
  // What moves with now is bounded where it is used, so that its bounds do not move.
  if (slope == 0 && !(point ? IsPoint(moment) : IsLength(moment))) return Fail(Reason::Why::kTime);
  return Cell::Time(point ? Kind::kTimestamp : Kind::kDuration, moment, slope);
}

Cell Evaluator::Joined(const Cell& a, const Cell& b) {
  if (!Charge(1 + (a.size + b.size) / 16)) return {};
  if (a.kind == Kind::kString) {
    std::string text(a.string());
    text += b.string();
    return Cell::String(Keep(std::move(text)));
  }
  if (!Charge(a.size + b.size)) return {};
  Cell* cells = NewCells(a.size + b.size);
  for (size_t i = 0; i < a.size; ++i) cells[i] = a.item(i);
  for (size_t i = 0; i < b.size; ++i) cells[a.size + i] = b.item(i);
  return Cell::List({cells, a.size + b.size});
}

}  // namespace leadcore::expression_internal
