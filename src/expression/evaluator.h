// SPDX-License-Identifier: Apache-2.0
//
// The plain evaluator: walks the compiled tree. What it yields is the meaning of the language; a
// faster one has to agree with it.
#ifndef LEADCORE_SRC_EXPRESSION_EVALUATOR_H_
#define LEADCORE_SRC_EXPRESSION_EVALUATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "expression/program.h"

namespace leadcore::expression_internal {

// Why a value is undetermined.
struct Reason {
  enum class Why : uint8_t {
    kMissing,     // name: Program::names
    kNoActivity,  // name: kind, likewise
    kDivision,
    kOverflow,
    kConversion,
    kIndex,
    kCurrency,
    kYear,
    kTime,
    kNow,
    kSteps
  };
  Why why = Why::kMissing;
  uint32_t name = 0;
};
std::string Describe(const Reason& reason, const Program& program);

// One evaluation; make a new one for each. `program` and what `view` points to must outlive it and
// the cells it yields.
class Evaluator {
 public:
  // `now` in whole microseconds; nullopt: outside the years 1 to 9999.
  Evaluator(const Program& program, LeadView view, std::optional<int64_t> now);

  Cell Run(const Node& node);

  // Why the result is undetermined; empty when it is not.
  std::span<const Reason> reasons() const { return reasons_; }
  // First moment in microseconds, after now, at which the result may be another one.
  std::optional<int64_t> until() const { return until_; }

 private:
  Cell Eval(const Node& node);
  Cell EvalRest(const Node& node);
  Cell Child(const Node& node, size_t place) { return Eval(program_.child(node, place)); }
  Cell Fail(Reason::Why why, uint32_t name = 0);
  bool Charge(size_t steps);

  Cell Field(const Node& node);
  Cell Member(const Node& node);
  Cell Logical(const Node& node, bool absorbing);
  Cell Comparison(const Node& node);
  Cell Contains(const Node& node);
  Cell Loop(const Node& node);
  Cell Filter(const Node& node);
  Cell List(const Node& node);
  Cell Item(const Node& node);

  Cell Arithmetic(const Node& node);
  Cell Whole(Op op, int64_t a, int64_t b);
  Cell Times(Op op, const Cell& a, const Cell& b);
  Cell Joined(const Cell& a, const Cell& b);

  Cell Call(const Node& node);
  Cell TextCall(const Node& node, const Cell& text);
  Cell ToInt(const Cell& from);
  Cell ToDouble(const Cell& from);
  Cell ToString(const Cell& from);
  Cell ToBool(const Cell& from);
  Cell ToTimestamp(const Node& node, const Cell& from);
  Cell ToDate(const Node& node, const Cell& from);
  Cell LengthOf(const Node& node, const Cell& number);
  Cell Part(const Node& node, const Cell& from);

  Cell Activities(const Node& node);
  Cell Last(const Node& node);

  // Equality of two cells of comparable types; sets *undetermined when it cannot be told.
  bool Equal(const Cell& a, const Cell& b, bool* undetermined);
  Cell Unordered(const Cell& cell);
  Cell Settled(Cell cell);
  void NoteChange(Op op, const Cell& a, const Cell& b);
  void NoteUntil(int64_t micros);
  void NoteHour(int64_t hour);

  std::string_view Keep(std::string text);
  Cell* NewCells(size_t count);

  const Program& program_;
  const LeadView view_;
  const std::optional<int64_t> now_;
  size_t steps_ = 0;
  bool exhausted_ = false;
  std::optional<int64_t> until_;
  absl::InlinedVector<Reason, 4> reasons_;
  absl::InlinedVector<Cell, 4> slots_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<Cell[]>> lists_;
};

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_EVALUATOR_H_
