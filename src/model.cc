// SPDX-License-Identifier: Apache-2.0
#include "leadcore/model.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "model/default_model.h"
#include "model/json.h"
#include "model/parse.h"
#include "text.h"

namespace leadcore {

struct Model::Parts {
  std::string text;
  std::string hash;
  ModelConfig config;
  std::shared_ptr<const Schema> schema;
  std::vector<ActivityKind> kinds;
  ActivityAggregates aggregates;
  leadcore::EmailLists email_lists;
  std::shared_ptr<const Scoring> scoring;
  std::shared_ptr<const Matching> matching;
  std::shared_ptr<const Similarity> similarity;
  std::shared_ptr<const Routing> routing;
  std::shared_ptr<const Lifecycle> lifecycle;
  std::shared_ptr<const Sources> sources;
};

namespace {

std::string Hash(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char hex[40];
  std::snprintf(hex, sizeof(hex), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return hex;
}

// Checks of names that no single part of a model makes.
class Checker {
 public:
  Checker(const ModelConfig& config, const Schema& schema, Faults* faults)
      : config_(config), schema_(schema), faults_(faults) {}

  void Run() {
    for (size_t i = 0; i < config_.required.size(); ++i) {
      for (size_t j = 0; j < config_.required[i].any_of.size(); ++j) {
        Known(config_.required[i].any_of[j], Cat("required[", i, "].any_of[", j, "]"));
      }
    }
    for (const auto& [header, field] : config_.import.columns) {
      if (!field.empty()) Known(field, Cat("import.columns.", header));
    }
    for (size_t i = 0; i < config_.import.values.size(); ++i) {
      Known(config_.import.values[i].field, Cat("import.values[", i, "].field"));
    }
    for (size_t i = 0; i < config_.tests.size(); ++i) Test(config_.tests[i], Cat("tests[", i, "]"));
  }

 private:
  const Field* Known(std::string_view name, const std::string& path) {
    const Field* field = schema_.Find(name);
    if (field != nullptr) return field;
    const std::string_view closest = schema_.Suggest(name);
    faults_->push_back({path, -1, Cat("unknown field '", name, "'", DidYouMean(closest))});
    return nullptr;
  }

  void Test(const ModelTest& test, const std::string& path) {
    for (const auto& [name, text] : test.lead) {
      const Field* field = Known(name, Cat(path, ".lead.", name));
      if (field != nullptr && field->type == Type::kRecord) {
        faults_->push_back({Cat(path, ".lead.", name), -1, "tests cannot give lists of records"});
      }
    }
    for (const auto& [group, points] : test.expect.scores) {
      if (schema_.ScoreGroup(group) != nullptr) continue;
      faults_->push_back({Cat(path, ".expect.scores[\"", group, "\"]"), -1,
                          Cat("there is no score group '", group, "'")});
    }
  }

  const ModelConfig& config_;
  const Schema& schema_;
  Faults* const faults_;
};

LifecycleConfig WithoutConditions(LifecycleConfig config) {
  config.automatic.clear();
  for (StateConfig& state : config.states) {
    state.required.clear();
    state.guards.clear();
  }
  return config;
}

void AddEmailList(EmailKind kind, const std::vector<std::string>& entries, std::string_view path,
                  EmailLists* lists, Faults* faults) {
  const absl::Status status = lists->Add(kind, entries);
  if (!status.ok()) faults->push_back({std::string(path), -1, std::string(Message(status))});
}

// What a document that says nothing of it has: the sections that a lead engine cannot be without.
ModelConfig Inherited(const ModelConfig& base) {
  ModelConfig config;
  config.activity_kinds = base.activity_kinds;
  config.sources = base.sources;
  config.required = base.required;
  config.keys = base.keys;
  config.lifecycle = base.lifecycle;
  config.unqualified_reasons = base.unqualified_reasons;
  config.scoring = base.scoring;
  return config;
}

}  // namespace

// Makes the parts of a model, in the order in which they need each other.
class ModelCompiler {
 public:
  ModelCompiler(Model::Parts* parts, Faults* faults) : parts_(*parts), faults_(faults) {}

  void Run() {
    const ModelConfig& config = parts_.config;
    if (absl::StatusOr<std::string> country = NormalizeCountry(config.country); !country.ok()) {
      faults_->push_back({"country", -1, std::string(Message(country.status()))});
    } else {
      parts_.config.country = *std::move(country);
    }
    std::vector<std::string> groups;
    for (const ScoreGroupConfig& group : config.scoring.groups) groups.push_back(group.name);
    parts_.schema = Schema::Create(config.fields, groups, faults_);
    Kinds();
    EmailLists();
    parts_.sources = Sources::Compile(config.sources, faults_);
    ExpressionScope scope;
    // Without fields and kinds, conditions would be all faults.
    if (parts_.schema == nullptr || !kinds_good_) {
      scope.schema = Schema::BuiltIn().get();
      Lifecycle::Compile(WithoutConditions(config.lifecycle), scope, faults_);
      return;
    }
    scope.schema = parts_.schema.get();
    scope.kinds = parts_.kinds;
    scope.aggregates = &parts_.aggregates;
    scope.currency = config.currency;
    parts_.scoring = Scoring::Compile(config.scoring, scope, faults_);
    parts_.routing = Routing::Compile(config.routing, scope, faults_);
    parts_.lifecycle = Lifecycle::Compile(config.lifecycle, scope, faults_);
    parts_.matching = Matching::Compile(config.keys, parts_.schema.get(), faults_);
    SimilarityOfLeads();
    Checker(config, *parts_.schema, faults_).Run();
  }

