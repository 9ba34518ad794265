// SPDX-License-Identifier: Apache-2.0
#include "expression/evaluator.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text.h"

namespace leadcore::expression_internal {
namespace {

// Bounds the time of one evaluation: loops within loops over long lists end undetermined. One step
// is some ten nanoseconds.
constexpr size_t kMostSteps = size_t{1} << 20;
constexpr size_t kMostReasons = 64;

std::optional<int64_t> Earlier(std::optional<int64_t> a, std::optional<int64_t> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

bool Holds(Op op, std::strong_ordering order) {
  switch (op) {
    case Op::kEqual:
      return order == 0;
    case Op::kNotEqual:
      return order != 0;
    case Op::kLess:
      return order < 0;
    case Op::kLessEqual:
      return order <= 0;
    case Op::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

}  // namespace

std::string Describe(const Reason& reason, const Program& program) {
  const auto name = [&] {
    return reason.name < program.names.size() ? std::string_view(program.names[reason.name])
                                              : std::string_view("a value");
  };
  switch (reason.why) {
    case Reason::Why::kMissing:
      return Cat(name(), " is missing");
    case Reason::Why::kNoActivity:
      return Cat("there is no ", name(), " yet");
    case Reason::Why::kDivision:
      return "division by zero";
    case Reason::Why::kOverflow:
      return "the number is too large";
    case Reason::Why::kConversion:
      return "the value cannot be converted";
    case Reason::Why::kIndex:
      return "the list has no such item";
    case Reason::Why::kCurrency:
      return "the amount is in another currency";
    case Reason::Why::kYear:
      return "the year of the date is not known";
    case Reason::Why::kTime:
      return "the time is out of range";
    case Reason::Why::kNow:
      return "now is not in the years 1 to 9999";
    case Reason::Why::kSteps:
      return "it takes too many steps";
  }
  return {};
}

Evaluator::Evaluator(const Program& program, LeadView view, std::optional<int64_t> now)
    : program_(program), view_(view), now_(now), slots_(program.slots) {}

Cell Evaluator::Run(const Node& node) {
  const Cell result = Settled(Eval(node));
  return exhausted_ ? Cell() : result;
}

Cell Evaluator::Fail(Reason::Why why, uint32_t name) {
  const auto same = [&](const Reason& reason) { return reason.why == why && reason.name == name; };
  if (reasons_.size() < kMostReasons && std::none_of(reasons_.begin(), reasons_.end(), same)) {
    reasons_.push_back({why, name});
  }
  return {};
}

bool Evaluator::Charge(size_t steps) {
  steps_ += steps;
  if (steps_ <= kMostSteps) return true;
  if (!exhausted_) {
    exhausted_ = true;
    reasons_.clear();  // whatever else was missing, this is why
    Fail(Reason::Why::kSteps);
  }
  return false;
}

std::string_view Evaluator::Keep(std::string text) {
  Charge(1 + text.size() / 16);
  texts_.push_back(std::make_unique<std::string>(std::move(text)));
  return *texts_.back();
}

Cell* Evaluator::NewCells(size_t count) {
  lists_.push_back(std::make_unique<Cell[]>(count));
  return lists_.back().get();
}

Cell Evaluator::Eval(const Node& node) {
  if (!Charge(1)) return {};
  switch (node.op) {
    case Op::kConstant:
      return program_.constants[node.index];
    case Op::kField:
    case Op::kListField:
      return Field(node);
    case Op::kAnd:
      return Logical(node, false);
    case Op::kOr:
      return Logical(node, true);
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return Comparison(node);
    case Op::kIn:
      return Contains(node);
    case Op::kCall:
      return Call(node);
    case Op::kCount:
    case Op::kSum:
      return Activities(node);
    default:
      return EvalRest(node);
  }
}

Cell Evaluator::EvalRest(const Node& node) {
  switch (node.op) {
    case Op::kVariable:
      return slots_[node.index];
    case Op::kMember:
    case Op::kHasMember:
      return Member(node);
    case Op::kHas:
      return Cell::Bool(node.index < view_.values.size() && !view_.values[node.index].absent());
    case Op::kNow:
      if (!now_) return Fail(Reason::Why::kNow);
      return Cell::Time(Kind::kTimestamp, FromMicroseconds(*now_), 1);
    case Op::kNot: {
      const Cell operand = Child(node, 0);
      return operand.undetermined() ? operand : Cell::Bool(!operand.truth());
    }
    case Op::kConditional: {
      const Cell condition = Child(node, 0);
      if (condition.undetermined()) return condition;
      return Child(node, condition.truth() ? 1 : 2);
    }
    case Op::kItem:
      return Item(node);
    case Op::kList:
      return List(node);
    case Op::kAll:
    case Op::kExists:
      return Loop(node);
    case Op::kFilter:
      return Filter(node);
    case Op::kLast:
      return Last(node);
    default:
      return Arithmetic(node);
  }
}

Cell Evaluator::Field(const Node& node) {
  // A row of another schema may be shorter: what it lacks is absent.
  const bool there = node.index < view_.values.size() && !view_.values[node.index].absent();
  if (there) return Cell::FromValue(view_.values[node.index]);
  if (node.op == Op::kListField) return Cell::List({});
  return Fail(Reason::Why::kMissing, node.name);
}

Cell Evaluator::Member(const Node& node) {
  const Cell record = Child(node, 0);
  if (record.undetermined()) return record;
  const Record& members = *record.records;
  const bool there = node.index < members.size() && members[node.index].has_value();
  if (node.op == Op::kHasMember) return Cell::Bool(there);
  return there ? Cell::String(*members[node.index]) : Fail(Reason::Why::kMissing, node.name);
}

// Kleene's && (absorbing false) and || (absorbing true). One absorbing operand settles the result
// for as long as it stays so, whatever the others do.
Cell Evaluator::Logical(const Node& node, bool absorbing) {
  const size_t reasons = reasons_.size();
  const std::optional<int64_t> outer = std::exchange(until_, std::nullopt);
  std::optional<int64_t> all = outer;
  bool undetermined = false;
  for (size_t i = 0; i < node.child_count; ++i) {
    until_.reset();
    const Cell operand = Child(node, i);
    if (operand.undetermined()) {
      undetermined = true;
    } else if (operand.truth() == absorbing) {
      if (!exhausted_) reasons_.resize(reasons);
      until_ = Earlier(outer, until_);
      return operand;
    }
    all = Earlier(all, until_);
  }
  until_ = all;
  return undetermined ? Cell() : Cell::Bool(!absorbing);
}

// all and exists are && and || over the items.
Cell Evaluator::Loop(const Node& node) {
  const bool absorbing = node.op == Op::kExists;
  const Cell list = Child(node, 0);
  if (list.undetermined()) return list;
  const size_t reasons = reasons_.size();
  const std::optional<int64_t> outer = until_;
  std::optional<int64_t> all = outer;
  bool undetermined = false;
  for (size_t i = 0; i < list.size && !exhausted_; ++i) {
    until_.reset();
    slots_[node.index] = list.item(i);
    const Cell holds = Child(node, 1);
    if (holds.undetermined()) {
      undetermined = true;
    } else if (holds.truth() == absorbing) {
      if (!exhausted_) reasons_.resize(reasons);
      until_ = Earlier(outer, until_);
      return holds;
    }
    all = Earlier(all, until_);
  }
  until_ = all;
  return undetermined || exhausted_ ? Cell() : Cell::Bool(!absorbing);
}

Cell Evaluator::Filter(const Node& node) {
  const Cell list = Child(node, 0);
  if (list.undetermined()) return list;
  if (!Charge(list.size)) return {};
  std::vector<Cell> kept;
  for (size_t i = 0; i < list.size; ++i) {
    slots_[node.index] = list.item(i);
    const Cell holds = Child(node, 1);
    if (holds.undetermined()) return holds;
    if (holds.truth()) kept.push_back(slots_[node.index]);
  }
  Cell* cells = NewCells(kept.size());
  std::copy(kept.begin(), kept.end(), cells);
  return Cell::List({cells, kept.size()});
}

Cell Evaluator::List(const Node& node) {
  if (!Charge(node.child_count)) return {};
  Cell* cells = NewCells(node.child_count);
  for (size_t i = 0; i < node.child_count; ++i) {
    cells[i] = Settled(Child(node, i));
    if (cells[i].undetermined()) return {};
  }
  return Cell::List({cells, node.child_count});
}

Cell Evaluator::Item(const Node& node) {
  const Cell list = Child(node, 0);
  const Cell index = Child(node, 1);
  if (list.undetermined() || index.undetermined()) return {};
  if (index.integer < 0 || static_cast<uint64_t>(index.integer) >= list.size) {
    return Fail(Reason::Why::kIndex);
  }
  return list.item(static_cast<size_t>(index.integer));
}

// ---- Comparisons

Cell Evaluator::Comparison(const Node& node) {
  const Cell a = Child(node, 0);
  const Cell b = Child(node, 1);
  if (a.undetermined() || b.undetermined()) return {};
  if (a.kind == Kind::kList) {
    bool undetermined = false;
    const bool equal = Equal(a, b, &undetermined);
    if (undetermined) return {};
    return Cell::Bool(equal == (node.op == Op::kEqual));
  }
  if (a.slope != b.slope) NoteChange(node.op, a, b);
  if (a.kind == Kind::kString && !Charge((a.size + b.size) / 64)) return {};
  const Order order = Compare(a, b, program_.currency);
  if (order.undetermined) return Unordered(a);
  if (!order.order) return Cell::Bool(node.op == Op::kNotEqual);  // NaN
  return Cell::Bool(Holds(node.op, *order.order));
}

Cell Evaluator::Unordered(const Cell& cell) {
  return Fail(cell.kind == Kind::kDate ? Reason::Why::kYear : Reason::Why::kCurrency);
}

bool Evaluator::Equal(const Cell& a, const Cell& b, bool* undetermined) {
  if (!Charge(1)) {
    *undetermined = true;
    return false;
  }
  if (a.kind != Kind::kList) {
    if (a.kind == Kind::kString && a.size != b.size) return false;
    if (a.kind == Kind::kString) Charge(a.size / 64);
    const Order order = Compare(a, b, program_.currency);
    if (order.undetermined) {
      *undetermined = true;
      Unordered(a);
    }
    return order.order && *order.order == 0;
  }
  if (a.size != b.size) return false;
  const size_t reasons = reasons_.size();
  bool open = false;
  for (size_t i = 0; i < a.size; ++i) {
    bool unknown = false;
    if (!Equal(a.item(i), b.item(i), &unknown) && !unknown) {
      if (!exhausted_) reasons_.resize(reasons);  // one difference is enough
      return false;
    }
    open |= unknown;
  }
  *undetermined = open;
  return !open;
}

Cell Evaluator::Contains(const Node& node) {
  const Cell item = Settled(Child(node, 0));
  const Cell list = Child(node, 1);
  if (item.undetermined() || list.undetermined()) return {};
  const size_t reasons = reasons_.size();
  bool open = false;
  for (size_t i = 0; i < list.size; ++i) {
    bool unknown = false;
    if (Equal(item, list.item(i), &unknown)) {
      if (!exhausted_) reasons_.resize(reasons);
      return Cell::Bool(true);
    }
    open |= unknown;
  }
  return open ? Cell() : Cell::Bool(false);
}

// ---- Moments of change

// `a` and `b` lie on lines over now; the result changes where the sign of their difference does.
void Evaluator::NoteChange(Op op, const Cell& a, const Cell& b) {
  const __int128 difference = Nanoseconds(a.moment()) - Nanoseconds(b.moment());
  const __int128 slope = static_cast<__int128>(a.slope - b.slope) * 1000;  // per microsecond
  const auto order_at = [&](__int128 ahead) { return difference + slope * ahead <=> __int128{0}; };
  const bool holds = Holds(op, order_at(0));
  __int128 ahead = 0;
  for (int change = 0; change < 2; ++change) {
    const std::strong_ordering order = order_at(ahead);
    if (order == 0) {
      ++ahead;
    } else {
      if ((order < 0) == (slope < 0)) return;  // moving away from each other
      const __int128 distance = difference < 0 ? -difference : difference;
      const __int128 speed = slope < 0 ? -slope : slope;
      ahead = (distance + speed - 1) / speed;
    }
    if (Holds(op, order_at(ahead)) == holds) continue;
    const __int128 moment = *now_ + ahead;
    if (moment <= std::numeric_limits<int64_t>::max()) NoteUntil(static_cast<int64_t>(moment));
    return;
  }
}

void Evaluator::NoteUntil(int64_t micros) { until_ = Earlier(until_, micros); }

// What moves with now may be used in any way only where nobody asks when the result changes; a
// moment later is the honest answer then.
Cell Evaluator::Settled(Cell cell) {
  if (cell.slope == 0 || cell.undetermined()) return cell;
  cell.slope = 0;
  NoteUntil(*now_ + 1);
  const bool in_range =
      cell.kind == Kind::kTimestamp ? IsPoint(cell.moment()) : IsLength(cell.moment());
  return in_range ? cell : Fail(Reason::Why::kTime);
}

}  // namespace leadcore::expression_internal
