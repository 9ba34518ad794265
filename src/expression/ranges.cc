// SPDX-License-Identifier: Apache-2.0
#include "expression/ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace leadcore::expression_internal {
namespace {

int64_t FloorMicros(Moment moment) {
  const __int128 nanoseconds = Nanoseconds(moment);
  const __int128 micros = nanoseconds / 1000 - (nanoseconds % 1000 < 0 ? 1 : 0);
  return static_cast<int64_t>(micros);
}

// The amount in minor units, a unit lower or higher where it is not whole.
std::optional<Value> ToMoney(const Cell& cell, Currency currency, int outward) {
  __int128 scale = 1;
  for (int digits = MinorDigits(currency); digits > 0; --digits) scale *= 10;
  __int128 minor = 0;
  if (cell.kind == Kind::kInt) {
    minor = cell.integer * scale;
  } else {
    const double exact = cell.real * static_cast<double>(scale);
    if (!(std::fabs(exact) < 9e15)) return std::nullopt;
    minor = static_cast<int64_t>(exact) + 2 * outward;  // wider than any rounding
  }
  if (minor > std::numeric_limits<int64_t>::max() || minor < std::numeric_limits<int64_t>::min()) {
    return std::nullopt;
  }
  return Value::OfMoney({static_cast<int64_t>(minor), currency});
}

// The constant as the field stores it; nullopt when it cannot bound it. `outward` is -1 for a lower
// bound and +1 for an upper one: where the two differ in precision the bound gives way.
std::optional<Value> ToValue(const Cell& cell, const Field& field, Currency currency, int outward) {
  switch (field.type) {
    case Type::kText:
    case Type::kChoice:
      return cell.kind == Kind::kString ? std::optional(Value::Text(cell.string())) : std::nullopt;
    case Type::kInteger:
    case Type::kReal:
      if (cell.kind == Kind::kInt) return Value::Integer(cell.integer);
      if (cell.kind != Kind::kDouble || std::isnan(cell.real)) return std::nullopt;
      return Value::Real(cell.real);
    case Type::kBoolean:
      return Value::Boolean(cell.truth());
    case Type::kTime:
      return Value::Time(FloorMicros(cell.moment()));
    case Type::kDuration:
      return Value::Duration(FloorMicros(cell.moment()));
    case Type::kDate:
      return Value::OfDate(cell.date());
    case Type::kMoney:
      if (cell.kind == Kind::kMoney) return std::nullopt;
      return ToMoney(cell, currency, outward);
    case Type::kRecord:
      break;
  }
  return std::nullopt;
}

Op Mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

class Collector {
 public:
  Collector(const Program& program, const Schema& schema) : program_(program), schema_(schema) {}

  std::vector<Expression::Range> Run() {
    const Node& root = program_.nodes[program_.root];
    if (root.op != Op::kAnd) Visit(root);
    for (size_t i = 0; root.op == Op::kAnd && i < root.child_count; ++i) {
      Visit(program_.child(root, i));
    }
    return std::move(ranges_);
  }

 private:
  void Visit(const Node& node) {
    switch (node.op) {
      case Op::kAnd:
        for (size_t i = 0; i < node.child_count; ++i) Visit(program_.child(node, i));
        return;
      case Op::kField:
        return Bound(node, Value::Boolean(true), Value::Boolean(true));
      case Op::kNot:
        if (program_.child(node, 0).op != Op::kField) return;
        return Bound(program_.child(node, 0), Value::Boolean(false), Value::Boolean(false));
      case Op::kIn:
        return VisitIn(node);
      case Op::kCall:
        if (node.function == Function::kStartsWith) VisitPrefix(node);
        return;
      default:
        return VisitComparison(node);
    }
  }

  void VisitComparison(const Node& node) {
    if (node.op < Op::kEqual || node.op > Op::kGreaterEqual || node.op == Op::kNotEqual) return;
    const Node* field = &program_.child(node, 0);
    const Node* constant = &program_.child(node, 1);
    Op op = node.op;
    if (field->op == Op::kConstant) {
      std::swap(field, constant);
      op = Mirrored(op);
    }
    if (field->op != Op::kField || constant->op != Op::kConstant) return;
    const Cell& cell = program_.constant(*constant);
    if (cell.undetermined() || cell.kind == Kind::kList || cell.kind == Kind::kNull) return;
    const Field& row = schema_.at(static_cast<FieldId>(field->index));
    const bool from = op == Op::kEqual || op == Op::kGreater || op == Op::kGreaterEqual;
    const bool to = op == Op::kEqual || op == Op::kLess || op == Op::kLessEqual;
    const std::optional<Value> low =
        from ? ToValue(cell, row, program_.currency, -1) : std::nullopt;
    const std::optional<Value> high = to ? ToValue(cell, row, program_.currency, 1) : std::nullopt;
    if (low || high) Bound(*field, low.value_or(Value()), high.value_or(Value()));
  }

  // Between the least and the greatest of the list.
  void VisitIn(const Node& node) {
    const Node& field = program_.child(node, 0);
    const Node& list = program_.child(node, 1);
    if (field.op != Op::kField || list.op != Op::kConstant) return;
    const Cell& items = program_.constant(list);
    const Field& row = schema_.at(static_cast<FieldId>(field.index));
    Value least;
    Value greatest;
    for (size_t i = 0; i < items.size; ++i) {
      const std::optional<Value> low = ToValue(items.item(i), row, program_.currency, -1);
      const std::optional<Value> high = ToValue(items.item(i), row, program_.currency, 1);
      if (!low || !high) return;
      if (least.absent() || CompareValues(*low, least) < 0) least = *low;
      if (greatest.absent() || CompareValues(*high, greatest) > 0) greatest = *high;
    }
    if (!least.absent()) Bound(field, least, greatest);
  }

  void VisitPrefix(const Node& node) {
    const Node& field = program_.child(node, 0);
    const Node& prefix = program_.child(node, 1);
    if (field.op != Op::kField || prefix.op != Op::kConstant) return;
    Expression::Range range;
    range.field = static_cast<FieldId>(field.index);
    range.low = Value::Text(program_.constant(prefix).string());
    range.prefix = true;
    ranges_.push_back(range);
  }

  // One range a field: later bounds narrow it.
  void Bound(const Node& field, const Value& low, const Value& high) {
    const auto id = static_cast<FieldId>(field.index);
    auto range = std::find_if(ranges_.begin(), ranges_.end(), [id](const Expression::Range& r) {
      return r.field == id && !r.prefix;
    });
    if (range == ranges_.end()) {
      ranges_.push_back({id, low, high, false});
      return;
    }
    if (range->low.absent() || (!low.absent() && CompareValues(low, range->low) > 0)) {
      range->low = low;
    }
    if (range->high.absent() || (!high.absent() && CompareValues(high, range->high) < 0)) {
      range->high = high;
    }
  }

  const Program& program_;
  const Schema& schema_;
  std::vector<Expression::Range> ranges_;
};

}  // namespace

std::vector<Expression::Range> RangesOf(const Program& program, const Schema& schema) {
  return Collector(program, schema).Run();
}

}  // namespace leadcore::expression_internal
