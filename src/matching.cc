// SPDX-License-Identifier: Apache-2.0
#include "leadcore/matching.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "text.h"

namespace leadcore {
namespace {

constexpr char kJoin = '\x1f';
// Longer normal forms are keyed by their hash: an index entry has to stay small.
constexpr size_t kLongestKey = 400;
// Of a key with several fields of several values each; nobody has more addresses than that.
constexpr size_t kMostCombinations = 32;

// A normal form of one field, and whether it stands for one person only.
struct Part {
  std::string text;
  bool shared = false;
};

void AddEmail(std::string_view text, const EmailLists& lists, std::vector<Part>* parts) {
  const absl::StatusOr<EmailAddress> email = NormalizeEmail(text, lists);
  if (email.ok()) parts->push_back({email->canonical, email->kind == EmailKind::kRole});
}

void AddPhone(std::string_view text, std::vector<Part>* parts) {
  const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, "");
  if (!phone.ok() || !phone->valid) return;
  parts->push_back(
      {phone->extension.empty() ? phone->e164 : Cat(phone->e164, ";", phone->extension)});
}

void AddPhones(LeadView view, std::vector<Part>* parts) {
  for (const FieldId id : {field::kPhone, field::kMobilePhone}) {
    if (view.has(id)) AddPhone(view.text(id), parts);
  }
  if (!view.has(field::kOtherPhones)) return;
  for (const std::string& phone : view[field::kOtherPhones].texts()) {
    // "fax +14155550100": the kind stays with the number.
    const size_t plus = phone.find('+');
    const bool fax = FoldText(phone.substr(0, plus == std::string::npos ? 0 : plus)) == "fax";
    if (plus != std::string::npos && !fax) AddPhone(phone.substr(plus), parts);
  }
}

void AddFolded(std::string_view text, std::vector<Part>* parts) {
  std::string folded = FoldText(text);
  if (!folded.empty()) parts->push_back({std::move(folded)});
}

// First and last name where both are known, so that a middle name makes no difference.
void AddFullName(LeadView view, std::vector<Part>* parts) {
  const std::string_view first = view.text(field::kFirstName);
  const std::string_view last = view.text(field::kLastName);
  if (!first.empty() && !last.empty()) {
    AddFolded(Cat(first, " ", last), parts);
  } else {
    AddFolded(view.text(field::kFullName), parts);
  }
}

std::vector<Part> PartsOf(LeadView view, FieldId id, const EmailLists& lists) {
  std::vector<Part> parts;
  switch (id) {
    case field::kEmail:
      if (view.has(id)) AddEmail(view.text(id), lists, &parts);
      if (view.has(field::kOtherEmails)) {
        for (const std::string& text : view[field::kOtherEmails].texts()) {
          AddEmail(text, lists, &parts);
        }
      }
      return parts;
    case field::kPhone:
    case field::kMobilePhone:
      AddPhones(view, &parts);
      return parts;
    case field::kFullName:
      AddFullName(view, &parts);
      return parts;
    default:
      break;
  }
  if (!view.has(id)) return parts;
  if (id == field::kCompany) {
    const absl::StatusOr<CompanyName> company = NormalizeCompany(view.text(id));
    if (company.ok() && !company->core.empty()) parts.push_back({company->core});
  } else if (id == field::kDomain || id == field::kWebsite) {
    absl::StatusOr<std::string> domain = RegistrableDomain(view.text(id));
    if (domain.ok()) parts.push_back({*std::move(domain)});
  } else if (id == field::kExternalId) {
    std::string text = NormalizeText(view.text(id));
    if (!text.empty()) parts.push_back({std::move(text)});
  } else if (view[id].kind() == Value::Kind::kText) {
    AddFolded(view.text(id), &parts);
  } else {
    parts.push_back({FormatValue(view[id])});
  }
  return parts;
}

std::string KeyText(std::string_view name, const std::string& content) {
  if (content.size() <= kLongestKey) return Cat(name, ":", content);
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  char hex[40];
  std::snprintf(hex, sizeof(hex), "#%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return Cat(name, ":", std::string_view(hex));
}

// Every way to take one part of each.
std::vector<Part> Combine(const std::vector<std::vector<Part>>& parts) {
  std::vector<Part> all = {{}};
  for (const std::vector<Part>& ways : parts) {
    std::vector<Part> next;
    for (const Part& start : all) {
      for (const Part& way : ways) {
        if (next.size() == kMostCombinations) break;
        const bool first = &ways == &parts.front();
        next.push_back(
            {first ? way.text : Cat(start.text, kJoin, way.text), start.shared || way.shared});
      }
    }
    all = std::move(next);
  }
  return all;
}

void CheckField(const KeyConfig& key, const Field& field, const std::string& path, Faults* faults) {
  const auto fault = [&](std::string message) {
    faults->push_back({path, -1, std::move(message)});
  };
  if (field.id == field::kOtherEmails) return fault("name 'email': it stands for the others too");
  if (field.id == field::kOtherPhones) return fault("name 'phone': it stands for the others too");
  const bool fit = field.shape == Shape::kScalar &&
                   (field.text() || field.type == Type::kInteger || field.type == Type::kDate);
  const bool decided = field.group == FieldGroup::kState || field.derived() ||
                       field.id == field::kId || field.id == field::kVersion ||
                       field.id == field::kMergedInto || field.id == field::kEmailKind;
  if (!fit)
    fault(Cat("'", field.name, "' cannot be part of a key: keys take text, whole numbers ",
              "and dates"));
  if (decided)
    fault(Cat("'", field.name, "' is set by the engine and says nothing about who ",
              "somebody is (key '", key.name, "')"));
}

}  // namespace

std::string_view OnHitName(OnHit on_hit) {
  switch (on_hit) {
    case OnHit::kReject:
      return "reject";
    case OnHit::kAttach:
      return "attach";
    case OnHit::kFill:
      return "fill";
    case OnHit::kFlag:
      return "flag";
  }
  return "";
}

std::shared_ptr<const Matching> Matching::Compile(std::span<const KeyConfig> keys,
                                                  const Schema* schema, Faults* faults) {
  const size_t before = faults->size();
  std::shared_ptr<Matching> matching(new Matching);
  for (size_t i = 0; i < keys.size(); ++i) {
    const KeyConfig& key = keys[i];
    const std::string path = Cat("keys[", i, "]");
    const auto fault = [&](std::string_view member, std::string message) {
      faults->push_back({Cat(path, member), -1, std::move(message)});
    };
    if (key.name.empty()) fault(".name", "a key needs a name");
    if (key.name.find(':') != std::string::npos) fault(".name", "a key's name has no ':'");
    const auto same = [&](const KeyConfig& other) { return other.name == key.name; };
    if (std::any_of(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      fault(".name", Cat("two keys are named '", key.name, "'"));
    }
    if (key.fields.empty()) fault(".fields", "a key needs at least one field");
    if (!key.exclusive && key.on_hit == OnHit::kReject) {
      fault(".on_hit", "a candidate key only finds and flags; make it exclusive to refuse");
    }
    std::vector<FieldId> ids;
    for (size_t j = 0; j < key.fields.size(); ++j) {
      const std::string field_path = Cat(path, ".fields[", j, "]");
      const Field* field = schema->Find(key.fields[j]);
      if (field == nullptr) {
        const std::string_view closest = schema->Suggest(key.fields[j]);
        faults->push_back(
            {field_path, -1, Cat("unknown field '", key.fields[j], "'", DidYouMean(closest))});
        continue;
      }
      CheckField(key, *field, field_path, faults);
      ids.push_back(field->id);
    }
    matching->keys_.push_back(key);
    matching->fields_.push_back(std::move(ids));
  }
  return faults->size() == before ? matching : nullptr;
}

std::vector<MatchKey> Matching::Keys(LeadView view, const EmailLists& lists) const {
  std::vector<MatchKey> keys;
  for (size_t i = 0; i < keys_.size(); ++i) {
    std::vector<std::vector<Part>> parts;
    for (const FieldId id : fields_[i]) {
      parts.push_back(PartsOf(view, id, lists));
      if (parts.back().empty()) break;
    }
    if (parts.back().empty()) continue;
    for (const Part& part : Combine(parts)) {
      std::string text = KeyText(keys_[i].name, part.text);
      const auto same = [&](const MatchKey& key) { return key.text == text; };
      if (std::any_of(keys.begin(), keys.end(), same)) continue;
      keys.push_back({i, std::move(text), keys_[i].exclusive && !part.shared});
    }
  }
  return keys;
}

MatchDecision Matching::Decide(std::span<const Match> matches) const {
  std::vector<const Match*> best;
  for (const Match& match : matches) best.push_back(&match);
  std::sort(best.begin(), best.end(), [](const Match* a, const Match* b) {
    if (a->key.exclusive != b->key.exclusive) return a->key.exclusive;
    if (a->key.key != b->key.key) return a->key.key < b->key.key;
    return a->lead < b->lead;
  });
  MatchDecision decision;
  for (const Match* match : best) {
    const KeyConfig& config = keys_[match->key.key];
    if (match->key.exclusive) decision.contested.push_back(match->key.text);
    const auto same = [&](const KeyHit& hit) { return hit.lead == match->lead; };
    if (std::any_of(decision.hits.begin(), decision.hits.end(), same)) continue;
    decision.hits.push_back({config.name, match->lead, match->key.exclusive});
  }
  // A shared address of an exclusive key finds and flags; it decides nothing.
  const auto decides = std::ranges::find_if(best, [this](const Match* match) {
    return match->key.exclusive || !keys_[match->key.key].exclusive;
  });
  if (best.empty()) return decision;
  const Match& decisive = decides == best.end() ? *best.front() : **decides;
  const KeyConfig& config = keys_[decisive.key.key];
  decision.key = config.name;
  decision.key_text = decisive.key.text;
  using Action = MatchDecision::Action;
  if (decides == best.end() || config.on_hit == OnHit::kFlag) return decision;
  decision.action = config.on_hit == OnHit::kReject   ? Action::kReject
                    : config.on_hit == OnHit::kAttach ? Action::kAttach
                                                      : Action::kFill;
  decision.lead = decisive.lead;
  return decision;
}

}  // namespace leadcore
