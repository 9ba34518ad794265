// SPDX-License-Identifier: Apache-2.0
//
// Routing: which pool takes a lead, and who of the pool.
//
// First the territory (postal range before region before country), then ordered rules (the first
// whose condition holds names the pool), then affinity, then the pool's strategy. Every step says
// what it answered. The choice within a pool is a pure function of counters that the store keeps:
// they are read and written inside the commit, so that a refused commit takes no ticket and turns
// stay fair under any race.
//
// Smooth weighted round robin is the sequence of nginx's upstream module
// (ngx_http_upstream_round_robin.c): each eligible member's current weight grows by its weight, the
// greatest one (the first of equals) is chosen and loses the sum. Round robin is the same with
// equal weights.
#ifndef LEADCORE_ROUTING_H_
#define LEADCORE_ROUTING_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/value.h"

namespace leadcore {

// Part of a territory. A postal range compares as many characters as its bounds have, spaces aside:
// "900".."961" takes 94105 and 94105-1234.
struct AreaConfig {
  std::string country;                 // ISO 3166-1 alpha-2
  std::string region;                  // ISO 3166-2 without the country; "" for all
  std::string postal_from, postal_to;  // of equal length; "" for all
};
struct TerritoryConfig {
  std::string name;
  std::vector<AreaConfig> areas;
};

// Time off, microseconds; `to` is the first moment back.
struct AbsenceConfig {
  int64_t from = 0, to = 0;
};
struct MemberConfig {
  std::string id;
  int64_t weight = 1;  // 0: never chosen by rotation
  int64_t cap = 0;     // most open leads, over all pools; 0: no limit
  bool active = true;
  std::vector<AbsenceConfig> away = {};  // from all pools
};
enum class Strategy : uint8_t { kRoundRobin, kWeighted, kLeastLoaded };
struct PoolConfig {
  std::string name;
  Strategy strategy = Strategy::kRoundRobin;
  std::vector<MemberConfig> members;
};

struct RouteRuleConfig {
  std::string name;
  std::string when;
  std::string pool;
};
struct RoutingConfig {
  std::vector<TerritoryConfig> territories;
  std::vector<RouteRuleConfig> rules;  // asked in order
  std::vector<PoolConfig> pools;
  std::string fallback_pool;   // when no rule matches; "" for none
  std::string fallback_owner;  // when nobody of the pool is available; "" leaves the lead waiting
  bool affinity_existing = true;  // keep the owner of a known lead of the same person
  bool affinity_account = false;  // keep the owner of a known lead of the same company
};

// Somebody who has to do with the lead already, best first.
struct KnownOwner {
  enum class Why : uint8_t { kGiven, kExisting, kAccount };
  Why why = Why::kGiven;  // kGiven: named by the submit or import itself
  std::string owner;
  std::string detail;  // "owner of lead 01j… (same phone)"
};

// Immutable after Compile; const, total, deterministic and thread-safe.
class Routing {
 public:
  // Faults have paths from "routing": unknown pools, a member twice in a pool or with different
  // caps in two, negative weights and caps, absences that end before they start, malformed areas,
  // '/' in names. A rule may read the
  // score and the territory, not what is decided later (owner, pool, assign_time). nullptr when
  // there were any. `scope` is borrowed; its schema must outlive the result.
  static std::shared_ptr<const Routing> Compile(const RoutingConfig& config,
                                                const ExpressionScope& scope, Faults* faults);
  ~Routing();

  // Name of the most specific territory that holds the lead, or "". Of equals, the first. A region
  // or postal code without a country is taken to be in `default_country`.
  std::string_view Territory(LeadView view, std::string_view default_country = "") const;

  // What can be told without counters.
  struct Plan {
    Assignment assignment;  // territory, pool, rule and the steps so far
    size_t pool = kNoPool;
    std::vector<KnownOwner> known;      // those that the model lets count
    std::vector<std::string> counters;  // to be read for Choose, in this order
    int64_t now = 0;                    // microseconds: who is away
    std::string except;                 // a member who is not chosen: the lead's owner so far
    bool fallback = true;               // the fallback owner is asked when nobody is available
  };
  static constexpr size_t kNoPool = static_cast<size_t>(-1);
  Plan MakePlan(LeadView view, absl::Time now, std::vector<KnownOwner> known) const;
  // Without asking the rules: for a member of some pool (anybody, in a model without pools), for
  // whoever of a pool is next, for nobody. NOT_FOUND names the closest member or pool.
  absl::StatusOr<Plan> PlanForMember(std::string_view member, absl::Time now) const;
  absl::StatusOr<Plan> PlanForPool(std::string_view pool, absl::Time now) const;
  Plan PlanForNobody() const;

  struct Choice {
    Assignment assignment;
    std::vector<std::pair<std::string, int64_t>> counters;  // new values, changed ones only
  };
  // `values` are those of plan.counters. kNone when nobody is available; that takes no ticket.
  Choice Choose(const Plan& plan, std::span<const int64_t> values) const;

  const RoutingConfig& config() const;

  // Name of the counter of open leads that a member has.
  static std::string LoadCounter(std::string_view member);

 private:
  struct Compiled;
  // The pool of a plan whose other counters are there.
  void TakePool(size_t pool, Plan* plan) const;
  explicit Routing(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace leadcore

#endif  // LEADCORE_ROUTING_H_
