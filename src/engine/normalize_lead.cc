// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLongestText = 256 * 1024;

// Fields that nobody but the engine sets.
bool SetByEngine(const Field& field) {
  switch (field.id) {
    case field::kId:
    case field::kVersion:
    case field::kMergedInto:
    case field::kEmailKind:
    case field::kPool:
    case field::kTerritory:
    case field::kUpdateTime:
      return true;
    default:
      return field.derived();
  }
}

// Fields of the engine that an import of old leads may bring along.
bool SetByImport(FieldId id) {
  switch (id) {
    case field::kStatus:
    case field::kStage:
    case field::kUnqualifiedReason:
    case field::kCreateTime:
    case field::kAssignTime:
    case field::kQualifyTime:
    case field::kConvertTime:
    case field::kArchiveTime:
    case field::kStatusTime:
      return true;
    default:
      return false;
  }
}

class Normalizer {
 public:
  Normalizer(const Model& model, bool imported)
      : model_(model), imported_(imported), result_{Lead(model.schema()), {}, {}} {}

  NormalizedLead Run(const Lead& raw) {
    Copy(raw);
    Places();  // first: the country reads phones, regions and postal codes
    Names();
    Emails();
    Phones();
    Company();
    Choices();
    Status();
    Required();
    return std::move(result_);
  }

 private:
  Lead& lead() { return result_.lead; }

  // What cannot be used keeps its text and says why.
  void Unusable(FieldId id, std::string_view original, std::string_view reason) {
    lead().AddIssue(model_.schema()->at(id).name, original, reason);
    result_.unusable.insert(id);
  }

  void Copy(const Lead& raw) {
    const Schema& schema = *model_.schema();
    lead().set_unknown_fields(raw.unknown_fields());
    for (const Field& from : raw.schema().fields()) {
      const Value& value = raw[from.id];
      if (value.absent()) continue;
      const Field* field = &raw.schema() == &schema ? &from : schema.Find(from.name);
      if (field == nullptr || field->type != from.type || field->shape != from.shape) {
        lead().AddIssue(from.name, FormatValue(value), "the model has no such field");
      } else if (SetByEngine(*field)) {
        continue;  // decided below and later
      } else if (SetByImport(field->id) && !imported_) {
        lead().AddIssue(field->name, FormatValue(value),
                        "set by the engine; only an import may bring it");
      } else if (value.kind() == Value::Kind::kText) {
        CopyText(*field, value.text());
      } else if (value.kind() == Value::Kind::kTextList) {
        CopyList(field->id, value);
      } else {
        lead().Set(field->id, value);
      }
    }
  }

  void CopyText(const Field& field, std::string_view text) {
    if (text.size() > kLongestText) {
      result_.refusals.push_back(Cat("field '", field.name, "' has ", text.size(),
                                     " bytes; at most ", kLongestText, " are taken"));
      return;
    }
    // Line breaks mean something in what people write at length.
    const bool long_text = field.id == field::kDescription || field.custom();
    lead().SetText(field.id, long_text ? ToUtf8(text) : NormalizeText(text));
  }

  void CopyList(FieldId id, const Value& value) {
    std::vector<std::string> items;
    for (const std::string& item : value.texts()) {
      std::string text = NormalizeText(item.substr(0, kLongestText));
      if (!text.empty()) items.push_back(std::move(text));
    }
    lead().Set(id, Value::TextList(items));
  }

  void Places() {
    country_ = model_.config().country;
    const std::string written(lead().text(field::kCountry));
    if (!written.empty()) {
      const absl::StatusOr<std::string> country = NormalizeCountry(written);
      if (country.ok()) {
        country_ = *country;
        lead().SetText(field::kCountry, country_);
      } else {
        Unusable(field::kCountry, written, Message(country.status()));
      }
    }
    const std::string region(lead().text(field::kRegion));
    if (!region.empty()) lead().SetText(field::kRegion, NormalizeRegion(region, country_));
    const std::string postal(lead().text(field::kPostalCode));
    if (postal.empty()) return;
    const absl::StatusOr<std::string> code = NormalizePostalCode(postal, country_);
    if (code.ok()) {
      lead().SetText(field::kPostalCode, *code);
    } else {
      Unusable(field::kPostalCode, postal, Message(code.status()));
    }
  }

  void FillText(FieldId id, std::string_view text) {
    if (!text.empty() && lead().text(id).empty()) lead().SetText(id, text);
  }

  void Names() {
    for (const FieldId id : {field::kFirstName, field::kMiddleName, field::kLastName}) {
      const std::string part(lead().text(id));
      if (!part.empty()) lead().SetText(id, NormalizeNamePart(part));
    }
    const std::string written(lead().text(field::kFullName));
    if (!written.empty()) return SplitName(written);
    std::string whole;
    for (const FieldId id :
         {field::kFirstName, field::kMiddleName, field::kLastName, field::kNameSuffix}) {
      const std::string_view part = lead().text(id);
      if (part.empty()) continue;
      if (!whole.empty()) whole += id == field::kNameSuffix ? ", " : " ";
      whole += part;
    }
    if (whole.empty()) return;
    const absl::StatusOr<PersonName> name = NormalizePersonName(whole);
    lead().SetText(field::kFullName, whole);
    if (!name.ok()) Unusable(field::kFullName, whole, Message(name.status()));
  }

