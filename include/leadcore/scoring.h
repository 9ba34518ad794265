// SPDX-License-Identifier: Apache-2.0
//
// Scoring: rules in groups, each group held between a floor and a cap, groups added up and held
// again, bands by lower bounds.
//
//   total = clamp(sum over groups of clamp(sum of the points of matched rules))
//
// Each clamp that changes anything writes its own ledger entry, so the sum of the ledger is the
// total, always. Points are thousandths (lead.h); what is shown and banded is the value rounded
// half up: with bands from 0, 31 and 70, 30.499 is cold and 30.5 is warm.
#ifndef LEADCORE_SCORING_H_
#define LEADCORE_SCORING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/value.h"

namespace leadcore {

// Either a condition worth `points`, or a table from the value of a text field to points: "points
// per title". A table compares folded text (FoldText); a lead without the field matches no row.
struct ScoreRuleConfig {
  std::string name;   // unique in its group
  std::string when;   // "" with a table
  double points = 0;  // at most three decimals, from -1,000,000 to 1,000,000
  std::string field;  // of the table
  std::vector<std::pair<std::string, double>> table;
};
struct ScoreGroupConfig {
  std::string name;
  double floor = 0;
  double cap = 100;
  std::vector<ScoreRuleConfig> rules;
};
struct BandConfig {
  std::string name;
  int64_t from = 0;  // lower bound in shown points; the first band takes everything below the next
};
struct ScoringConfig {
  double floor = 0;
  double cap = 100;
  std::vector<ScoreGroupConfig> groups;
  std::vector<BandConfig> bands;  // ascending
};

// What became of one rule, matched or not: for "why is this lead not hot?".
struct RuleTrace {
  std::string_view group;  // borrowed from the Scoring
  std::string_view rule;
  Truth truth = Truth::kUndetermined;
  Points points = 0;                 // what it gives when it matches
  std::vector<std::string> missing;  // fields whose absence left it undetermined
};

// Immutable after Compile; Evaluate is const, total, deterministic and thread-safe.
class Scoring {
 public:
  // Faults have paths from "scoring" ("scoring.groups[0].rules[3].when"). A rule may not read what
  // is decided after or by scoring (owner, pool, territory, score, band …). nullptr when there were
  // faults. `scope` is borrowed; its schema must outlive the Scoring.
  static std::shared_ptr<const Scoring> Compile(const ScoringConfig& config,
                                                const ExpressionScope& scope, Faults* faults);
  ~Scoring();

  // `trace`, if not null, gets one entry per rule, in the model's order.
  Score Evaluate(LeadView view, absl::Time now, std::vector<RuleTrace>* trace = nullptr) const;

  // The band of a total.
  std::string_view Band(Points total) const;

  const ScoringConfig& config() const;

 private:
  struct Compiled;
  explicit Scoring(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace leadcore

#endif  // LEADCORE_SCORING_H_
