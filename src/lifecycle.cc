// SPDX-License-Identifier: Apache-2.0
#include "leadcore/lifecycle.h"

#include <algorithm>
#include <memory>

#include "leadcore/normalize.h"
#include "leadcore/schema.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kMostStates = 200;

void Add(Faults* faults, std::string path, std::string message) {
  faults->push_back({std::move(path), -1, std::move(message)});
}

std::string Names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

// Position of `name` among `states`, or states.size().
size_t Position(const std::vector<StateConfig>& states, std::string_view name) {
  return std::find_if(states.begin(), states.end(),
                      [name](const StateConfig& state) { return state.name == name; }) -
         states.begin();
}

std::string Unknown(const std::vector<StateConfig>& states, std::string_view name) {
  std::vector<std::string> names;
  std::vector<std::string_view> views;
  for (const StateConfig& state : states) {
    names.push_back(state.name);
    views.push_back(state.name);
  }
  const std::string_view closest = ClosestName(name, views.data(), views.size());
  std::string out = Cat("no state is named '", name, "'");
  if (!closest.empty()) out += Cat(", did you mean '", closest, "'?");
  return out + Cat(" (states: ", Names(names), ")");
}

void CheckStage(const StateConfig& state, const std::string& path, Faults* faults) {
  if (state.stage.empty()) return;
  const std::vector<std::string_view> stages = Schema::BuiltIn()->Choices(field::kStage);
  if (std::find(stages.begin(), stages.end(), state.stage) != stages.end()) return;
  std::vector<std::string> names(stages.begin(), stages.end());
  Add(faults, path + ".stage", Cat("'", state.stage, "' is no stage; stages are ", Names(names)));
}

void CheckTargets(const LifecycleConfig& config, Faults* faults) {
  for (size_t i = 0; i < config.states.size(); ++i) {
    for (size_t j = 0; j < config.states[i].to.size(); ++j) {
      const std::string& target = config.states[i].to[j];
      if (Position(config.states, target) < config.states.size()) continue;
      Add(faults, Cat("lifecycle.states[", i, "].to[", j, "]"), Unknown(config.states, target));
    }
  }
}

// Else no lead would ever be won or lost.
void CheckEnds(const LifecycleConfig& config, Faults* faults) {
  const auto ends = [](const StateConfig& state) { return state.type != StateType::kOpen; };
  if (config.states.empty() || std::any_of(config.states.begin(), config.states.end(), ends))
    return;
  Add(faults, "lifecycle.states", "at least one state must end a lead: of the type won or lost");
}

// States that no path from the initial one reaches are a mistake: nobody could ever be in them.
void CheckReachable(const LifecycleConfig& config, size_t initial, Faults* faults) {
  std::vector<bool> reached(config.states.size(), false);
  std::vector<size_t> next = {initial};
  reached[initial] = true;
  while (!next.empty()) {
    const StateConfig& state = config.states[next.back()];
    next.pop_back();
    for (const std::string& target : state.to) {
      const size_t at = Position(config.states, target);
      if (at == config.states.size() || reached[at]) continue;
      reached[at] = true;
      next.push_back(at);
    }
  }
  for (size_t i = 0; i < reached.size(); ++i) {
    if (reached[i]) continue;
    Add(faults, Cat("lifecycle.states[", i, "]"),
        Cat("state '", config.states[i].name, "' cannot be reached from '", config.initial,
            "'; name it in the `to` of another state"));
  }
}

}  // namespace

std::shared_ptr<const Lifecycle> Lifecycle::Compile(const LifecycleConfig& config, Faults* faults) {
  const size_t before = faults->size();
  std::shared_ptr<Lifecycle> lifecycle(new Lifecycle);
  if (config.states.empty()) Add(faults, "lifecycle.states", "at least one state is needed");
  if (config.states.size() > kMostStates) {
    Add(faults, "lifecycle.states", Cat("more than ", kMostStates, " states"));
    return nullptr;
  }
  for (size_t i = 0; i < config.states.size(); ++i) {
    const StateConfig& state = config.states[i];
    const std::string path = Cat("lifecycle.states[", i, "]");
    std::string folded = FoldText(state.name);
    const auto& known = lifecycle->folded_;
    if (folded.empty()) {
      Add(faults, path + ".name", "a state needs a name");
    } else if (std::find(known.begin(), known.end(), folded) != known.end()) {
      Add(faults, path + ".name", Cat("two states are named '", state.name, "'"));
    }
    lifecycle->folded_.push_back(std::move(folded));
    if (state.next_action_within < 0) {
      Add(faults, path + ".next_action_within", "must not be negative");
    }
    CheckStage(state, path, faults);
  }
  CheckEnds(config, faults);
  CheckTargets(config, faults);
  lifecycle->initial_ = Position(config.states, config.initial);
  if (lifecycle->initial_ == config.states.size()) {
    Add(faults, "lifecycle.initial",
        config.initial.empty() ? "the state of new leads is missing"
                               : Unknown(config.states, config.initial));
  } else {
    CheckReachable(config, lifecycle->initial_, faults);
  }
  lifecycle->config_ = config;
  return faults->size() == before ? lifecycle : nullptr;
}

const StateConfig* Lifecycle::Find(std::string_view name) const {
  const auto at = std::find(folded_.begin(), folded_.end(), FoldText(name));
  return at == folded_.end() ? nullptr : &config_.states[at - folded_.begin()];
}

absl::Status Lifecycle::UnknownState(std::string_view name) const {
  return InvalidArgument(Unknown(config_.states, name));
}

absl::Status Lifecycle::CheckTransition(std::string_view from, std::string_view to) const {
  const StateConfig* state = Find(from);
  if (state == nullptr) return UnknownState(from);
  const StateConfig* target = Find(to);
  if (target == nullptr) return UnknownState(to);
  const auto& allowed = state->to;
  if (state == target || std::find(allowed.begin(), allowed.end(), target->name) != allowed.end()) {
    return absl::OkStatus();
  }
  return FailedPrecondition("a lead cannot go from ", state->name, " to ", target->name,
                            allowed.empty()
                                ? std::string("; nothing follows it")
                                : Cat("; after ", state->name, " may come: ", Names(allowed)));
}

}  // namespace leadcore
