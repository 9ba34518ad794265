// SPDX-License-Identifier: Apache-2.0
//
// The types of comparisons and arithmetic, and the few conversions that happen by themselves: an
// int constant beside a double, a text constant beside a date.
#include <algorithm>
#include <optional>

#include "expression/checker.h"

namespace leadcore::expression_internal {
namespace {

std::optional<Op> ComparisonOf(std::string_view sign) {
  if (sign == "==") return Op::kEqual;
  if (sign == "!=") return Op::kNotEqual;
  if (sign == "<") return Op::kLess;
  if (sign == "<=") return Op::kLessEqual;
  if (sign == ">") return Op::kGreater;
  if (sign == ">=") return Op::kGreaterEqual;
  return std::nullopt;
}

Op ArithmeticOf(std::string_view sign) {
  if (sign == "+") return Op::kAdd;
  if (sign == "-") return Op::kSubtract;
  if (sign == "*") return Op::kMultiply;
  return sign == "/" ? Op::kDivide : Op::kModulo;
}

bool IsNumber(Kind kind) { return kind == Kind::kInt || kind == Kind::kDouble; }

// Can a cell of the one type be equal to one of the other?
bool Comparable(StaticType a, StaticType b) {
  if (a.depth != b.depth) {
    const StaticType& flat = a.depth < b.depth ? a : b;
    return flat.kind == Kind::kAny;
  }
  if (a.kind == Kind::kRecord || b.kind == Kind::kRecord) return false;
  if (a.kind == Kind::kAny || b.kind == Kind::kAny || a.kind == b.kind) return true;
  if (IsNumber(a.kind) && IsNumber(b.kind)) return true;
  return (a.kind == Kind::kMoney && IsNumber(b.kind)) ||
         (b.kind == Kind::kMoney && IsNumber(a.kind));
}

bool Ordered(StaticType type) {
  return !type.list() && type.kind != Kind::kNull && type.kind != Kind::kRecord;
}

// The type of a + b and so on, for operands that are neither any nor to be promoted.
std::optional<StaticType> ResultOf(Op op, StaticType a, StaticType b) {
  if (a.list() || b.list()) return std::nullopt;
  const bool same = a.kind == b.kind;
  const bool number = IsNumber(a.kind);
  switch (op) {
    case Op::kAdd:
      if (same && (number || a.kind == Kind::kString || a.kind == Kind::kDuration)) return a;
      if (a.time() && b.time() && !same) return StaticType{Kind::kTimestamp};
      return std::nullopt;
    case Op::kSubtract:
      if (same && number) return a;
      if (a.time() && b.Is(Kind::kDuration)) return a;
      if (a.Is(Kind::kTimestamp) && same) return StaticType{Kind::kDuration};
      return std::nullopt;
    case Op::kModulo:
      if (same && a.kind == Kind::kInt) return a;
      return std::nullopt;
    default:
      if (same && number) return a;
      return std::nullopt;
  }
}

}  // namespace

Operand Checker::CheckBinary(const SyntaxNode& node) {
  if (node.text == "in") return CheckIn(node);
  if (const std::optional<Op> op = ComparisonOf(node.text)) return CheckComparison(node, *op);
  return CheckArithmetic(node, ArithmeticOf(node.text));
}

// ---- Comparisons

Operand Checker::CheckComparison(const SyntaxNode& node, Op op) {
  Operand operands[] = {Check(node.children[0]), Check(node.children[1])};
  Operand& a = operands[0];
  Operand& b = operands[1];
  if (a.type.kind == Kind::kDate && !ToDates(&b, node.children[1])) return Wrong(node.offset);
  if (b.type.kind == Kind::kDate && !ToDates(&a, node.children[0])) return Wrong(node.offset);
  if (!Comparable(a.type, b.type)) return ComparisonMismatch(node, a, b);
  const bool equality = op == Op::kEqual || op == Op::kNotEqual;
  if (!equality && (!Ordered(a.type) || !Ordered(b.type))) {
    return Fail(node.name_offset, "'", node.text, "' cannot order ", Named(a.type));
  }
  if (equality) {
    CheckChoice(a.field, node.children[1]);
    CheckChoice(b.field, node.children[0]);
  }
  Node out;
  out.op = op;
  return Emit(out, {Kind::kBool}, node.offset, operands);
}

Operand Checker::ComparisonMismatch(const SyntaxNode& node, const Operand& a, const Operand& b) {
  const auto either = [&](Kind kind) { return a.type.Is(kind) || b.type.Is(kind); };
  std::string hint;
  if (either(Kind::kNull)) {
    hint = "; has(FIELD) asks whether a field has a value";
  } else if (either(Kind::kDate) && either(Kind::kTimestamp)) {
    hint = "; timestamp(DATE) is the start of that day in UTC";
  } else if (either(Kind::kString) && either(Kind::kTimestamp)) {
    hint = "; a time is written timestamp(\"2026-11-23T09:30:00Z\")";
  } else if (either(Kind::kString) && either(Kind::kDuration)) {
    hint = "; a length of time is written days(7) or duration(\"90s\")";
  } else if (either(Kind::kDuration) && (either(Kind::kInt) || either(Kind::kDouble))) {
    hint = "; a length of time is written days(7), hours(2) …";
  } else if (a.type.list() != b.type.list()) {
    hint = "; 'in' asks whether a list holds a value";
  }
  return Fail(node.name_offset, "'", node.text, "' cannot compare ", Named(a.type), " with ",
              Named(b.type), hint);
}

Operand Checker::CheckIn(const SyntaxNode& node) {
  Operand operands[] = {CheckStill(node.children[0]), Check(node.children[1])};
  Operand& item = operands[0];
  Operand& list = operands[1];
  if (item.type.any() || list.type.any()) return Wrong(node.offset);
  if (!list.type.list()) {
    return Fail(node.name_offset, "'in' needs a list on its right, found ", Named(list.type),
                list.type.Is(Kind::kString) ? "; a part of a text is found with contains" : "");
  }
  if (item.type.kind == Kind::kDate && !ToDates(&list, node.children[1])) {
    return Wrong(node.offset);
  }
  if (!Comparable(item.type, list.type.item())) {
    return Fail(node.name_offset, Named(item.type), " is never in ", Named(list.type));
  }
  if (syntax_[node.children[1]].kind == SyntaxKind::kList) {
    for (SyntaxId literal : syntax_[node.children[1]].children) CheckChoice(item.field, literal);
  }
  Node out;
  out.op = Op::kIn;
  return Emit(out, {Kind::kBool}, node.offset, operands);
}

// A choice compared with a text that it never is.
void Checker::CheckChoice(const Field* field, SyntaxId literal) {
  const SyntaxNode& node = syntax_[literal];
  if (field == nullptr || field->type != Type::kChoice || node.kind != SyntaxKind::kText) return;
  const std::vector<std::string_view> choices = scope_.schema->Choices(field->id);
  if (choices.empty() || std::find(choices.begin(), choices.end(), node.value) != choices.end()) {
    return;
  }
  const std::string_view closest = ClosestName(node.value, choices.data(), choices.size());
  if (!closest.empty()) {
    Fail(node.offset, "'", field->name, "' is never '", node.value, "', did you mean '", closest,
         "'?");
    return;
  }
  std::string all;
  for (std::string_view choice : choices) {
    if (all.size() > 200) {
      all += ", …";
      break;
    }
    all += Cat(all.empty() ? "" : ", ", choice);
  }
  Fail(node.offset, "'", field->name, "' is never '", node.value, "'; its choices are ", all);
}

// ---- Arithmetic

Operand Checker::CheckArithmetic(const SyntaxNode& node, Op op) {
  Operand operands[] = {Check(node.children[0]), Check(node.children[1])};
  Operand& a = operands[0];
  Operand& b = operands[1];
  Node out;
  out.op = op;
  if (a.type.any() || b.type.any()) {
    return Emit(out, {}, node.offset, operands);
  }
  if (a.type.Is(Kind::kDouble)) Promote(&b);
  if (b.type.Is(Kind::kDouble)) Promote(&a);
  std::optional<StaticType> result = ResultOf(op, a.type, b.type);
  StaticType joined;
  if (op == Op::kAdd && a.type.list() && b.type.list() && Unify(&a, &b, &joined)) result = joined;
  if (!result) return ArithmeticMismatch(node, a, b);
  Operand sum = Emit(out, *result, node.offset, operands);
  sum.moves = a.moves || b.moves;
  return sum;
}

Operand Checker::ArithmeticMismatch(const SyntaxNode& node, const Operand& a, const Operand& b) {
  const auto either = [&](Kind kind) { return a.type.Is(kind) || b.type.Is(kind); };
  std::string hint;
  if (either(Kind::kMoney)) {
    hint = "; double(AMOUNT) is the number of an amount in the model's currency";
  } else if (either(Kind::kDate)) {
    hint = "; timestamp(DATE) is the start of that day in UTC";
  } else if (a.type.number() && b.type.number()) {
    hint = node.text == "%" ? "; '%' is for whole numbers" : "; double(…) makes an int a double";
  } else if (either(Kind::kString)) {
    hint = "; string(…) makes a text of a value";
  } else if (a.type.time() || b.type.time()) {
    hint = "; lengths of time are written days(7), hours(2) …";
  }
  return Fail(node.name_offset, "'", node.text, "' is not defined for ", Named(a.type), " and ",
              Named(b.type), hint);
}

// ---- Conversions that happen by themselves

bool Checker::Promote(Operand* operand) {
  if (!operand->constant || !operand->type.Is(Kind::kInt)) return false;
  const Cell& cell = program_.constant(program_.nodes[operand->node]);
  SetConstant(operand, Cell::Double(static_cast<double>(cell.integer)), {Kind::kDouble});
  return true;
}

// Constant texts become days; false when one is none, which is reported.
bool Checker::ToDates(Operand* operand, SyntaxId id) {
  if (!operand->constant || operand->type.kind != Kind::kString || operand->type.depth > 1) {
    return true;
  }
  const Cell cell = program_.constant(program_.nodes[operand->node]);
  const bool list = cell.kind == Kind::kList;
  std::vector<Cell> dates;
  for (size_t i = 0; i < (list ? cell.size : 1); ++i) {
    const std::string_view text = list ? cell.item(i).string() : cell.string();
    const std::optional<Date> date = ReadDay(text);
    if (!date) {
      const SyntaxNode& node = syntax_[id];
      const bool literal = list && i < node.children.size();
      Fail(literal ? syntax_[node.children[i]].offset : operand->offset, "'", text,
           "' is not a date; write 2026-11-23, or --11-23 without a year");
      return false;
    }
    dates.push_back(Cell::OfDate(*date));
  }
  const Cell result = list ? Cell::List(dates) : dates[0];
  SetConstant(operand, result, {Kind::kDate, operand->type.depth});
  return true;
}

bool Checker::Unify(Operand* a, Operand* b, StaticType* type) {
  if (a->type.depth <= b->type.depth && a->type.kind == Kind::kAny) {
    *type = b->type;
    return true;
  }
  if (b->type.depth <= a->type.depth && b->type.kind == Kind::kAny) {
    *type = a->type;
    return true;
  }
  if (a->type.Is(Kind::kDouble)) Promote(b);
  if (b->type.Is(Kind::kDouble)) Promote(a);
  *type = a->type;
  return a->type == b->type;
}

}  // namespace leadcore::expression_internal
