// SPDX-License-Identifier: Apache-2.0
//
// The field table: every field of a lead, named once.
//
// Built-in fields are the constexpr table in schema.cc (kBuiltInFields); a model adds custom fields
// as more rows. Expressions, CSV and SQL columns, protobuf, reports and diffs all read this table
// and no other list.
#ifndef LEADCORE_SCHEMA_H_
#define LEADCORE_SCHEMA_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/value.h"

namespace leadcore {

// Row of the table, from 0. A built-in field's number in lead.proto is its id + 1; ids of custom
// fields follow and mean something only within one Schema: what is stored names them.
using FieldId = uint16_t;

namespace field {
// In table order.
enum : FieldId {
  kId,
  kVersion,
  kMergedInto,
  kExternalId,
  kSalutation,
  kFirstName,
  kMiddleName,
  kLastName,
  kNameSuffix,
  kFullName,
  kJobTitle,
  kDepartment,
  kSeniority,
  kEmail,
  kEmailKind,
  kOtherEmails,
  kPhone,
  kMobilePhone,
  kOtherPhones,
  kLinkedinUrl,
  kCompany,
  kWebsite,
  kDomain,
  kIndustry,
  kEmployeeCount,
  kAnnualRevenue,
  kCompanyGrowthPercent,
  kTechnologies,
  kProductInterest,
  kStreet,
  kStreet2,
  kCity,
  kRegion,
  kPostalCode,
  kCountry,
  kTimeZone,
  kLanguage,
  kSource,
  kSourceDetail,
  kUtmSource,
  kUtmMedium,
  kUtmCampaign,
  kUtmTerm,
  kUtmContent,
  kReferrer,
  kCampaignId,
  kAdId,
  kAdsetId,
  kFormId,
  kClickId,
  kAcquisitionCost,
  kPriority,
  kRating,
  kTags,
  kTopic,
  kDescription,
  kBudgetConfirmed,
  kBudgetLow,
  kBudgetHigh,
  kBudgetOwner,
  kDecisionMaker,
  kOthersInvolved,
  kApprovalProcess,
  kNeedConfirmed,
  kNeed,
  kUrgency,
  kImpact,
  kImplementBy,
  kDeadline,
  kDelayRisk,
  kNextSteps,
  kStakeholders,
  kDoNotEmail,
  kDoNotCall,
  kOptedOut,
  kConsentTime,
  kConsentSource,
  kBirthday,
  kCustomerSince,
  kDataIssues,
  kStatus,
  kStage,
  kUnqualifiedReason,
  kOwner,
  kPool,
  kTerritory,
  kCreateTime,
  kUpdateTime,
  kAssignTime,
  kQualifyTime,
  kConvertTime,
  kArchiveTime,
  kNextAction,
  kNextActionDue,
  kScore,
  kBand,
  kScoreDemographic,
  kScoreBehavioral,
  kScoreFirmographic,
  kFirstResponseTime,
  kLastActivityTime,
  kScoreValidUntil,
  kStatusTime,
  kBuiltInCount
};
}  // namespace field

enum class FieldGroup : uint8_t {
  kIdentity,
  kPerson,
  kContact,
  kCompany,
  kAddress,
  kOrigin,
  kWork,
  kBant,
  kConsent,
  kDates,
  kState,
  kDerived,
  kCustom
};
std::string_view FieldGroupName(FieldGroup group);

struct Field {
  FieldId id = 0;
  std::string_view name;
  Type type = Type::kText;
  Shape shape = Shape::kScalar;
  FieldGroup group = FieldGroup::kCustom;
  bool promoted = false;  // a real column that lists can be sorted by (custom: the flag `indexed`)
  std::string_view choices;  // allowed values of a built-in choice, space separated; "" when the
                             // model names them
  std::string_view members;  // member names of a record, space separated
  std::string_view meaning;

  bool derived() const { return group == FieldGroup::kDerived; }  // lives in LeadState
  // How many members a record has.
  size_t member_count() const {
    return members.empty() ? 0 : 1 + std::count(members.begin(), members.end(), ' ');
  }
  bool custom() const { return group == FieldGroup::kCustom; }
  bool text() const { return type == Type::kText || type == Type::kChoice; }
};

// What a model says of a field of its own.
struct CustomField {
  std::string name;  // [a-z][a-z0-9_]*, at most 60 characters
  Type type = Type::kText;
  Shape shape = Shape::kScalar;  // kList only for text
  std::vector<std::string> choices;
  bool indexed = false;
  std::string meaning;
};

// Immutable; share it const between threads. Field references live as long as the Schema.
class Schema {
 public:
  // The built-in fields alone. Never destroyed.
  static const std::shared_ptr<const Schema>& BuiltIn();

  // Built-in fields, then `custom` in their order, then one derived real field "scores.<group>" for
  // each well-formed name of `score_groups` that has none. Faults (paths "fields[i].name" …): a
  // name taken, malformed or reserved; a type that custom fields cannot have; a choice without
  // choices, or choices on another type. nullptr when there were any.
  static std::shared_ptr<const Schema> Create(std::span<const CustomField> custom,
                                              std::span<const std::string> score_groups,
                                              Faults* faults);

  // The fields an expression sees under the root `activity`: kind actor time outcome next_step due
  // tags, then `attributes`, whose types are those of Attribute (lead.h) and choice. Faults have
  // paths "attributes[i].name" …; nullptr when there were any.
  static std::shared_ptr<const Schema> ForActivity(std::span<const CustomField> attributes,
                                                   Faults* faults);

  std::span<const Field> fields() const { return fields_; }
  size_t size() const { return fields_.size(); }
  const Field& at(FieldId id) const { return fields_[id]; }

  // nullptr when there is none.
  const Field* Find(std::string_view name) const;
  // The closest name for "did you mean", or ""; a name of which `word` is nearly one part will do
  // ("employes" for employee_count).
  std::string_view Suggest(std::string_view word) const;

  // Choices of a choice field: the table's or, for a custom field, the model's. Empty: any text
  // (the lifecycle checks status).
  std::vector<std::string_view> Choices(FieldId id) const;

  // The derived field of a score group, or nullptr.
  const Field* ScoreGroup(std::string_view group) const;

 private:
  Schema() = default;
  std::string_view Keep(std::string_view text);
  void Add(Field field);
  void AddCustom(const CustomField& custom);
  void Index();

  std::vector<Field> fields_;
  std::vector<FieldId> by_name_;                     // sorted by name
  std::vector<std::unique_ptr<std::string>> texts_;  // what the views of added fields point into
  std::vector<std::pair<FieldId, std::vector<std::string_view>>> choices_;  // of added fields
};

// Positions of Schema::ForActivity.
namespace activity_field {
enum : FieldId { kKind, kActor, kTime, kOutcome, kNextStep, kDue, kTags, kFirstAttribute };
}  // namespace activity_field

}  // namespace leadcore

#endif  // LEADCORE_SCHEMA_H_
