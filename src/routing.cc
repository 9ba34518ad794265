// SPDX-License-Identifier: Apache-2.0
#include "leadcore/routing.h"

#include <algorithm>
#include <map>
#include <utility>

#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

using How = Assignment::How;

constexpr int64_t kMostWeight = 1'000'000;

// Codes compare as their letters and digits: "SW1A 1AA" is SW1A1AA, 94105-1234 is 941051234.
std::string PlainPostal(std::string_view code) {
  std::string out;
  for (const char c : code) {
    if (c >= 'a' && c <= 'z') {
      out.push_back(static_cast<char>(c - 'a' + 'A'));
    } else if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) {
      out.push_back(c);
    }
  }
  return out;
}

struct Area {
  std::string country, region, from, to;
  size_t territory = 0;
};

// How closely `area` fits: 3 by postal code, 2 by region, 1 by country, 0 not at all.
int Fit(const Area& area, std::string_view country, std::string_view region,
        const std::string& postal) {
  if (area.country != country) return 0;
  if (!area.region.empty() && area.region != region) return 0;
  if (!area.from.empty()) {
    const std::string start = postal.substr(0, area.from.size());
    return start.size() == area.from.size() && area.from <= start && start <= area.to ? 3 : 0;
  }
  return area.region.empty() ? 1 : 2;
}

struct Rule {
  std::shared_ptr<const Expression> when;
  size_t pool = Routing::kNoPool;
};

struct MemberLimits {
  int64_t cap = 0;
  bool active = true;
  std::vector<AbsenceConfig> away;
};

// Position of a pool, or kNoPool.
size_t FindPool(const RoutingConfig& config, std::string_view name) {
  const auto at = std::find_if(config.pools.begin(), config.pools.end(),
                               [name](const PoolConfig& pool) { return pool.name == name; });
  return at == config.pools.end() ? Routing::kNoPool
                                  : static_cast<size_t>(at - config.pools.begin());
}

std::string UnknownPool(const RoutingConfig& config, std::string_view name) {
  std::vector<std::string_view> names;
  for (const PoolConfig& pool : config.pools) names.push_back(pool.name);
  return Cat("there is no pool '", name, "'",
             DidYouMean(ClosestName(name, names.data(), names.size())));
}

class Compiler {
 public:
  Compiler(const RoutingConfig& config, const ExpressionScope& scope, Faults* faults)
      : config_(config), scope_(scope), faults_(faults) {}

  void Fault(std::string path, std::string message) {
    faults_->push_back({std::move(path), -1, std::move(message)});
  }

  // Names go into counter names, which are joined by '/'.
  void CheckName(const std::string& name, const std::string& path, std::string_view what) {
    if (name.empty()) Fault(path, Cat(what, " needs a name"));
    if (name.find('/') != std::string::npos) Fault(path, Cat("the name of ", what, " has no '/'"));
  }

  size_t Pool(const std::string& name, const std::string& path) {
    const size_t pool = FindPool(config_, name);
    if (pool == Routing::kNoPool) Fault(path, UnknownPool(config_, name));
    return pool;
  }

  std::vector<Area> Areas() {
    std::vector<Area> areas;
    for (size_t i = 0; i < config_.territories.size(); ++i) {
      const TerritoryConfig& territory = config_.territories[i];
      const std::string path = Cat("routing.territories[", i, "]");
      CheckName(territory.name, path + ".name", "a territory");
      for (size_t j = 0; j < i; ++j) {
        if (config_.territories[j].name == territory.name) {
          Fault(path + ".name", Cat("two territories are named '", territory.name, "'"));
        }
      }
      if (territory.areas.empty()) Fault(path + ".areas", "a territory needs at least one area");
      for (size_t j = 0; j < territory.areas.size(); ++j) {
        areas.push_back(OneArea(territory.areas[j], Cat(path, ".areas[", j, "]")));
        areas.back().territory = i;
      }
    }
    return areas;
  }

