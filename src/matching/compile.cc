// SPDX-License-Identifier: Apache-2.0
//
// Which fields are compared, as what, and with which weights.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "matching/similarity.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr double kMostBits = 100;

struct KindWeights {
  double agree = 0;
  double disagree = 0;
};

struct BuiltInSimilarity {
  FieldId field;
  SimilarityKind kind;
  std::optional<KindWeights> weights;  // none: the kind's
};

// The agreement weights are log2(1/u), u being how often two people agree by chance. Measured, as
// the share of equal pairs: surnames of the US census of 2010, 10.8 bits (7.9 in FEBRL 2, 10.2 in
// historical_a); first names 6.2 to 7.9; dates of birth 8.8 to 12.6; suburbs 7.6 to 9.7; postal
// codes 9.8 to 11.8; street names 10.9, house numbers 6.2, FEBRL's id 12.9. Places count less than
// that, since leads come from where the company sells. The difference weights are log2 of how often
// records of one person differ: of FEBRL's rows 2 to 10 %, of leads the phone in a third, the
// e-mail address and the street in a quarter.
constexpr KindWeights kKindWeights[] = {
    {7, -8},     // first_name
    {9, -6},     // last_name
    {16, -10},   // full_name
    {18, -2},    // email
    {11, -1.5},  // phone
    {8, -1.5},   // company
    {8, -0.5},   // domain
    {10, -2},    // street
    {5, -1},     // house_number
    {5, -1},     // place
    {8, -1.5},   // postal_code
    {2, -0.5},   // title
    {12, -5},    // date
    {17, -4},    // id
    {3, -0.5},   // text
};

constexpr BuiltInSimilarity kBuiltIn[] = {
    {field::kExternalId, SimilarityKind::kId,
     KindWeights{18, 0}},  // one person has one in every system
    {field::kFirstName, SimilarityKind::kFirstName, {}},
    {field::kLastName, SimilarityKind::kLastName, {}},
    {field::kFullName, SimilarityKind::kFullName, {}},
    {field::kNameSuffix, SimilarityKind::kText, KindWeights{1, -4}},
    {field::kJobTitle, SimilarityKind::kTitle, {}},
    {field::kEmail, SimilarityKind::kEmail, {}},
    {field::kPhone, SimilarityKind::kPhone, {}},
    {field::kLinkedinUrl, SimilarityKind::kId, KindWeights{16, -2}},
    {field::kCompany, SimilarityKind::kCompany, {}},
    {field::kDomain, SimilarityKind::kDomain, {}},
    {field::kStreet, SimilarityKind::kStreet, {}},
    {field::kStreet2, SimilarityKind::kText, {}},
    {field::kCity, SimilarityKind::kPlace, {}},
    {field::kRegion, SimilarityKind::kPlace, KindWeights{2, -1}},
    {field::kPostalCode, SimilarityKind::kPostalCode, {}},
    {field::kBirthday, SimilarityKind::kDate, {}},
};

constexpr std::string_view kKindNames[] = {
    "first_name",   "last_name", "full_name",   "email", "phone", "company", "domain", "street",
    "house_number", "place",     "postal_code", "title", "date",  "id",      "text"};
static_assert(std::size(kKindNames) == std::size(kKindWeights));

// Fields that others stand for or that say nothing about who somebody is.
std::string_view WhyNot(const Field& field) {
  if (field.id == field::kOtherEmails) return "'email' stands for the others too";
  if (field.id == field::kOtherPhones || field.id == field::kMobilePhone) {
    return "'phone' stands for the others too";
  }
  if (field.id == field::kWebsite) return "'domain' stands for it too";
  if (field.shape != Shape::kScalar || field.type == Type::kRecord) {
    return "lists are not compared";
  }
  const bool decided = field.group == FieldGroup::kState || field.derived() ||
                       field.id == field::kId || field.id == field::kVersion ||
                       field.id == field::kMergedInto || field.id == field::kEmailKind;
  return decided ? "the engine sets it: it does not say who somebody is" : "";
}

class SlotCompiler {
 public:
  SlotCompiler(const Schema& schema, std::vector<Slot>* slots, Faults* faults)
      : schema_(schema), slots_(*slots), faults_(faults) {
    for (const BuiltInSimilarity& built_in : kBuiltIn) {
      const KindWeights weights =
          built_in.weights.value_or(kKindWeights[static_cast<size_t>(built_in.kind)]);
      slots_.push_back({std::string(schema_.at(built_in.field).name), built_in.field, built_in.kind,
                        ToPoints(weights.agree), ToPoints(weights.disagree)});
    }
  }

  static Points ToPoints(double bits) {
    return static_cast<Points>(std::round(bits * static_cast<double>(kOnePoint)));
  }