 private:
  void Kinds() {
    for (const ActivityKindConfig& config : parts_.config.activity_kinds) {
      Faults faults;
      ActivityKind kind{config.name, config.attributes,
                        Schema::ForActivity(config.attributes, &faults)};
      for (Fault& fault : faults) {
        fault.path = Cat("activity_kinds.", config.name, ".", fault.path);
        faults_->push_back(std::move(fault));
      }
      kinds_good_ = kinds_good_ && kind.schema != nullptr;
      parts_.kinds.push_back(std::move(kind));
    }
  }

  void SimilarityOfLeads() {
    Faults faults;
    parts_.similarity = Similarity::Compile(parts_.config.matching, parts_.schema.get(),
                                            parts_.config.country, &faults);
    for (Fault& fault : faults) {
      fault.path = Cat("matching.", fault.path);
      faults_->push_back(std::move(fault));
    }
  }

  void EmailLists() {
    const EmailListsConfig& lists = parts_.config.email_lists;
    AddEmailList(EmailKind::kFree, lists.free, "email_lists.free", &parts_.email_lists, faults_);
    AddEmailList(EmailKind::kDisposable, lists.disposable, "email_lists.disposable",
                 &parts_.email_lists, faults_);
    AddEmailList(EmailKind::kRole, lists.role, "email_lists.role", &parts_.email_lists, faults_);
  }

  Model::Parts& parts_;
  Faults* const faults_;
  bool kinds_good_ = true;
};

Model::Model(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Model::~Model() = default;

std::shared_ptr<const Model> Model::ParseOver(const ModelConfig* base, std::string_view json,
                                              Faults* faults) {
  const size_t before = faults->size();
  const std::optional<Json> document = ParseJson(json, faults);
  if (!document) return nullptr;
  auto parts = std::make_unique<Parts>();
  if (base != nullptr) parts->config = Inherited(*base);
  ParseModelConfig(*document, &parts->config, faults);
  ModelCompiler(parts.get(), faults).Run();
  if (faults->size() != before) {
    LocateFaults(json, *document, before, faults);
    return nullptr;
  }
  parts->text = std::string(json);
  parts->hash = Hash(json);
  return std::shared_ptr<const Model>(new Model(std::move(parts)));
}

std::shared_ptr<const Model> Model::Parse(std::string_view json, Faults* faults) {
  return ParseOver(&Default()->config(), json, faults);
}

const std::shared_ptr<const Model>& Model::Default() {
  static const auto* const model = [] {
    Faults faults;  // none: a test compiles the document
    return new std::shared_ptr<const Model>(ParseOver(nullptr, kDefaultModel, &faults));
  }();
  return *model;
}

const std::string& Model::text() const { return parts_->text; }
const std::string& Model::hash() const { return parts_->hash; }
const ModelConfig& Model::config() const { return parts_->config; }
const std::shared_ptr<const Schema>& Model::schema() const { return parts_->schema; }
std::span<const ActivityKind> Model::kinds() const { return parts_->kinds; }
const ActivityAggregates& Model::aggregates() const { return parts_->aggregates; }
const Scoring& Model::scoring() const { return *parts_->scoring; }
const Matching& Model::matching() const { return *parts_->matching; }
const Similarity& Model::similarity() const { return *parts_->similarity; }
const Routing& Model::routing() const { return *parts_->routing; }
const Lifecycle& Model::lifecycle() const { return *parts_->lifecycle; }
const Sources& Model::sources() const { return *parts_->sources; }
const EmailLists& Model::email_lists() const { return parts_->email_lists; }

const ActivityKind* Model::FindKind(std::string_view name) const {
  const auto at = std::find_if(parts_->kinds.begin(), parts_->kinds.end(),
                               [name](const ActivityKind& kind) { return kind.name == name; });
  return at == parts_->kinds.end() ? nullptr : &*at;
}

bool Model::IsResponse(const ActivityKind& kind) const {
  return parts_->config.activity_kinds[static_cast<size_t>(&kind - parts_->kinds.data())].response;
}

std::shared_ptr<const Expression> Model::CompileFilter(std::string_view source,
                                                       Faults* faults) const {
  ExpressionScope scope;
  scope.schema = parts_->schema.get();
  scope.currency = parts_->config.currency;
  scope.now_moves = false;
  return Expression::Compile(source, scope, ExpressionType::kBool, "", faults);
}

std::string FormatFaults(const Faults& faults) {
  std::string out;
  for (const Fault& fault : faults) {
    if (!out.empty()) out += '\n';
    if (fault.line > 0) out += Cat(fault.line, ":", fault.column, ": ");
    if (!fault.path.empty()) out += Cat(fault.path, ": ");
    if (fault.offset >= 0) out += Cat("1:", fault.offset + 1, ": ");
    out += fault.message;
  }
  return out;
}

}  // namespace leadcore