  std::vector<Rule> Rules() {
    std::vector<Rule> rules;
    for (size_t i = 0; i < config_.rules.size(); ++i) {
      const RouteRuleConfig& config = config_.rules[i];
      const std::string path = Cat("routing.rules[", i, "]");
      if (config.name.empty()) Fault(path + ".name", "a rule needs a name: explanations show it");
      for (size_t j = 0; j < i; ++j) {
        if (config_.rules[j].name == config.name && !config.name.empty()) {
          Fault(path + ".name", Cat("two rules are named '", config.name, "'"));
        }
      }
      Rule rule;
      rule.pool = Pool(config.pool, path + ".pool");
      rule.when =
          Expression::Compile(config.when, scope_, ExpressionType::kBool, path + ".when", faults_);
      if (rule.when != nullptr) CheckReads(*rule.when, path + ".when");
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  std::map<std::string, MemberLimits, std::less<>> Members() {
    std::map<std::string, MemberLimits, std::less<>> members;
    for (size_t i = 0; i < config_.pools.size(); ++i) {
      const PoolConfig& pool = config_.pools[i];
      const std::string path = Cat("routing.pools[", i, "]");
      CheckName(pool.name, path + ".name", "a pool");
      for (size_t j = 0; j < i; ++j) {
        if (config_.pools[j].name == pool.name) {
          Fault(path + ".name", Cat("two pools are named '", pool.name, "'"));
        }
      }
      for (size_t j = 0; j < pool.members.size(); ++j) {
        CheckMember(pool, j, Cat(path, ".members[", j, "]"));
        const MemberConfig& member = pool.members[j];
        const auto [at, fresh] =
            members.emplace(member.id, MemberLimits{member.cap, member.active, member.away});
        if (fresh) continue;
        std::vector<AbsenceConfig>& away = at->second.away;
        away.insert(away.end(), member.away.begin(), member.away.end());
        if (at->second.cap != member.cap) {
          Fault(Cat(path, ".members[", j, "].cap"),
                Cat("'", member.id, "' has another cap in another pool; it counts over all pools"));
        }
        at->second.active = at->second.active || member.active;
      }
    }
    return members;
  }

 private:
  Area OneArea(const AreaConfig& config, const std::string& path) {
    Area area;
    const absl::StatusOr<std::string> country = NormalizeCountry(config.country);
    if (country.ok()) {
      area.country = *country;
    } else {
      Fault(path + ".country", config.country.empty() ? std::string("an area needs a country")
                                                      : std::string(Message(country.status())));
    }
    area.region =
        config.region.empty() ? std::string() : NormalizeRegion(config.region, area.country);
    area.from = PlainPostal(config.postal_from);
    area.to = PlainPostal(config.postal_to);
    if (area.from.size() != area.to.size()) {
      Fault(path + ".postal_to", "postal_from and postal_to need the same number of characters");
    } else if (area.from.empty() && !(config.postal_from.empty() && config.postal_to.empty())) {
      Fault(path + ".postal_from", "a postal code has letters or digits");
    } else if (area.from > area.to) {
      Fault(path + ".postal_to", "the postal range ends before it starts");
    }
    return area;
  }

  void CheckMember(const PoolConfig& pool, size_t at, const std::string& path) {
    const MemberConfig& member = pool.members[at];
    CheckName(member.id, path + ".id", "a member");
    for (size_t i = 0; i < at; ++i) {
      if (pool.members[i].id == member.id) {
        Fault(path + ".id", Cat("'", member.id, "' is in the pool twice"));
      }
    }
    if (member.weight < 0 || member.weight > kMostWeight) {
      Fault(path + ".weight", Cat("a weight goes from 0 to ", kMostWeight));
    }
    if (member.cap < 0) Fault(path + ".cap", "a cap is not negative; 0 means no limit");
    for (size_t i = 0; i < member.away.size(); ++i) {
      if (member.away[i].from < member.away[i].to) continue;
      Fault(Cat(path, ".away[", i, "].to"), "the absence ends before it starts");
    }
  }

  void CheckReads(const Expression& when, const std::string& path) {
    for (const FieldId id : when.fields()) {
      if (id != field::kOwner && id != field::kPool && id != field::kAssignTime) continue;
      Fault(path, Cat("lead.", scope_.schema->at(id).name,
                      " is decided by routing; a routing rule cannot read it"));
    }
  }

  const RoutingConfig& config_;
  const ExpressionScope& scope_;
  Faults* faults_;
};

std::string NotMatched(const std::vector<std::string>& missing) {
  if (missing.empty()) return "not matched";
  std::string names;
  for (const std::string& name : missing) names += Cat(names.empty() ? "" : ", ", name);
  return Cat("not matched: ", names, missing.size() == 1 ? " is" : " are", " missing");
}

// Those that a choice within `pool` reads.
void AddCounters(const PoolConfig& pool, std::vector<std::string>* counters) {
  const bool least_loaded = pool.strategy == Strategy::kLeastLoaded;
  for (const MemberConfig& member : pool.members) {
    counters->push_back(Routing::LoadCounter(member.id));
    if (!least_loaded) counters->push_back(Cat("swrr/", pool.name, "/", member.id));
  }
  counters->push_back(Cat(least_loaded ? "turn/" : "ticket/", pool.name));
}

}  // namespace

struct Routing::Compiled {
  RoutingConfig config;
  std::vector<Area> areas;
  std::vector<Rule> rules;
  std::map<std::string, MemberLimits, std::less<>> members;
  size_t fallback = kNoPool;
};

Routing::Routing(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Routing::~Routing() = default;

const RoutingConfig& Routing::config() const { return compiled_->config; }

std::string Routing::LoadCounter(std::string_view member) { return Cat("load/", member); }

std::shared_ptr<const Routing> Routing::Compile(const RoutingConfig& config,
                                                const ExpressionScope& scope, Faults* faults) {
  const size_t before = faults->size();
  Compiler compiler(config, scope, faults);
  auto compiled = std::make_unique<Compiled>();
  compiled->config = config;
  compiled->areas = compiler.Areas();
  compiled->rules = compiler.Rules();
  compiled->members = compiler.Members();
  if (!config.fallback_pool.empty()) {
    compiled->fallback = compiler.Pool(config.fallback_pool, "routing.fallback_pool");
  }
  if (faults->size() != before) return nullptr;
  return std::shared_ptr<const Routing>(new Routing(std::move(compiled)));
}

std::string_view Routing::Territory(LeadView view, std::string_view default_country) const {
  if (compiled_->areas.empty()) return "";
  const bool placed = view.has(field::kRegion) || view.has(field::kPostalCode);
  const std::string_view country =
      view.has(field::kCountry) || !placed ? view.text(field::kCountry) : default_country;
  const std::string_view region = view.text(field::kRegion);
  const std::string postal = PlainPostal(view.text(field::kPostalCode));
  int best = 0;
  std::string_view name;
  for (const Area& area : compiled_->areas) {
    const int fit = Fit(area, country, region, postal);
    if (fit <= best) continue;
    best = fit;
    name = compiled_->config.territories[area.territory].name;
  }
  return name;
}

Routing::Plan Routing::MakePlan(LeadView view, absl::Time now,
                                std::vector<KnownOwner> known) const {
  const RoutingConfig& config = compiled_->config;
  Plan plan;
  plan.now = absl::ToUnixMicros(now);
  plan.assignment.territory = std::string(view.text(field::kTerritory));
  for (size_t i = 0; i < config.rules.size() && plan.pool == kNoPool; ++i) {
    std::vector<std::string> missing;
    const bool matched = compiled_->rules[i].when->Test(view, now, &missing).truth == Truth::kTrue;
    plan.assignment.steps.push_back(
        {Cat("rule ", config.rules[i].name),
         matched ? Cat("matched: pool ", config.rules[i].pool) : NotMatched(missing)});
    if (!matched) continue;
    plan.pool = compiled_->rules[i].pool;
    plan.assignment.rule = config.rules[i].name;
  }
  if (plan.pool == kNoPool) {
    plan.pool = compiled_->fallback;
    plan.assignment.steps.push_back(
        {"fallback pool", plan.pool == kNoPool
                              ? "the model names none"
                              : Cat("no rule matched: pool ", config.fallback_pool)});
  }
  for (KnownOwner& owner : known) {
    if (owner.owner.empty()) continue;
    if (owner.why == KnownOwner::Why::kExisting && !config.affinity_existing) continue;
    if (owner.why == KnownOwner::Why::kAccount && !config.affinity_account) continue;
    plan.counters.push_back(LoadCounter(owner.owner));
    plan.known.push_back(std::move(owner));
  }
  if (!config.fallback_owner.empty()) plan.counters.push_back(LoadCounter(config.fallback_owner));
  TakePool(plan.pool, &plan);
  return plan;
}

absl::StatusOr<Routing::Plan> Routing::PlanForMember(std::string_view member,
                                                     absl::Time now) const {
  const RoutingConfig& config = compiled_->config;
  const bool known = compiled_->members.count(std::string(member)) != 0;
  if (!known && !config.pools.empty() && member != config.fallback_owner) {
    std::vector<std::string_view> names;
    for (const auto& [name, limits] : compiled_->members) names.push_back(name);
    const std::string_view closest = ClosestName(member, names.data(), names.size());
    return NotFound("no pool has a member '", member, "'", DidYouMean(closest));
  }
  Plan plan;
  plan.now = absl::ToUnixMicros(now);
  plan.fallback = false;
  plan.known = {{KnownOwner::Why::kGiven, std::string(member), "named by hand"}};
  plan.counters = {LoadCounter(member)};
  return plan;
}

absl::StatusOr<Routing::Plan> Routing::PlanForPool(std::string_view pool, absl::Time now) const {
  const size_t found = FindPool(compiled_->config, pool);
  if (found == kNoPool) return NotFound(UnknownPool(compiled_->config, pool));
  Plan plan;
  plan.now = absl::ToUnixMicros(now);
  plan.fallback = false;
  TakePool(found, &plan);
  return plan;
}

Routing::Plan Routing::PlanForNobody() const {
  Plan plan;
  plan.fallback = false;
  return plan;
}

void Routing::TakePool(size_t pool, Plan* plan) const {
  plan->pool = pool;
  if (pool != kNoPool) {
    plan->assignment.pool = compiled_->config.pools[pool].name;
    AddCounters(compiled_->config.pools[pool], &plan->counters);
  }
  // Choose finds them by binary search.
  std::vector<std::string>& counters = plan->counters;
  std::sort(counters.begin(), counters.end());
  counters.erase(std::unique(counters.begin(), counters.end()), counters.end());
}

namespace {

// One decision: the counters as read, the answer as it grows.
class Chooser {
 public:
  Chooser(const Routing::Plan& plan, std::span<const int64_t> values,
          const std::map<std::string, MemberLimits, std::less<>>& members)
      : plan_(plan), values_(values), members_(members) {
    choice_.assignment = plan.assignment;
  }

  // True when one of the known owners takes it.
  bool Affinity() {
    for (const KnownOwner& known : plan_.known) {
      const bool given = known.why == KnownOwner::Why::kGiven;
      const std::string what = Cat(given ? "given owner " : "affinity ", known.owner);
      const bool member = members_.find(known.owner) != members_.end();
      std::string reason = Unavailable(known.owner);
      if (!member && !given) reason = "not a member of any pool";
      if (reason.empty()) {
        Step(what, member ? known.detail : Cat(known.detail, "; not a member of any pool"));
        Give(known.owner, given ? How::kManual : How::kAffinity);
        return true;
      }
      Step(what, Cat("not kept: ", reason));
    }
    return false;
  }

  bool FromPool(const PoolConfig& pool) {
    std::vector<const MemberConfig*> able;
    for (const MemberConfig& member : pool.members) {
      std::string reason = member.active ? Unavailable(member.id) : "inactive";
      if (reason.empty() && member.weight == 0) reason = "weight 0";
      if (reason.empty() && member.id == plan_.except) reason = "has it now";
      if (reason.empty()) {
        able.push_back(&member);
      } else {
        Step(Cat("member ", member.id), std::move(reason));
      }
    }
    if (able.empty()) {
      Step(Cat("pool ", pool.name), pool.members.empty() ? "has no members" : "nobody available");
      return false;
    }
    pool.strategy == Strategy::kLeastLoaded ? LeastLoaded(pool, able) : Rotate(pool, able);
    return true;
  }

  void Fallback(const std::string& owner) {
    std::string reason = owner.empty() ? "the model names none" : Unavailable(owner);
    if (reason.empty()) {
      Step(Cat("fallback owner ", owner), "nobody else is available");
      Give(owner, How::kFallback);
      return;
    }
    Step(owner.empty() ? "fallback owner" : Cat("fallback owner ", owner), std::move(reason));
  }

  Routing::Choice Take() { return std::move(choice_); }

 private:
  int64_t Value(const std::string& name) const {
    const auto at = std::lower_bound(plan_.counters.begin(), plan_.counters.end(), name);
    const auto index = static_cast<size_t>(at - plan_.counters.begin());
    return at != plan_.counters.end() && *at == name && index < values_.size() ? values_[index] : 0;
  }

  void Step(std::string what, std::string answer) {
    choice_.assignment.steps.push_back({std::move(what), std::move(answer)});
  }

  // Why a member takes no more leads; "" when it may. Owners that no pool knows have no limits.
  std::string Unavailable(const std::string& id) const {
    const auto at = members_.find(id);
    if (at == members_.end()) return "";
    if (!at->second.active) return "inactive";
    for (const AbsenceConfig& absence : at->second.away) {
      if (plan_.now < absence.from || plan_.now >= absence.to) continue;
      return Cat("away until ", FormatTime(absence.to));
    }
    const int64_t load = Value(Routing::LoadCounter(id));
    if (at->second.cap == 0 || load < at->second.cap) return "";
    return Cat("full: ", load, " of ", at->second.cap, " leads");
  }

  void Give(const std::string& owner, How how) {
    choice_.assignment.owner = owner;
    choice_.assignment.how = how;
    const std::string load = Routing::LoadCounter(owner);
    choice_.counters.emplace_back(load, Value(load) + 1);
  }

  // Smooth weighted round robin over those who are able; the others' weights stand still.
  void Rotate(const PoolConfig& pool, const std::vector<const MemberConfig*>& able) {
    int64_t sum = 0;
    std::vector<int64_t> current;
    size_t best = 0;
    for (size_t i = 0; i < able.size(); ++i) {
      const int64_t weight = pool.strategy == Strategy::kWeighted ? able[i]->weight : 1;
      sum += weight;
      current.push_back(Value(Cat("swrr/", pool.name, "/", able[i]->id)) + weight);
      if (current[i] > current[best]) best = i;
    }
    current[best] -= sum;
    for (size_t i = 0; i < able.size(); ++i) {
      std::string name = Cat("swrr/", pool.name, "/", able[i]->id);
      if (Value(name) != current[i]) choice_.counters.emplace_back(std::move(name), current[i]);
    }
    const std::string ticket = Cat("ticket/", pool.name);
    choice_.assignment.ticket = Value(ticket) + 1;
    choice_.counters.emplace_back(ticket, choice_.assignment.ticket);
    Step(Cat("pool ", pool.name),
         Cat("turn of ", able[best]->id, ", ticket ", choice_.assignment.ticket));
    Give(able[best]->id, How::kRotation);
  }

  // The least open leads for the weight; of equals the next one after the one who was last.
  void LeastLoaded(const PoolConfig& pool, const std::vector<const MemberConfig*>& able) {
    const std::string turn = Cat("turn/", pool.name);
    const auto next = static_cast<size_t>(Value(turn));
    const auto load = [&](size_t i) { return Value(Routing::LoadCounter(able[i]->id)); };
    const auto position = [&](size_t i) {
      const auto at = std::find_if(pool.members.begin(), pool.members.end(),
                                   [&](const MemberConfig& m) { return &m == able[i]; });
      const auto place = static_cast<size_t>(at - pool.members.begin());
      return (place + pool.members.size() - next % pool.members.size()) % pool.members.size();
    };
    size_t best = 0;
    for (size_t i = 1; i < able.size(); ++i) {
      // load_i / weight_i < load_best / weight_best, without division
      const int64_t mine = load(i) * able[best]->weight;
      const int64_t other = load(best) * able[i]->weight;
      if (mine < other || (mine == other && position(i) < position(best))) best = i;
    }
    const size_t place = (position(best) + next) % pool.members.size();
    choice_.counters.emplace_back(turn, static_cast<int64_t>((place + 1) % pool.members.size()));
    Step(Cat("pool ", pool.name),
         Cat("least loaded is ", able[best]->id, " with ", load(best), " leads"));
    Give(able[best]->id, How::kLeastLoaded);
  }

  const Routing::Plan& plan_;
  const std::span<const int64_t> values_;
  const std::map<std::string, MemberLimits, std::less<>>& members_;
  Routing::Choice choice_;
};

}  // namespace

Routing::Choice Routing::Choose(const Plan& plan, std::span<const int64_t> values) const {
  Chooser chooser(plan, values, compiled_->members);
  if (chooser.Affinity()) return chooser.Take();
  if (plan.pool != kNoPool && chooser.FromPool(compiled_->config.pools[plan.pool])) {
    return chooser.Take();
  }
  if (plan.fallback) chooser.Fallback(compiled_->config.fallback_owner);
  return chooser.Take();
}

}  // namespace leadcore