  void SplitName(const std::string& written) {
    const absl::StatusOr<PersonName> name = NormalizePersonName(written);
    if (!name.ok()) return Unusable(field::kFullName, written, Message(name.status()));
    lead().SetText(field::kFullName, name->full);
    FillText(field::kSalutation, name->salutation);
    const bool parts = lead().has(field::kFirstName) || lead().has(field::kLastName);
    if (parts) return;  // they were given: more exact than a split
    // As if they had been given, so that what is exported comes in again as it went out.
    FillText(field::kFirstName, NormalizeNamePart(name->first));
    FillText(field::kMiddleName, NormalizeNamePart(name->middle));
    FillText(field::kLastName, NormalizeNamePart(name->last));
    FillText(field::kNameSuffix, name->suffix);
  }

  void Emails() {
    const std::string written(lead().text(field::kEmail));
    if (!written.empty()) {
      const absl::StatusOr<EmailAddress> email = NormalizeEmail(written, model_.email_lists());
      if (email.ok()) {
        lead().SetText(field::kEmail, email->address);
        lead().SetText(field::kEmailKind, EmailKindName(email->kind));
        email_domain_ = email->kind == EmailKind::kBusiness || email->kind == EmailKind::kRole
                            ? email->domain
                            : std::string();
      } else {
        lead().SetText(field::kEmailKind, "invalid");
        Unusable(field::kEmail, written, Message(email.status()));
      }
    }
    NormalizeItems(field::kOtherEmails, [this](const std::string& item, std::string* out) {
      const absl::StatusOr<EmailAddress> email = NormalizeEmail(item, model_.email_lists());
      if (email.ok()) *out = email->address;
      return email.status();
    });
  }

  // Every entry of a list in its normal form; one that has none stands as it is.
  template <typename Function>
  void NormalizeItems(FieldId id, Function&& normalize) {
    if (!lead().has(id)) return;
    const std::span<const std::string> written = lead()[id].texts();
    std::vector<std::string> items(written.begin(), written.end());
    for (std::string& item : items) {
      std::string normal;
      const absl::Status status = normalize(item, &normal);
      if (status.ok()) {
        item = std::move(normal);
      } else {
        lead().AddIssue(model_.schema()->at(id).name, item, Message(status));
      }
    }
    lead().Set(id, Value::TextList(items));
  }

  static std::string PhoneText(const PhoneNumber& phone) {
    return phone.extension.empty() ? phone.e164 : Cat(phone.e164, " x", phone.extension);
  }

  void Phones() {
    for (const FieldId id : {field::kPhone, field::kMobilePhone}) {
      const std::string written(lead().text(id));
      if (written.empty()) continue;
      const absl::StatusOr<PhoneNumber> phone = NormalizePhone(written, country_);
      if (!phone.ok()) {
        Unusable(id, written, Message(phone.status()));
        continue;
      }
      lead().SetText(id, PhoneText(*phone));
      if (phone->valid) continue;
      lead().AddIssue(model_.schema()->at(id).name, written,
                      "no operator has numbers in this range; kept, but finds no duplicates");
    }
    NormalizeItems(field::kOtherPhones, [this](const std::string& item, std::string* out) {
      // "home +49 30 123456": the kind stays with the number.
      const size_t digit = item.find_first_of("+0123456789(");
      const size_t at = digit == std::string::npos ? 0 : digit;
      const absl::StatusOr<PhoneNumber> phone = NormalizePhone(item.substr(at), country_);
      if (phone.ok()) *out = Cat(item.substr(0, at), PhoneText(*phone));
      return phone.status();
    });
  }

  void Company() {
    const std::string written(lead().text(field::kCompany));
    if (!written.empty()) {
      const absl::StatusOr<CompanyName> company = NormalizeCompany(written);
      if (company.ok()) {
        lead().SetText(field::kCompany, company->name);
      } else {
        Unusable(field::kCompany, written, Message(company.status()));
      }
    }
    for (const std::string& text : {std::string(lead().text(field::kDomain)),
                                    std::string(lead().text(field::kWebsite)), email_domain_}) {
      if (text.empty()) continue;
      const absl::StatusOr<std::string> domain = RegistrableDomain(text);
      if (!domain.ok()) continue;
      lead().SetText(field::kDomain, *domain);
      return;
    }
    if (lead().text(field::kDomain).empty()) return;
    Unusable(field::kDomain, lead().text(field::kDomain), "no registrable web domain");
  }

