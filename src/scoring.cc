// SPDX-License-Identifier: Apache-2.0
#include "leadcore/scoring.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr double kMostPoints = 1'000'000;

struct CompiledRule {
  std::shared_ptr<const Expression> when;             // null for a table
  Points points = 0;                                  // of `when`
  FieldId field = 0;                                  // of the table
  std::string reads;                                  // "lead.job_title": its field, for people
  std::vector<std::pair<std::string, Points>> table;  // folded value, sorted
};

struct CompiledGroup {
  Points floor = 0;
  Points cap = 0;
  std::vector<CompiledRule> rules;
};

class Compiler {
 public:
  Compiler(const ExpressionScope& scope, Faults* faults) : scope_(scope), faults_(faults) {}

  void Fault(std::string path, std::string message) {
    faults_->push_back({std::move(path), -1, std::move(message)});
  }

  Points ToPoints(double points, const std::string& path) {
    if (!(std::fabs(points) <= kMostPoints)) {
      Fault(path, "points go from -1000000 to 1000000");
      return 0;
    }
    const double thousandths = points * kOnePoint;
    const double whole = std::round(thousandths);
    if (std::fabs(thousandths - whole) > 1e-5) {
      Fault(path, "points have at most three decimals");
    }
    return static_cast<Points>(whole);
  }

  void Limits(double floor, double cap, const std::string& path, Points* floor_out,
              Points* cap_out) {
    *floor_out = ToPoints(floor, path + ".floor");
    *cap_out = ToPoints(cap, path + ".cap");
    if (*floor_out > *cap_out) Fault(path + ".floor", "the floor is above the cap");
  }

  CompiledGroup Group(const ScoreGroupConfig& config, const std::string& path) {
    CompiledGroup group;
    Limits(config.floor, config.cap, path, &group.floor, &group.cap);
    for (size_t i = 0; i < config.rules.size(); ++i) {
      const std::string rule_path = Cat(path, ".rules[", i, "]");
      const auto same = [&](const ScoreRuleConfig& other) {
        return other.name == config.rules[i].name;
      };
      const auto here = config.rules.begin() + static_cast<std::ptrdiff_t>(i);
      if (config.rules[i].name.empty()) {
        Fault(rule_path + ".name", "a rule needs a name: explanations show it");
      } else if (std::any_of(config.rules.begin(), here, same)) {
        Fault(rule_path + ".name", Cat("two rules are named '", config.rules[i].name, "'"));
      }
      group.rules.push_back(Rule(config.rules[i], rule_path));
    }
    return group;
  }

  void Bands(const std::vector<BandConfig>& bands) {
    if (bands.empty()) Fault("scoring.bands", "at least one band is needed");
    for (size_t i = 0; i < bands.size(); ++i) {
      const std::string path = Cat("scoring.bands[", i, "]");
      if (bands[i].name.empty()) Fault(path + ".name", "a band needs a name");
      for (size_t j = 0; j < i; ++j) {
        if (bands[j].name == bands[i].name && !bands[i].name.empty()) {
          Fault(path + ".name", Cat("two bands are named '", bands[i].name, "'"));
        }
      }
      if (i > 0 && bands[i].from <= bands[i - 1].from) {
        Fault(path + ".from", "bands go upwards: each starts above the one before");
      }
    }
  }

 private:
  CompiledRule Rule(const ScoreRuleConfig& config, const std::string& path) {
    CompiledRule rule;
    const bool has_table = !config.field.empty() || !config.table.empty();
    if (has_table == !config.when.empty()) {
      Fault(path, has_table ? "a rule has either `when` and `points` or `field` and `table`"
                            : "a rule needs a condition in `when`, or `field` and `table`");
      return rule;
    }
    if (has_table) return Table(config, path);
    rule.points = ToPoints(config.points, path + ".points");
    rule.when =
        Expression::Compile(config.when, scope_, ExpressionType::kBool, path + ".when", faults_);
    if (rule.when == nullptr) return rule;
    for (const FieldId id : rule.when->fields()) CheckReadable(id, path + ".when");
    return rule;
  }

  CompiledRule Table(const ScoreRuleConfig& config, const std::string& path) {
    CompiledRule rule;
    const Field* field = scope_.schema->Find(config.field);
    if (field == nullptr) {
      const std::string_view closest = scope_.schema->Suggest(config.field);
      Fault(path + ".field", Cat("unknown field '", config.field, "'", DidYouMean(closest)));
    } else if (!field->text() || field->shape == Shape::kList) {
      Fault(path + ".field", Cat("'", config.field, "' holds no text: write a condition instead"));
    } else {
      rule.field = field->id;
      rule.reads = Cat("lead.", field->name);
      CheckReadable(field->id, path + ".field");
    }
    if (config.table.empty()) Fault(path + ".table", "the table has no rows");
    for (const auto& [value, points] : config.table) {
      rule.table.emplace_back(FoldText(value),
                              ToPoints(points, Cat(path, ".table[\"", value, "\"]")));
    }
    std::sort(rule.table.begin(), rule.table.end());
    for (size_t i = 1; i < rule.table.size(); ++i) {
      if (rule.table[i].first != rule.table[i - 1].first) continue;
      Fault(path + ".table", Cat("two rows mean '", rule.table[i].first, "'"));
    }
    return rule;
  }