  void Take(const SimilarityField& config, const std::string& path) {
    const Field* field = schema_.Find(config.field);
    if (field == nullptr) {
      return Fault(path + ".field", Cat("unknown field '", config.field, "'",
                                        DidYouMean(schema_.Suggest(config.field))));
    }
    if (const std::string_view why = WhyNot(*field); !why.empty()) {
      return Fault(path + ".field", Cat("'", field->name, "' cannot be compared: ", why));
    }
    if (std::ranges::find(given_, field->id) != given_.end()) {
      return Fault(path + ".field", Cat("'", field->name, "' is named twice"));
    }
    given_.push_back(field->id);
    auto slot = std::ranges::find(slots_, field->id, &Slot::field);
    if (slot == slots_.end()) {
      slots_.push_back({std::string(field->name), field->id});
      slot = std::prev(slots_.end());
      SetKind(config.kind.value_or(SimilarityKind::kText), &*slot);
    } else if (config.kind && *config.kind != slot->kind) {
      SetKind(*config.kind, &*slot);
    }
    Weight(config.agree, 0, kMostBits, path + ".agree", &slot->agree);
    Weight(config.disagree, -kMostBits, 0, path + ".disagree", &slot->disagree);
  }

 private:
  void Fault(std::string path, std::string message) {
    faults_->push_back({std::move(path), -1, std::move(message)});
  }
  static void SetKind(SimilarityKind kind, Slot* slot) {
    const KindWeights& weights = kKindWeights[static_cast<size_t>(kind)];
    slot->kind = kind;
    slot->agree = ToPoints(weights.agree);
    slot->disagree = ToPoints(weights.disagree);
  }
  void Weight(const std::optional<double>& bits, double least, double most, std::string path,
              Points* points) {
    if (!bits) return;
    if (!(*bits >= least && *bits <= most)) {
      return Fault(std::move(path), Cat("bits go from ", static_cast<int>(least), " to ",
                                        static_cast<int>(most), " here"));
    }
    *points = ToPoints(*bits);
  }

  const Schema& schema_;
  std::vector<Slot>& slots_;
  Faults* const faults_;
  std::vector<FieldId> given_;
};

std::optional<size_t> FindKind(const std::vector<Slot>& slots, SimilarityKind kind) {
  const auto at = std::ranges::find(slots, kind, &Slot::kind);
  if (at == slots.end()) return std::nullopt;
  return static_cast<size_t>(at - slots.begin());
}

}  // namespace

std::span<const std::string_view> SimilarityKindNames() { return kKindNames; }

std::optional<SimilarityKind> SimilarityKindFromName(std::string_view name) {
  const auto* at = std::ranges::find(kKindNames, name);
  if (at == std::end(kKindNames)) return std::nullopt;
  return static_cast<SimilarityKind>(at - kKindNames);
}

Similarity::Similarity(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Similarity::~Similarity() = default;
const SimilarityConfig& Similarity::config() const { return parts_->config; }

std::shared_ptr<const Similarity> Similarity::Compile(const SimilarityConfig& config,
                                                      const Schema* schema, std::string country,
                                                      Faults* faults) {
  const size_t before = faults->size();
  auto parts = std::make_unique<Parts>();
  parts->config = config;
  parts->country = std::move(country);
  SlotCompiler compiler(*schema, &parts->slots, faults);
  for (size_t i = 0; i < config.fields.size(); ++i) {
    compiler.Take(config.fields[i], Cat("fields[", i, "]"));
  }
  const auto bits = [&](double value, std::string_view path) {
    if (value >= 0 && value <= 1000) return SlotCompiler::ToPoints(value);
    faults->push_back({std::string(path), -1, "bits go from 0 to 1000 here"});
    return Points{0};
  };
  parts->possible = bits(config.possible, "possible");
  parts->sure = bits(config.sure, "sure");
  if (parts->sure < parts->possible) {
    faults->push_back({"sure", -1, "what is sure is possible too: `sure` is not below `possible`"});
  }
  if (config.block_cap < 2 || config.block_cap > 10'000) {
    faults->push_back({"block_cap", -1, "from 2 to 10000 leads"});
  }
  std::erase_if(parts->slots, [](const Slot& s) { return s.agree == 0 && s.disagree == 0; });
  parts->first = FindKind(parts->slots, SimilarityKind::kFirstName);
  parts->last = FindKind(parts->slots, SimilarityKind::kLastName);
  parts->full = FindKind(parts->slots, SimilarityKind::kFullName);
  if (faults->size() != before) return nullptr;
  return std::shared_ptr<const Similarity>(new Similarity(std::move(parts)));
}

}  // namespace leadcore
