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

struct Lifecycle::Compiled {
  struct State {
    std::string folded;  // name by FoldText
    std::vector<FieldId> required;
    std::vector<std::shared_ptr<const Expression>> guards;  // as in the configuration
  };
  LifecycleConfig config;
  size_t initial = 0;
  std::vector<State> states;                                 // as in the configuration
  std::vector<std::shared_ptr<const Expression>> automatic;  // likewise
};

namespace {

// What the states and moves say beside their names and arrows.
class Compiler {
 public:
  Compiler(const LifecycleConfig& config, const ExpressionScope& scope, Faults* faults)
      : config_(config), scope_(scope), faults_(faults) {}

  std::vector<FieldId> Required(const StateConfig& state, const std::string& path) {
    std::vector<FieldId> fields;
    for (size_t i = 0; i < state.required.size(); ++i) {
      const Field* const field = scope_.schema->Find(state.required[i]);
      if (field != nullptr) {
        fields.push_back(field->id);
        continue;
      }
      Add(faults_, Cat(path, ".required[", i, "]"),
          Cat("unknown field '", state.required[i], "'",
              DidYouMean(scope_.schema->Suggest(state.required[i]))));
    }
    return fields;
  }

  std::vector<std::shared_ptr<const Expression>> Guards(const StateConfig& state,
                                                        const std::string& path) {
    std::vector<std::shared_ptr<const Expression>> guards;
    for (size_t i = 0; i < state.guards.size(); ++i) {
      const std::string here = Cat(path, ".guards[", i, "]");
      if (state.guards[i].name.empty()) {
        Add(faults_, here + ".name", "a guard needs a name: refusals show it");
      }
      guards.push_back(Condition(state.guards[i].when, here + ".when"));
    }
    return guards;
  }

  std::shared_ptr<const Expression> Automatic(const AutomaticConfig& move,
                                              const std::string& path) {
    if (move.name.empty())
      Add(faults_, path + ".name", "a move needs a name: the history shows it");
    const bool target = Position(config_.states, move.to) < config_.states.size();
    if (!target) Add(faults_, path + ".to", Unknown(config_.states, move.to));
    if (move.from.empty()) Add(faults_, path + ".from", "name the states that it moves leads from");
    for (size_t i = 0; i < move.from.size(); ++i) {
      const std::string here = Cat(path, ".from[", i, "]");
      const size_t from = Position(config_.states, move.from[i]);
      if (from == config_.states.size()) {
        Add(faults_, here, Unknown(config_.states, move.from[i]));
        continue;
      }
      const std::vector<std::string>& to = config_.states[from].to;
      if (!target || std::find(to.begin(), to.end(), move.to) != to.end()) continue;
      Add(faults_, here,
          Cat("'", move.to, "' does not follow '", move.from[i],
              "'; name it in the `to` of that state"));
    }
    return Condition(move.when, path + ".when");
  }

 private:
  std::shared_ptr<const Expression> Condition(const std::string& when, const std::string& path) {
    if (when.empty()) {
      Add(faults_, path, "the condition is missing");
      return nullptr;
    }
    return Expression::Compile(when, scope_, ExpressionType::kBool, path, faults_);
  }

  const LifecycleConfig& config_;
  const ExpressionScope& scope_;
  Faults* const faults_;
};

void CheckNames(const LifecycleConfig& config, Faults* faults) {
  std::vector<std::string> known;
  for (size_t i = 0; i < config.states.size(); ++i) {
    const StateConfig& state = config.states[i];
    const std::string path = Cat("lifecycle.states[", i, "]");
    std::string folded = FoldText(state.name);
    if (folded.empty()) {
      Add(faults, path + ".name", "a state needs a name");
    } else if (std::find(known.begin(), known.end(), folded) != known.end()) {
      Add(faults, path + ".name", Cat("two states are named '", state.name, "'"));
    }
    known.push_back(std::move(folded));
    if (state.next_action_within < 0) {
      Add(faults, path + ".next_action_within", "must not be negative");
    }
    CheckStage(state, path, faults);
  }
}

}  // namespace

