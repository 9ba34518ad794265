// SPDX-License-Identifier: Apache-2.0
//
// From what was written to the compiled form: resolves names, checks types, folds constants. All
// mistakes are found here.
#ifndef LEADCORE_SRC_EXPRESSION_CHECKER_H_
#define LEADCORE_SRC_EXPRESSION_CHECKER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/program.h"
#include "expression/syntax.h"
#include "leadcore/expression.h"
#include "text.h"

namespace leadcore::expression_internal {

// `depth` lists around a `kind`: ["a"] is kString at depth 1.
struct StaticType {
  Kind kind = Kind::kAny;
  uint8_t depth = 0;
  FieldId record = 0;  // kRecord: the field whose records these are

  bool Is(Kind other) const { return depth == 0 && kind == other; }
  bool any() const { return Is(Kind::kAny); }
  bool list() const { return depth > 0; }
  bool number() const { return Is(Kind::kInt) || Is(Kind::kDouble); }
  bool time() const { return Is(Kind::kTimestamp) || Is(Kind::kDuration); }
  StaticType item() const { return {kind, static_cast<uint8_t>(depth - 1), record}; }
  StaticType listed() const { return {kind, static_cast<uint8_t>(depth + 1), record}; }
  friend bool operator==(const StaticType&, const StaticType&) = default;
};
std::string Describe(StaticType type);  // "string", "list of int"
std::string Named(StaticType type);     // "a string", "an int"
ExpressionType ToExpressionType(StaticType type);
StaticType TypeOfField(const Field& field);

// A checked part.
struct Operand {
  StaticType type;  // kAny at depth 0 also stands for what was found wrong
  uint32_t node = 0;
  int offset = 0;
  bool constant = false;         // its node is an Op::kConstant
  bool moves = false;            // grows or falls with now
  const Field* field = nullptr;  // it is this field, as it is
};

// A series that the program needs; registered once the whole expression is found right.
struct SeriesNeed {
  uint32_t node = 0;
  std::string kind;
  std::string where_source;
  std::shared_ptr<const Expression> where;
  int64_t window_hours = 0;
  std::string attribute;
};

class Checker {
 public:
  // What one expression may use, beside its scope.
  struct Options {
    bool now = true;  // may it name `now` at all?
  };
  Checker(const Syntax& syntax, const ExpressionScope& scope, const ExpressionLimits& limits,
          Options options, std::vector<Mistake>* mistakes);

  // Checks the subtree as the whole of the expression.
  Operand Run(SyntaxId root);
  // Reports when `operand` is not of the wanted type.
  void Expect(const Operand& operand, ExpressionType wanted);

  Program TakeProgram() { return std::move(program_); }
  std::vector<SeriesNeed> TakeNeeds() { return std::move(needs_); }

 private:
  template <typename... Pieces>
  Operand Fail(int offset, const Pieces&... message) {
    mistakes_->push_back({offset, Cat(message...)});
    return Wrong(offset);
  }
  Operand Wrong(int offset);

  // checker.cc: names, literals, logic, lists, macros.
  Operand Check(SyntaxId id);
  Operand CheckStill(SyntaxId id);  // likewise, where what moves with now is refused
  Operand CheckLiteral(const SyntaxNode& node);
  Operand CheckName(SyntaxId id);
  Operand ResolveField(std::span<const std::string_view> names, std::span<const SyntaxId> parts,
                       bool has);
  Operand UnknownField(std::span<const std::string_view> names, int offset);
  Operand UnknownName(std::string_view name, int offset);
  Operand SelectMember(const Operand& record, const SyntaxNode& node, bool has);
  Operand CheckHas(const SyntaxNode& node);
  Operand CheckUnary(const SyntaxNode& node);
  Operand CheckLogical(const SyntaxNode& node);
  Operand CheckConditional(const SyntaxNode& node);
  Operand CheckList(const SyntaxNode& node);
  Operand CheckIndex(const SyntaxNode& node);
  Operand CheckMacro(const SyntaxNode& node);
  void ExpectCondition(const Operand& operand);

  // operators.cc
  Operand CheckBinary(const SyntaxNode& node);
  Operand CheckComparison(const SyntaxNode& node, Op op);
  Operand CheckIn(const SyntaxNode& node);
  Operand CheckArithmetic(const SyntaxNode& node, Op op);
  Operand ArithmeticMismatch(const SyntaxNode& node, const Operand& a, const Operand& b);
  Operand ComparisonMismatch(const SyntaxNode& node, const Operand& a, const Operand& b);
  void CheckChoice(const Field* field, SyntaxId literal);
  bool Promote(Operand* operand);  // an int constant to double
  bool ToDates(Operand* operand, SyntaxId id);
  // The type that both can have, if there is one; int constants become double beside doubles.
  bool Unify(Operand* a, Operand* b, StaticType* type);

  // functions.cc
  Operand CheckCall(SyntaxId id);
  Operand CheckFunction(const SyntaxNode& node);
  Operand CheckConversion(const SyntaxNode& node, size_t row);
  Operand CheckMatches(const SyntaxNode& node);
  Operand CheckTimePart(const SyntaxNode& node, TimePart part);
  void CheckTimeLiteral(const SyntaxNode& node, std::string_view function);
  Operand CheckText(const SyntaxNode& node, Function function, Kind result, size_t arguments);
  Operand UnknownFunction(const SyntaxNode& node);
  bool CheckArguments(const SyntaxNode& node, size_t least, size_t most, std::string_view form);
  uint32_t ZoneOf(SyntaxId literal);

  // activities.cc
  Operand CheckActivities(const SyntaxNode& node);
  const ActivityKind* FindKind(SyntaxId id);
  bool LooksLikeLength(SyntaxId id) const;
  int32_t CheckWindow(SyntaxId id);
  void CheckWhere(SyntaxId id, const ActivityKind& kind, SeriesNeed* need);
  bool CheckSummed(SyntaxId id, const ActivityKind& kind, SeriesNeed* need);

  // Adds a node over `operands`; folds it when it can be told now.
  Operand Emit(Node node, StaticType type, int offset, std::span<const Operand> operands = {});
  Operand EmitConstant(const Cell& cell, StaticType type, int offset);
  Operand EmitCall(Function function, StaticType type, int offset,
                   std::span<const Operand> operands, uint32_t index = 0,
                   TimePart part = TimePart::kFullYear);
  void Fold(Operand* operand, size_t first_node);
  void SetConstant(Operand* operand, const Cell& cell, StaticType type);
  uint32_t NameIndex(std::string_view name);
  std::string Qualified(std::string_view field) const;

  struct Variable {
    std::string_view name;
    StaticType type;
    uint32_t slot = 0;
  };

  const Syntax& syntax_;
  const ExpressionScope& scope_;
  const ExpressionLimits& limits_;
  const Options options_;
  std::vector<Mistake>* mistakes_;
  Program program_;
  std::vector<Variable> variables_;
  std::vector<SeriesNeed> needs_;
};

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_CHECKER_H_
