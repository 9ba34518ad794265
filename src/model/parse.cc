// SPDX-License-Identifier: Apache-2.0
#include "model/parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <utility>

#include "text.h"

namespace leadcore {
namespace {

using Handler = std::function<void(const Json&, const std::string&)>;
using Members = std::vector<std::pair<std::string_view, Handler>>;

// employeeCount is employee_count: the JSON form of protobuf has both.
std::string SnakeCase(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      if (!out.empty()) out.push_back('_');
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class Parser {
 public:
  explicit Parser(Faults* faults) : faults_(faults) {}

  void Model(const Json& json, ModelConfig* config) {
    // Amounts without a currency are in the model's, wherever in the document it stands.
    options_.currency = config->currency;
    if (const Json* currency = json.Find("currency"); currency != nullptr) {
      const absl::StatusOr<Currency> parsed = ParseCurrency(currency->text);
      if (parsed.ok()) options_.currency = *parsed;
    }
    Object(json, "",
           {{"name", Text(&config->name)},
            {"currency", CurrencyOf(&config->currency)},
            {"country", Text(&config->country)},
            {"fields", List(&config->fields, &Parser::Field)},
            {"activity_kinds", Kinds(&config->activity_kinds)},
            {"sources", List(&config->sources, &Parser::Source)},
            {"email_lists", Of(&config->email_lists, &Parser::EmailLists)},
            {"required", List(&config->required, &Parser::Required)},
            {"keys", List(&config->keys, &Parser::Key)},
            {"lifecycle", Of(&config->lifecycle, &Parser::Lifecycle)},
            {"unqualified_reasons", Texts(&config->unqualified_reasons)},
            {"scoring", Of(&config->scoring, &Parser::Scoring)},
            {"routing", Of(&config->routing, &Parser::Routing)},
            {"import", Of(&config->import, &Parser::Import)},
            {"tests", List(&config->tests, &Parser::Test)},
            {"matching", Of(&config->matching, &Parser::Matching)}});
  }

 private:
  void Fault(const std::string& path, std::string message) {
    faults_->push_back({path, -1, std::move(message)});
  }

  bool Is(const Json& json, const std::string& path, Json::Kind kind) {
    if (json.kind == kind) return true;
    const bool table = json.kind == Json::Kind::kString && json.text.starts_with("@");
    Fault(path, table ? Cat("'", json.text, "' was not read: tables beside the model are put in ",
                            "by the command line; give the document whole")
                      : Cat("expected ", JsonKindName(kind), ", found ", JsonKindName(json.kind)));
    return false;
  }

  static std::string Join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : Cat(path, ".", name);
  }

  void Object(const Json& json, const std::string& path, const Members& members) {
    if (!Is(json, path, Json::Kind::kObject)) return;
    for (size_t i = 0; i < json.keys.size(); ++i) {
      const std::string& written = json.keys[i].first;
      const std::string name = SnakeCase(written);
      const auto at = std::find_if(members.begin(), members.end(),
                                   [&](const auto& member) { return member.first == name; });
      if (at != members.end()) {
        if (json.items[i].kind != Json::Kind::kNull) at->second(json.items[i], Join(path, written));
        continue;
      }
      std::vector<std::string_view> names;
      for (const auto& member : members) names.push_back(member.first);
      const std::string_view closest = ClosestName(name, names.data(), names.size());
      std::string all;
      for (const std::string_view each : names) all += Cat(all.empty() ? "" : ", ", each);
      Fault(Join(path, written), Cat("unknown member '", written, "'",
                                     closest.empty() ? Cat(" (members: ", all, ")")
                                                     : Cat(", did you mean '", closest, "'?")));
    }
  }

  // ---- what members hold

  Handler Text(std::string* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (Is(json, path, Json::Kind::kString)) *out = json.text;
    };
  }
  Handler Optional(std::optional<std::string>* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (Is(json, path, Json::Kind::kString)) *out = json.text;
    };
  }
  Handler Boolean(bool* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (Is(json, path, Json::Kind::kBoolean)) *out = json.boolean;
    };
  }
  bool Number(const Json& json, const std::string& path, double* out) {
    if (!Is(json, path, Json::Kind::kNumber)) return false;
    const auto [end, error] =
        std::from_chars(json.text.data(), json.text.data() + json.text.size(), *out);
    if (error == std::errc() && end == json.text.data() + json.text.size() && std::isfinite(*out)) {
      return true;
    }
    *out = 0;
    Fault(path, Cat("'", json.text, "' is out of range"));
    return false;
  }
  Handler Real(double* out) {
    return [this, out](const Json& json, const std::string& path) { Number(json, path, out); };
  }
  Handler OptionalReal(std::optional<double>* out) {
    return [this, out](const Json& json, const std::string& path) {
      double value = 0;
      if (Number(json, path, &value)) *out = value;
    };
  }
  // protobuf writes whole numbers of 64 bits as text; both are read.
  Handler Integer(int64_t* out) {
    return [this, out](const Json& json, const std::string& path) {
      double value = 0;
      Json number = json;
      const bool digits = json.text.find_first_not_of("0123456789", json.text.starts_with('-')) ==
                          std::string::npos;
      if (json.kind == Json::Kind::kString && digits) number.kind = Json::Kind::kNumber;
      if (!Number(number, path, &value)) return;
      if (value != std::floor(value) || std::fabs(value) > 9e15) {
        Fault(path, Cat("expected a whole number, found ", json.text));
      } else {
        *out = static_cast<int64_t>(value);
      }
    };
  }
  Handler Span(int64_t* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      const absl::StatusOr<int64_t> micros = ParseDuration(json.text);
      if (micros.ok()) {
        *out = *micros;
      } else {
        Fault(path, std::string(Message(micros.status())));
      }
    };
  }
  Handler Moment(std::optional<int64_t>* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      const absl::StatusOr<int64_t> micros = ParseTime(json.text);
      if (micros.ok()) {
        *out = *micros;
      } else {
        Fault(path, std::string(Message(micros.status())));
      }
    };
  }
  Handler CurrencyOf(Currency* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      const absl::StatusOr<Currency> currency = ParseCurrency(json.text);
      if (currency.ok()) {
        *out = *currency;
      } else {
        Fault(path, std::string(Message(currency.status())));
      }
    };
  }
  // A scalar of the field table's types, written as text.
  Handler Scalar(Type type, std::function<void(const Value&)> take) {
    return [this, type, take = std::move(take)](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      const absl::StatusOr<Value> value = ParseValue(type, json.text, options_);
      if (value.ok()) {
        take(*value);
      } else {
        Fault(path, std::string(Message(value.status())));
      }
    };
  }
  // One of a few words.
  template <typename Enum>
  Handler Choice(Enum* out, std::vector<std::pair<std::string_view, Enum>> words) {
    return [this, out, words = std::move(words)](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      std::string names;
      for (const auto& [word, value] : words) {
        if (word == json.text) {
          *out = value;
          return;
        }
        names += Cat(names.empty() ? "" : ", ", word);
      }
      Fault(path, Cat("'", json.text, "' is none of: ", names));
    };
  }
  Handler Texts(std::vector<std::string>* out) {
    return [this, out](const Json& json, const std::string& path) {
      out->clear();
      if (!Is(json, path, Json::Kind::kArray)) return;
      for (size_t i = 0; i < json.items.size(); ++i) {
        if (Is(json.items[i], Cat(path, "[", i, "]"), Json::Kind::kString)) {
          out->push_back(json.items[i].text);
        }
      }
    };
  }
  // {"as written": "as meant"}; numbers and booleans stand as they are written.
  Handler TextMap(std::vector<std::pair<std::string, std::string>>* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kObject)) return;
      for (size_t i = 0; i < json.keys.size(); ++i) {
        const Json& value = json.items[i];
        if (value.kind == Json::Kind::kArray || value.kind == Json::Kind::kObject) {
          Fault(Join(path, json.keys[i].first), "expected text, a number or true or false");
          continue;
        }
        out->emplace_back(json.keys[i].first, value.kind == Json::Kind::kBoolean
                                                  ? (value.boolean ? "true" : "false")
                                                  : value.text);
      }
    };
  }
  Handler PointsMap(std::vector<std::pair<std::string, double>>* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kObject)) return;
      for (size_t i = 0; i < json.keys.size(); ++i) {
        double points = 0;
        if (Number(json.items[i], Cat(path, "[\"", json.keys[i].first, "\"]"), &points)) {
          out->emplace_back(json.keys[i].first, points);
        }
      }
    };
  }
  template <typename T>
  Handler Of(T* out, void (Parser::*parse)(const Json&, const std::string&, T*)) {
    return [this, out, parse](const Json& json, const std::string& path) {
      *out = T();
      (this->*parse)(json, path, out);
    };
  }
  template <typename T>
  Handler List(std::vector<T>* out, void (Parser::*parse)(const Json&, const std::string&, T*)) {
    return [this, out, parse](const Json& json, const std::string& path) {
      out->clear();
      if (!Is(json, path, Json::Kind::kArray)) return;
      for (size_t i = 0; i < json.items.size(); ++i) {
        T item;
        (this->*parse)(json.items[i], Cat(path, "[", i, "]"), &item);
        out->push_back(std::move(item));
      }
    };
  }

  // ---- sections

  void Field(const Json& json, const std::string& path, CustomField* field) {
    Object(json, path,
           {{"name", Text(&field->name)},
            {"type", TypeOf(&field->type)},
            {"shape", Choice(&field->shape, {{"scalar", Shape::kScalar}, {"list", Shape::kList}})},
            {"choices", Texts(&field->choices)},
            {"indexed", Boolean(&field->indexed)},
            {"meaning", Text(&field->meaning)}});
  }
  Handler TypeOf(Type* out) {
    return [this, out](const Json& json, const std::string& path) {
      if (!Is(json, path, Json::Kind::kString)) return;
      const std::optional<Type> type = TypeFromName(json.text);
      if (type) {
        *out = *type;
      } else {
        Fault(path, Cat("'", json.text, "' is no type (text, integer, real, boolean, time, date, ",
                        "duration, money, choice)"));
      }
    };
  }

  // Kinds are added to those that are there; the same name replaces.
  Handler Kinds(std::vector<ActivityKindConfig>* out) {
    return [this, out](const Json& json, const std::string& path) {
      std::vector<ActivityKindConfig> kinds;
      List(&kinds, &Parser::Kind)(json, path);
      for (size_t i = 0; i < kinds.size(); ++i) {
        const auto same = [&](const ActivityKindConfig& kind) {
          return kind.name == kinds[i].name;
        };
        const auto here = kinds.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(kinds.begin(), here, same)) {
          Fault(Cat(path, "[", i, "].name"), Cat("two kinds are named '", kinds[i].name, "'"));
        }
        const auto known = std::find_if(out->begin(), out->end(), same);
        known == out->end() ? out->push_back(kinds[i]) : void(*known = kinds[i]);
      }
    };
  }
  void Kind(const Json& json, const std::string& path, ActivityKindConfig* kind) {
    Object(json, path,
           {{"name", Text(&kind->name)},
            {"attributes", List(&kind->attributes, &Parser::Field)},
            {"response", Boolean(&kind->response)}});
    if (kind->name.empty()) Fault(path, "an activity kind needs a name");
  }

  void Source(const Json& json, const std::string& path, SourceConfig* source) {
    Object(json, path,
           {{"id", Text(&source->id)},
            {"name", Text(&source->name)},
            {"aliases", Texts(&source->aliases)},
            {"medium", Text(&source->medium)},
            {"costs", List(&source->costs, &Parser::Cost)}});
    if (source->id.empty()) Fault(path, "a source needs an id");
  }
  void Cost(const Json& json, const std::string& path, SourceCost* cost) {
    Object(json, path,
           {{"from", Scalar(Type::kDate, [=](const Value& v) { cost->from = v.date(); })},
            {"to", Scalar(Type::kDate, [=](const Value& v) { cost->to = v.date(); })},
            {"amount", Scalar(Type::kMoney, [=](const Value& v) { cost->amount = v.money(); })}});
  }

  void EmailLists(const Json& json, const std::string& path, EmailListsConfig* lists) {
    Object(json, path,
           {{"free", Texts(&lists->free)},
            {"disposable", Texts(&lists->disposable)},
            {"role", Texts(&lists->role)}});
  }

  void Required(const Json& json, const std::string& path, RequiredConfig* required) {
    Object(json, path, {{"any_of", Texts(&required->any_of)}});
    if (required->any_of.empty()) Fault(path, "name at least one field in `any_of`");
  }

  void Key(const Json& json, const std::string& path, KeyConfig* key) {
    std::optional<OnHit> on_hit;
    OnHit written = OnHit::kFlag;
    Object(json, path,
           {{"name", Text(&key->name)},
            {"exclusive", Boolean(&key->exclusive)},
            {"fields", Texts(&key->fields)},
            {"on_hit", [&](const Json& value, const std::string& at) {
               Choice(&written, {{"reject", OnHit::kReject},
                                 {"attach", OnHit::kAttach},
                                 {"fill", OnHit::kFill},
                                 {"flag", OnHit::kFlag}})(value, at);
               on_hit = written;
             }}});
    key->on_hit = on_hit.value_or(key->exclusive ? OnHit::kReject : OnHit::kFlag);
  }

  void Matching(const Json& json, const std::string& path, SimilarityConfig* matching) {
    Object(json, path,
           {{"fields", List(&matching->fields, &Parser::MatchField)},
            {"possible", Real(&matching->possible)},
            {"sure", Real(&matching->sure)},
            {"block_cap", Integer(&matching->block_cap)}});
  }
  void MatchField(const Json& json, const std::string& path, SimilarityField* field) {
    const auto kind = [&](const Json& value, const std::string& at) {
      if (!Is(value, at, Json::Kind::kString)) return;
      field->kind = SimilarityKindFromName(value.text);
      if (field->kind) return;
      std::string names;
      for (const std::string_view name : SimilarityKindNames()) {
        names += Cat(names.empty() ? "" : ", ", name);
      }
      Fault(at, Cat("'", value.text, "' is none of: ", names));
    };
    Object(json, path,
           {{"field", Text(&field->field)},
            {"kind", kind},
            {"agree", OptionalReal(&field->agree)},
            {"disagree", OptionalReal(&field->disagree)}});
  }

  void Lifecycle(const Json& json, const std::string& path, LifecycleConfig* lifecycle) {
    Object(json, path,
           {{"initial", Text(&lifecycle->initial)},
            {"states", List(&lifecycle->states, &Parser::State)},
            {"automatic", List(&lifecycle->automatic, &Parser::Automatic)}});
  }
  void State(const Json& json, const std::string& path, StateConfig* state) {
    Object(json, path,
           {{"name", Text(&state->name)},
            {"type", Choice(&state->type, {{"open", StateType::kOpen},
                                           {"won", StateType::kWon},
                                           {"lost", StateType::kLost}})},
            {"next_action", Text(&state->next_action)},
            {"next_action_within", Span(&state->next_action_within)},
            {"stage", Text(&state->stage)},
            {"to", Texts(&state->to)},
            {"qualifies", Boolean(&state->qualifies)},
            {"required", Texts(&state->required)},
            {"guards", List(&state->guards, &Parser::Guard)}});
  }
  void Guard(const Json& json, const std::string& path, GuardConfig* guard) {
    Object(json, path, {{"name", Text(&guard->name)}, {"when", Text(&guard->when)}});
  }
  void Automatic(const Json& json, const std::string& path, AutomaticConfig* move) {
    Object(json, path,
           {{"name", Text(&move->name)},
            {"from", Texts(&move->from)},
            {"to", Text(&move->to)},
            {"when", Text(&move->when)}});
  }

  void Scoring(const Json& json, const std::string& path, ScoringConfig* scoring) {
    Object(json, path,
           {{"floor", Real(&scoring->floor)},
            {"cap", Real(&scoring->cap)},
            {"groups", List(&scoring->groups, &Parser::Group)},
            {"bands", List(&scoring->bands, &Parser::Band)}});
  }
  void Group(const Json& json, const std::string& path, ScoreGroupConfig* group) {
    Object(json, path,
           {{"name", Text(&group->name)},
            {"floor", Real(&group->floor)},
            {"cap", Real(&group->cap)},
            {"rules", List(&group->rules, &Parser::ScoreRule)}});
  }
  void ScoreRule(const Json& json, const std::string& path, ScoreRuleConfig* rule) {
    Object(json, path,
           {{"name", Text(&rule->name)},
            {"when", Text(&rule->when)},
            {"points", Real(&rule->points)},
            {"field", Text(&rule->field)},
            {"table", PointsMap(&rule->table)}});
  }
  void Band(const Json& json, const std::string& path, BandConfig* band) {
    Object(json, path, {{"name", Text(&band->name)}, {"from", Integer(&band->from)}});
  }

  void Routing(const Json& json, const std::string& path, RoutingConfig* routing) {
    const auto affinity = [&](const Json& value, const std::string& at) {
      std::vector<std::string> words;
      Texts (&words)(value, at);
      routing->affinity_existing = routing->affinity_account = false;
      for (const std::string& word : words) {
        if (word == "existing") {
          routing->affinity_existing = true;
        } else if (word == "account") {
          routing->affinity_account = true;
        } else {
          Fault(at, Cat("'", word, "' is none of: existing, account"));
        }
      }
    };
    Object(json, path,
           {{"territories", List(&routing->territories, &Parser::Territory)},
            {"rules", List(&routing->rules, &Parser::RouteRule)},
            {"pools", List(&routing->pools, &Parser::Pool)},
            {"fallback_pool", Text(&routing->fallback_pool)},
            {"fallback_owner", Text(&routing->fallback_owner)},
            {"affinity", affinity}});
  }
  void Territory(const Json& json, const std::string& path, TerritoryConfig* territory) {
    Object(json, path,
           {{"name", Text(&territory->name)}, {"areas", List(&territory->areas, &Parser::Area)}});
  }
  void Area(const Json& json, const std::string& path, AreaConfig* area) {
    Object(json, path,
           {{"country", Text(&area->country)},
            {"region", Text(&area->region)},
            {"postal_from", Text(&area->postal_from)},
            {"postal_to", Text(&area->postal_to)}});
  }
  void RouteRule(const Json& json, const std::string& path, RouteRuleConfig* rule) {
    Object(json, path,
           {{"name", Text(&rule->name)}, {"when", Text(&rule->when)}, {"pool", Text(&rule->pool)}});
  }
  void Pool(const Json& json, const std::string& path, PoolConfig* pool) {
    Object(json, path,
           {{"name", Text(&pool->name)},
            {"strategy", Choice(&pool->strategy, {{"round_robin", Strategy::kRoundRobin},
                                                  {"weighted", Strategy::kWeighted},
                                                  {"least_loaded", Strategy::kLeastLoaded}})},
            {"members", List(&pool->members, &Parser::Member)}});
  }
  void Member(const Json& json, const std::string& path, MemberConfig* member) {
    Object(json, path,
           {{"id", Text(&member->id)},
            {"weight", Integer(&member->weight)},
            {"cap", Integer(&member->cap)},
            {"active", Boolean(&member->active)},
            {"away", List(&member->away, &Parser::Absence)}});
  }
  void Absence(const Json& json, const std::string& path, AbsenceConfig* absence) {
    Object(json, path,
           {{"from", Scalar(Type::kTime, [=](const Value& v) { absence->from = v.micros(); })},
            {"to", Scalar(Type::kTime, [=](const Value& v) { absence->to = v.micros(); })}});
  }

  void Import(const Json& json, const std::string& path, ImportConfig* import) {
    Object(json, path,
           {{"columns", TextMap(&import->columns)},
            {"values", List(&import->values, &Parser::ValueMap)},
            {"placeholders", Texts(&import->placeholders)},
            {"day_first", Boolean(&import->day_first)},
            {"decimal_comma", Boolean(&import->decimal_comma)}});
  }
  void ValueMap(const Json& json, const std::string& path, ImportConfig::ValueMap* map) {
    Object(json, path, {{"field", Text(&map->field)}, {"map", TextMap(&map->values)}});
  }

  void Test(const Json& json, const std::string& path, ModelTest* test) {
    Object(json, path,
           {{"name", Text(&test->name)},
            {"now", Moment(&test->now)},
            {"lead", TextMap(&test->lead)},
            {"activities", List(&test->activities, &Parser::Happened)},
            {"expect", Of(&test->expect, &Parser::Expect)}});
  }
  void Happened(const Json& json, const std::string& path, ModelTest::Happened* happened) {
    const auto attributes = [&](const Json& value, const std::string& at) {
      if (!Is(value, at, Json::Kind::kObject)) return;
      for (size_t i = 0; i < value.keys.size(); ++i) {
        happened->attributes.emplace_back(
            value.keys[i].first, AttributeOf(value.items[i], Join(at, value.keys[i].first)));
      }
    };
    Object(json, path,
           {{"kind", Text(&happened->kind)},
            {"ago", Span(&happened->ago)},
            {"attributes", attributes}});
  }
  Attribute AttributeOf(const Json& json, const std::string& path) {
    if (json.kind == Json::Kind::kBoolean) return json.boolean;
    if (json.kind == Json::Kind::kNumber) {
      double real = 0;
      Number(json, path, &real);
      const bool whole = json.text.find_first_of(".eE") == std::string::npos;
      if (whole && std::fabs(real) < 9e15) return static_cast<int64_t>(real);
      return real;
    }
    Is(json, path, Json::Kind::kString);
    return json.text;
  }
  void Expect(const Json& json, const std::string& path, ModelTest::Expect* expect) {
    Object(json, path,
           {{"outcome", Optional(&expect->outcome)},
            {"score", OptionalReal(&expect->score)},
            {"scores", PointsMap(&expect->scores)},
            {"band", Optional(&expect->band)},
            {"owner", Optional(&expect->owner)},
            {"pool", Optional(&expect->pool)},
            {"territory", Optional(&expect->territory)},
            {"status", Optional(&expect->status)},
            {"source", Optional(&expect->source)}});
  }

  Faults* const faults_;
  ParseOptions options_;
};

}  // namespace

void ParseModelConfig(const Json& document, ModelConfig* config, Faults* faults) {
  Parser(faults).Model(document, config);
}

}  // namespace leadcore