Lifecycle::Lifecycle(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Lifecycle::~Lifecycle() = default;

std::shared_ptr<const Lifecycle> Lifecycle::Compile(const LifecycleConfig& config,
                                                    const ExpressionScope& scope, Faults* faults) {
  const size_t before = faults->size();
  if (config.states.empty()) Add(faults, "lifecycle.states", "at least one state is needed");
  if (config.states.size() > kMostStates) {
    Add(faults, "lifecycle.states", Cat("more than ", kMostStates, " states"));
    return nullptr;
  }
  auto compiled = std::make_unique<Compiled>();
  compiled->config = config;
  CheckNames(config, faults);
  CheckEnds(config, faults);
  CheckTargets(config, faults);
  compiled->initial = Position(config.states, config.initial);
  if (compiled->initial == config.states.size()) {
    Add(faults, "lifecycle.initial",
        config.initial.empty() ? "the state of new leads is missing"
                               : Unknown(config.states, config.initial));
  } else {
    CheckReachable(config, compiled->initial, faults);
  }
  Compiler compiler(config, scope, faults);
  for (size_t i = 0; i < config.states.size(); ++i) {
    const std::string path = Cat("lifecycle.states[", i, "]");
    compiled->states.push_back({FoldText(config.states[i].name),
                                compiler.Required(config.states[i], path),
                                compiler.Guards(config.states[i], path)});
  }
  for (size_t i = 0; i < config.automatic.size(); ++i) {
    compiled->automatic.push_back(
        compiler.Automatic(config.automatic[i], Cat("lifecycle.automatic[", i, "]")));
  }
  if (faults->size() != before) return nullptr;
  return std::shared_ptr<const Lifecycle>(new Lifecycle(std::move(compiled)));
}

const StateConfig& Lifecycle::initial() const {
  return compiled_->config.states[compiled_->initial];
}
const std::vector<StateConfig>& Lifecycle::states() const { return compiled_->config.states; }

const StateConfig* Lifecycle::Find(std::string_view name) const {
  const std::string folded = FoldText(name);
  for (size_t i = 0; i < compiled_->states.size(); ++i) {
    if (compiled_->states[i].folded == folded) return &compiled_->config.states[i];
  }
  return nullptr;
}

absl::Status Lifecycle::UnknownState(std::string_view name) const {
  return InvalidArgument(Unknown(compiled_->config.states, name));
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

std::vector<Obstacle> Lifecycle::Obstacles(const StateConfig& state, LeadView view,
                                           absl::Time now) const {
  const Compiled::State& compiled =
      compiled_->states[static_cast<size_t>(&state - compiled_->config.states.data())];
  std::vector<Obstacle> obstacles;
  Obstacle required{"required", {}};
  for (size_t i = 0; i < compiled.required.size(); ++i) {
    if (!view.has(compiled.required[i])) required.missing.push_back(state.required[i]);
  }
  if (!required.missing.empty()) obstacles.push_back(std::move(required));
  for (size_t i = 0; i < compiled.guards.size(); ++i) {
    std::vector<std::string> missing;
    const Truth truth = compiled.guards[i]->Test(view, now, &missing).truth;
    if (truth == Truth::kTrue) continue;
    if (truth == Truth::kFalse) missing.clear();
    // As people name them to set them.
    for (std::string& name : missing) {
      if (name.starts_with("lead.")) name.erase(0, 5);
    }
    obstacles.push_back({state.guards[i].name, std::move(missing)});
  }
  return obstacles;
}

const AutomaticConfig* Lifecycle::Automatic(const StateConfig& from, LeadView view,
                                            absl::Time now) const {
  for (size_t i = 0; i < compiled_->automatic.size(); ++i) {
    const AutomaticConfig& move = compiled_->config.automatic[i];
    if (std::find(move.from.begin(), move.from.end(), from.name) == move.from.end()) continue;
    if (compiled_->automatic[i]->Test(view, now).truth != Truth::kTrue) continue;
    if (Obstacles(*Find(move.to), view, now).empty()) return &move;
  }
  return nullptr;
}

}  // namespace leadcore
