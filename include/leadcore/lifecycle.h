// SPDX-License-Identifier: Apache-2.0
//
// Lifecycle: the states that a lead goes through, what to do next in each, and which changes are
// allowed.
#ifndef LEADCORE_LIFECYCLE_H_
#define LEADCORE_LIFECYCLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "leadcore/value.h"

namespace leadcore {

enum class StateType : uint8_t { kOpen, kWon, kLost };

struct StateConfig {
  std::string name;  // "Contacted"
  StateType type = StateType::kOpen;
  std::string next_action;         // "Follow-up scheduled"
  int64_t next_action_within = 0;  // microseconds; when the next action is due; 0: not said
  std::string stage;               // value of the field `stage` that goes with it; "" leaves it
  std::vector<std::string> to;     // states that may follow
};
struct LifecycleConfig {
  std::string initial;  // of new leads
  std::vector<StateConfig> states;
};

// Immutable after Compile; thread-safe.
class Lifecycle {
 public:
  // Faults have paths from "lifecycle" ("lifecycle.states[2].to[0]"): no or unknown initial state,
  // names taken twice (whatever their case), unknown targets, a state that no path from the initial
  // one reaches, no state that ends, a stage that the field does not have. nullptr when there were
  // any.
  static std::shared_ptr<const Lifecycle> Compile(const LifecycleConfig& config, Faults* faults);

  const StateConfig& initial() const { return config_.states[initial_]; }
  const std::vector<StateConfig>& states() const { return config_.states; }

  // By name, case and accents aside; nullptr when there is none.
  const StateConfig* Find(std::string_view name) const;

  // INVALID_ARGUMENT names the states, and the closest one, when `name` is none of them.
  absl::Status UnknownState(std::string_view name) const;

  // OK when `from` -> `to` is allowed (a state to itself is); FAILED_PRECONDITION names what may
  // follow `from`. Both must be names of states.
  absl::Status CheckTransition(std::string_view from, std::string_view to) const;

 private:
  Lifecycle() = default;

  LifecycleConfig config_;
  size_t initial_ = 0;
  std::vector<std::string> folded_;  // names by FoldText, as in config_
};

}  // namespace leadcore

#endif  // LEADCORE_LIFECYCLE_H_