  // What comes after scoring cannot be a reason for it: the score would depend on when it was
  // asked.
  void CheckReadable(FieldId id, const std::string& path) {
    const Field& field = scope_.schema->at(id);
    const bool later = id == field::kOwner || id == field::kPool || id == field::kTerritory ||
                       id == field::kAssignTime || id == field::kVersion;
    const bool scored =
        field.derived() && id != field::kFirstResponseTime && id != field::kLastActivityTime;
    if (!later && !scored) return;
    Fault(path, Cat("lead.", field.name, " is decided after or by scoring; a scoring rule cannot ",
                    "read it"));
  }

  const ExpressionScope& scope_;
  Faults* faults_;
};

// "40", "12.5"
std::string PointsText(Points points) {
  std::string out = Cat(points < 0 ? "-" : "", std::abs(points) / kOnePoint);
  std::string decimals = std::to_string(std::abs(points) % kOnePoint + kOnePoint).substr(1);
  while (!decimals.empty() && decimals.back() == '0') decimals.pop_back();
  return decimals.empty() ? out : Cat(out, ".", decimals);
}

// Holds `points` between the limits; what that changes is an entry of the ledger.
Points Clamp(Points points, Points floor, Points cap, const std::string& group, bool total,
             Score* score) {
  using Kind = LedgerEntry::Kind;
  const Points held = std::clamp(points, floor, cap);
  if (held == points) return held;
  const bool capped = held < points;
  const Kind kind = capped ? (total ? Kind::kTotalCap : Kind::kGroupCap)
                           : (total ? Kind::kTotalFloor : Kind::kGroupFloor);
  score->ledger.push_back(
      {kind, group, Cat(capped ? "cap " : "floor ", PointsText(held)), held - points});
  return held;
}

}  // namespace

struct Scoring::Compiled {
  ScoringConfig config;
  Points floor = 0;
  Points cap = 0;
  std::vector<CompiledGroup> groups;
};

Scoring::Scoring(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Scoring::~Scoring() = default;

const ScoringConfig& Scoring::config() const { return compiled_->config; }

std::shared_ptr<const Scoring> Scoring::Compile(const ScoringConfig& config,
                                                const ExpressionScope& scope, Faults* faults) {
  const size_t before = faults->size();
  Compiler compiler(scope, faults);
  auto compiled = std::make_unique<Compiled>();
  compiled->config = config;
  compiler.Limits(config.floor, config.cap, "scoring", &compiled->floor, &compiled->cap);
  for (size_t i = 0; i < config.groups.size(); ++i) {
    const std::string path = Cat("scoring.groups[", i, "]");
    const auto same = [&](const ScoreGroupConfig& other) {
      return other.name == config.groups[i].name;
    };
    const auto here = config.groups.begin() + static_cast<std::ptrdiff_t>(i);
    if (config.groups[i].name.empty()) {
      compiler.Fault(path + ".name", "a group needs a name");
    } else if (std::any_of(config.groups.begin(), here, same)) {
      compiler.Fault(path + ".name", Cat("two groups are named '", config.groups[i].name, "'"));
    }
    compiled->groups.push_back(compiler.Group(config.groups[i], path));
  }
  compiler.Bands(config.bands);
  if (faults->size() != before) return nullptr;
  return std::shared_ptr<const Scoring>(new Scoring(std::move(compiled)));
}

std::string_view Scoring::Band(Points total) const {
  const int64_t shown = ShownPoints(total);
  const std::vector<BandConfig>& bands = compiled_->config.bands;
  size_t band = 0;
  while (band + 1 < bands.size() && bands[band + 1].from <= shown) ++band;
  return bands[band].name;
}

Score Scoring::Evaluate(LeadView view, absl::Time now, std::vector<RuleTrace>* trace) const {
  Score score;
  score.evaluated_at = ToMicros(now);
  const auto ask = [&](const CompiledRule& rule, RuleTrace* told) {
    if (rule.when == nullptr) {
      if (!view.has(rule.field)) {
        told->missing.push_back(rule.reads);
        return;
      }
      told->truth = Truth::kFalse;
      const std::string value = FoldText(view.text(rule.field));
      const auto at =
          std::lower_bound(rule.table.begin(), rule.table.end(), value,
                           [](const std::pair<std::string, Points>& row,
                              const std::string& wanted) { return row.first < wanted; });
      if (at == rule.table.end() || at->first != value) return;
      told->truth = Truth::kTrue;
      told->points = at->second;
      return;
    }
    const Verdict verdict = rule.when->Test(view, now, trace == nullptr ? nullptr : &told->missing);
    told->truth = verdict.truth;
    told->points = rule.points;
    if (verdict.valid_until && (!score.valid_until || *verdict.valid_until < *score.valid_until)) {
      score.valid_until = verdict.valid_until;
    }
  };
  Points total = 0;
  for (size_t g = 0; g < compiled_->groups.size(); ++g) {
    const CompiledGroup& group = compiled_->groups[g];
    const ScoreGroupConfig& config = compiled_->config.groups[g];
    Points sum = 0;
    for (size_t r = 0; r < group.rules.size(); ++r) {
      RuleTrace told{config.name, config.rules[r].name, Truth::kUndetermined, 0, {}};
      ask(group.rules[r], &told);
      if (told.truth == Truth::kTrue && told.points != 0) {
        score.ledger.push_back(
            {LedgerEntry::Kind::kRule, config.name, config.rules[r].name, told.points});
        sum += told.points;
      }
      if (trace != nullptr) trace->push_back(std::move(told));
    }
    sum = Clamp(sum, group.floor, group.cap, config.name, false, &score);
    score.groups.push_back({config.name, sum});
    total += sum;
  }
  score.total = Clamp(total, compiled_->floor, compiled_->cap, "", true, &score);
  score.band = Band(score.total);
  return score;
}

}  // namespace leadcore
