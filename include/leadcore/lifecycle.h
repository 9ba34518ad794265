// SPDX-License-Identifier: Apache-2.0
//
// Lifecycle: the states that a lead goes through, what to do next in each, which changes are
// allowed, and what a lead must have for them.
#ifndef LEADCORE_LIFECYCLE_H_
#define LEADCORE_LIFECYCLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/value.h"

namespace leadcore {

enum class StateType : uint8_t { kOpen, kWon, kLost };

// Must hold for a lead that enters a state.
struct GuardConfig {
  std::string name;  // for people: "the need is known"
  std::string when;
};
struct StateConfig {
  std::string name;  // "Contacted"
  StateType type = StateType::kOpen;
  std::string next_action;            // "Follow-up scheduled"
  int64_t next_action_within = 0;     // microseconds; when the next action is due; 0: not said
  std::string stage;                  // value of the field `stage` that goes with it; "" leaves it
  std::vector<std::string> to;        // states that may follow
  bool qualifies = false;             // who enters it is qualified: sets qualify_time
  std::vector<std::string> required;  // fields that a lead must have to enter it
  std::vector<GuardConfig> guards;
};
// Moves leads by itself, when a command leaves them so that the condition holds, and `required` and
// the guards of `to` do. Moments that come while nobody does anything with a lead move nothing.
struct AutomaticConfig {
  std::string name;
  std::vector<std::string> from;  // states
  std::string to;
  std::string when;
};
struct LifecycleConfig {
  std::string initial;  // of new leads
  std::vector<StateConfig> states;
  std::vector<AutomaticConfig> automatic = {};  // asked in order
};

// Why a lead cannot enter a state.
struct Obstacle {
  std::string rule;                  // "required", or the name of the guard
  std::vector<std::string> missing;  // fields that would have to be there to tell
};

// Immutable after Compile; const, total, deterministic and thread-safe.
class Lifecycle {
 public:
  // Faults have paths from "lifecycle" ("lifecycle.states[2].to[0]"): no or unknown initial state,
  // names taken twice (whatever their case), unknown targets, a state that no path from the initial
  // one reaches, no state that ends, a stage that the field does not have, unknown required fields,
  // faults of conditions, an automatic move that `to` does not allow. nullptr when there were any.
  // `scope` is borrowed; its schema must outlive the result.
  static std::shared_ptr<const Lifecycle> Compile(const LifecycleConfig& config,
                                                  const ExpressionScope& scope, Faults* faults);
  ~Lifecycle();

  const StateConfig& initial() const;
  const std::vector<StateConfig>& states() const;

  // By name, case and accents aside; nullptr when there is none.
  const StateConfig* Find(std::string_view name) const;

  // INVALID_ARGUMENT names the states, and the closest one, when `name` is none of them.
  absl::Status UnknownState(std::string_view name) const;

  // OK when `from` -> `to` is allowed (a state to itself is); FAILED_PRECONDITION names what may
  // follow `from`. Both must be names of states.
  absl::Status CheckTransition(std::string_view from, std::string_view to) const;

  // Everything that keeps a lead from entering `state`, one of states(); empty when nothing does.
  std::vector<Obstacle> Obstacles(const StateConfig& state, LeadView view, absl::Time now) const;

  // The first automatic move of a lead in the state `from`, one of states(); nullptr when none
  // holds. The move's `to` is the name of a state.
  const AutomaticConfig* Automatic(const StateConfig& from, LeadView view, absl::Time now) const;

 private:
  struct Compiled;
  explicit Lifecycle(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace leadcore

#endif  // LEADCORE_LIFECYCLE_H_
