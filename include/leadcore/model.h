// SPDX-License-Identifier: Apache-2.0
//
// Model: the whole configuration of an engine, compiled. Written as one JSON document, the JSON
// form of leadcore.v1.Model (proto/leadcore/v1/model.proto names every member).
//
// Compile once, then running cannot fail: Parse finds every mistake, all at once, each with its
// path, line and column. A Model reads no file (except the time zones that its conditions name) and
// knows no clock.
#ifndef LEADCORE_MODEL_H_
#define LEADCORE_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/lifecycle.h"
#include "leadcore/matching.h"
#include "leadcore/normalize.h"
#include "leadcore/routing.h"
#include "leadcore/schema.h"
#include "leadcore/scoring.h"
#include "leadcore/sources.h"
#include "leadcore/value.h"

namespace leadcore {

// A lead must have at least one of these fields.
struct RequiredConfig {
  std::vector<std::string> any_of;
};

struct ActivityKindConfig {
  std::string name;
  std::vector<CustomField> attributes;
  bool response = false;  // by a person of ours, to the lead: sets first_response_time
};

// How columns and cells of other systems become fields and values.
struct ImportConfig {
  std::vector<std::pair<std::string, std::string>> columns;  // header -> field; "" ignores it
  struct ValueMap {
    std::string field;
    std::vector<std::pair<std::string, std::string>> values;  // as written -> as meant
  };
  std::vector<ValueMap> values;
  std::vector<std::string> placeholders;  // cells that mean nothing: "Select"
  bool day_first = false;
  bool decimal_comma = false;
};

// Longer lists behind email_kind.
struct EmailListsConfig {
  std::vector<std::string> free, disposable, role;
};

// A sample lead and what must become of it; run through a real engine on an empty memory store.
struct ModelTest {
  std::string name;
  std::optional<int64_t> now;  // microseconds; none: 2026-01-05T09:00:00Z, a Monday
  std::vector<std::pair<std::string, std::string>> lead;  // field -> value, as in a CSV cell
  struct Happened {
    std::string kind;
    int64_t ago = 0;  // microseconds before now
    std::vector<std::pair<std::string, Attribute>> attributes;
  };
  std::vector<Happened> activities;
  struct Expect {
    std::optional<std::string> outcome;                  // "created" (default), "rejected"
    std::optional<double> score;                         // as shown
    std::vector<std::pair<std::string, double>> scores;  // of groups, as shown
    std::optional<std::string> band, owner, pool, territory, status, source;
  };
  Expect expect;
};

struct ModelConfig {
  std::string name;
  Currency currency;
  // Of phone numbers, regions, postal codes and territories of leads without one.
  std::string country = "US";
  std::vector<CustomField> fields;
  std::vector<ActivityKindConfig> activity_kinds;
  std::vector<SourceConfig> sources;
  EmailListsConfig email_lists;
  std::vector<RequiredConfig> required;
  std::vector<KeyConfig> keys;
  LifecycleConfig lifecycle;
  std::vector<std::string> unqualified_reasons;  // empty: any
  ScoringConfig scoring;
  RoutingConfig routing;
  ImportConfig import;
  std::vector<ModelTest> tests;
  SimilarityConfig matching;
};

// Immutable after Parse; thread-safe; share it const.
class Model {
 public:
  // A document that leaves out `sources`, `required`, `keys`, `lifecycle`, `scoring` or
  // `unqualified_reasons` gets the default model's; `activity_kinds` are added to the default
  // model's, by name. Nothing else is inherited: without `routing` nobody is assigned, without
  // `matching` leads are compared as SimilarityConfig says. nullptr when there were faults. At most
  // 8 MiB and 32 levels.
  static std::shared_ptr<const Model> Parse(std::string_view json, Faults* faults);

  // The built-in default: examples/models/b2b.json. Never destroyed.
  static const std::shared_ptr<const Model>& Default();

  ~Model();

  // The document as it was parsed, and its hash (32 hex digits of XXH3-128): what is published.
  const std::string& text() const;
  const std::string& hash() const;
  const ModelConfig& config() const;

  const std::shared_ptr<const Schema>& schema() const;
  std::span<const ActivityKind> kinds() const;
  // nullptr when there is none.
  const ActivityKind* FindKind(std::string_view name) const;
  bool IsResponse(const ActivityKind& kind) const;
  const ActivityAggregates& aggregates() const;

  const Scoring& scoring() const;
  const Matching& matching() const;      // keys
  const Similarity& similarity() const;  // beyond keys; the section `matching`
  const Routing& routing() const;
  const Lifecycle& lifecycle() const;
  const Sources& sources() const;
  const EmailLists& email_lists() const;

  // A condition over `lead` for lists and reports, with the model's fields and currency; nullptr on
  // faults. Activity aggregates are refused in it. The model must outlive the result.
  std::shared_ptr<const Expression> CompileFilter(std::string_view source, Faults* faults) const;

 private:
  friend class ModelCompiler;
  struct Parts;
  static std::shared_ptr<const Model> ParseOver(const ModelConfig* base, std::string_view json,
                                                Faults* faults);
  explicit Model(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

// "3:14: scoring.groups[0].rules[3].when: 1:7: unknown field 'emplyees', …", one line per fault.
std::string FormatFaults(const Faults& faults);

}  // namespace leadcore

#endif  // LEADCORE_MODEL_H_