  // A choice is written in any case; one that the field does not have is kept in data_issues.
  void Choices() {
    for (const Field& field : model_.schema()->fields()) {
      if (field.type != Type::kChoice || !lead().has(field.id)) continue;
      if (field.id == field::kStatus || field.id == field::kEmailKind) continue;
      const std::string written(lead().text(field.id));
      std::vector<std::string_view> choices = model_.schema()->Choices(field.id);
      if (field.id == field::kUnqualifiedReason) {
        const auto& reasons = model_.config().unqualified_reasons;
        choices.assign(reasons.begin(), reasons.end());
      }
      if (choices.empty() || written.empty()) continue;
      const std::string folded = FoldText(written);
      const auto at = std::find_if(choices.begin(), choices.end(), [&](std::string_view choice) {
        return FoldText(choice) == folded;
      });
      if (at != choices.end()) {
        lead().SetText(field.id, *at);
        continue;
      }
      std::string names;
      for (const std::string_view choice : choices) names += Cat(names.empty() ? "" : ", ", choice);
      lead().Clear(field.id);
      Unusable(field.id, written, Cat("not one of: ", names));
    }
    const std::string source(lead().text(field::kSource));
    const SourceConfig* known = source.empty() ? nullptr : model_.sources().Find(source);
    if (known != nullptr) lead().SetText(field::kSource, known->id);
  }

  void Status() {
    const std::string written(lead().text(field::kStatus));
    const StateConfig* state = &model_.lifecycle().initial();
    if (!written.empty()) state = model_.lifecycle().Find(written);
    if (state == nullptr) {
      result_.refusals.push_back(Cat("status '", written,
                                     "': ", Message(model_.lifecycle().UnknownState(written)),
                                     "; map it in the model's import.values, or correct it"));
      return;
    }
    lead().SetText(field::kStatus, state->name);
    FillText(field::kStage, state->stage);
    FillText(field::kNextAction, state->next_action);
  }

  void Required() {
    for (size_t i = 0; i < model_.config().required.size(); ++i) {
      const std::vector<std::string>& any_of = model_.config().required[i].any_of;
      std::string names, why;
      bool satisfied = false;
      for (const std::string& name : any_of) {
        const Field* field = model_.schema()->Find(name);
        const Value& value = lead()[field->id];
        const bool blank = value.absent() ||
                           (value.kind() == Value::Kind::kText && value.text().empty()) ||
                           (value.kind() == Value::Kind::kTextList && value.texts().empty());
        satisfied = satisfied || (!blank && result_.unusable.count(field->id) == 0);
        if (!blank && result_.unusable.count(field->id) != 0)
          why += Cat(why.empty() ? "" : ", ", name);
        names += Cat(names.empty() ? "" : " or ", name);
      }
      if (satisfied) continue;
      result_.refusals.push_back(
          Cat("required[", i, "]: a lead needs ", names,
              why.empty() ? std::string() : Cat(" (", why, " is there but cannot be read)")));
    }
  }

  const Model& model_;
  const bool imported_;
  NormalizedLead result_;
  std::string country_;
  std::string email_domain_;
};

// Whether a note of data_issues is about what stands in its field now.
bool IsAboutValue(const Lead& lead, const Record& issue) {
  const Field* field = issue[0] ? lead.schema().Find(*issue[0]) : nullptr;
  if (field == nullptr || !issue[1] || !lead.has(field->id)) return false;
  const Value& value = lead[field->id];
  if (value.kind() == Value::Kind::kText) return value.text() == *issue[1];
  if (value.kind() != Value::Kind::kTextList) return false;
  return std::ranges::find(value.texts(), *issue[1]) != value.texts().end();
}

std::vector<Record> IssuesOf(const Lead& lead) {
  if (!lead.has(field::kDataIssues)) return {};
  const auto issues = lead[field::kDataIssues].records();
  return {issues.begin(), issues.end()};
}

}  // namespace

NormalizedLead NormalizeLead(const Model& model, const Lead& raw, bool imported) {
  return Normalizer(model, imported).Run(raw);
}

NormalizedLead NormalizeKnownLead(const Model& model, const Lead& lead) {
  Lead raw = lead;
  raw.Clear(field::kDataIssues);
  NormalizedLead result = NormalizeLead(model, raw, true);
  Lead& normal = result.lead;
  const std::vector<Record> told = IssuesOf(normal);
  normal.Clear(field::kDataIssues);
  // What is still wrong was told anew; notes about anything else stay.
  std::vector<Record> issues = IssuesOf(lead);
  std::erase_if(issues, [&](const Record& issue) { return IsAboutValue(lead, issue); });
  const size_t kept = issues.size();
  for (const Record& issue : told) {
    const bool known =
        std::any_of(issues.begin(), issues.begin() + static_cast<ptrdiff_t>(kept),
                    [&](const Record& old) { return old[0] == issue[0] && old[2] == issue[2]; });
    if (!known) issues.push_back(issue);
  }
  for (Record& issue : issues) normal.AppendRecord(field::kDataIssues, std::move(issue));
  for (const Field& field : lead.schema().fields()) {
    const bool standing = field.group == FieldGroup::kState || field.derived() ||
                          field.id == field::kId || field.id == field::kVersion ||
                          field.id == field::kMergedInto;
    if (standing && field.id != field::kDataIssues) normal.Set(field.id, lead[field.id]);
  }
  return result;
}

}  // namespace leadcore
