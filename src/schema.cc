// SPDX-License-Identifier: Apache-2.0
#include "leadcore/schema.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLongestName = 60;
constexpr size_t kMostCustomFields = 1000;

constexpr std::string_view kSeniorities = "owner executive vp director manager senior entry intern";
constexpr std::string_view kEmailKinds = "business free role disposable invalid";
constexpr std::string_view kLevels = "low medium high critical";
constexpr std::string_view kStages = "prospect lead mql sql opportunity customer";
constexpr std::string_view kStakeholderMembers = "name title email role";
constexpr std::string_view kIssueMembers = "field original reason";

// A row of the table without its id, which is its place.
struct Row {
  std::string_view name;
  Type type = Type::kText;
  Shape shape = Shape::kScalar;
  FieldGroup group = FieldGroup::kCustom;
  bool promoted = false;
  std::string_view meaning;
  std::string_view choices = {};
  std::string_view members = {};
};

using enum Type;
using enum Shape;
using enum FieldGroup;

// The one list of fields. Ids are numbers of lead.proto: rows are added after the last one,
// together with field::kX and a line of lead.proto, and never moved.
constexpr std::array<Row, field::kBuiltInCount> kRows = {{
    {"id", kText, kScalar, kIdentity, true, "Identifier of the lead, never used again"},
    {"version", kInteger, kScalar, kIdentity, false, "Rises with each edit; Update checks it"},
    {"merged_into", kText, kScalar, kIdentity, false, "Id of the lead that took this one in"},
    {"external_id", kText, kScalar, kIdentity, true, "Id in the system the lead came from"},
    {"salutation", kText, kScalar, kPerson, false, "Form of address"},
    {"first_name", kText, kScalar, kPerson, false, "Given name"},
    {"middle_name", kText, kScalar, kPerson, false, "Middle names"},
    {"last_name", kText, kScalar, kPerson, false, "Family name"},
    {"name_suffix", kText, kScalar, kPerson, false, "What follows the name: Jr., PhD"},
    {"full_name", kText, kScalar, kPerson, true,
     "Whole name, given or put together from the parts"},
    {"job_title", kText, kScalar, kPerson, false, "Job title as written"},
    {"department", kText, kScalar, kPerson, false, "Department"},
    {"seniority", kChoice, kScalar, kPerson, false, "Rank that the job title stands for",
     kSeniorities},
    {"email", kText, kScalar, kContact, true, "Main e-mail address"},
    {"email_kind", kChoice, kScalar, kContact, false, "What sort of address the main one is",
     kEmailKinds},
    {"other_emails", kText, kList, kContact, false, "Further e-mail addresses"},
    {"phone", kText, kScalar, kContact, true, "Main phone number, E.164 where it could be read"},
    {"mobile_phone", kText, kScalar, kContact, false, "Mobile phone number"},
    {"other_phones", kText, kList, kContact, false, "Further phone numbers, each with its kind"},
    {"linkedin_url", kText, kScalar, kContact, false, "LinkedIn profile"},
    {"company", kText, kScalar, kCompany, true, "Company name"},
    {"website", kText, kScalar, kCompany, false, "Web site of the company"},
    {"domain", kText, kScalar, kCompany, true, "Registrable domain of the company"},
    {"industry", kText, kScalar, kCompany, false, "Industry"},
    {"employee_count", kInteger, kScalar, kCompany, false, "Number of employees"},
    {"annual_revenue", kMoney, kScalar, kCompany, false, "Revenue of a year"},
    {"company_growth_percent", kReal, kScalar, kCompany, false,
     "Growth of the company in percent a year"},
    {"technologies", kText, kList, kCompany, false, "Products and tools the company uses"},
    {"product_interest", kText, kList, kCompany, false, "Products the lead asks about"},
    {"street", kText, kScalar, kAddress, false, "Street and number"},
    {"street2", kText, kScalar, kAddress, false, "Second line of the street address"},
    {"city", kText, kScalar, kAddress, false, "City"},
    {"region", kText, kScalar, kAddress, false,
     "State or province, as an ISO 3166-2 subdivision without the country where known"},
    {"postal_code", kText, kScalar, kAddress, false, "Postal code"},
    {"country", kText, kScalar, kAddress, true, "Country, ISO 3166-1 alpha-2"},
    {"time_zone", kText, kScalar, kAddress, false, "IANA name of the time zone"},
    {"language", kText, kScalar, kAddress, false, "Preferred language, BCP 47"},
    {"source", kText, kScalar, kOrigin, true,
     "Id of a source of the model, or the text as it came"},
    {"source_detail", kText, kScalar, kOrigin, false, "What the source says beyond its name"},
    {"utm_source", kText, kScalar, kOrigin, false, "UTM tag: source"},
    {"utm_medium", kText, kScalar, kOrigin, false, "UTM tag: medium"},
    {"utm_campaign", kText, kScalar, kOrigin, false, "UTM tag: campaign"},
    {"utm_term", kText, kScalar, kOrigin, false, "UTM tag: search term"},
    {"utm_content", kText, kScalar, kOrigin, false, "UTM tag: variant of the advertisement"},
    {"referrer", kText, kScalar, kOrigin, false, "Page or person the lead came from"},
    {"campaign_id", kText, kScalar, kOrigin, false, "Campaign in the advertising system"},
    {"ad_id", kText, kScalar, kOrigin, false, "Advertisement in the advertising system"},
    {"adset_id", kText, kScalar, kOrigin, false, "Set of advertisements in the advertising system"},
    {"form_id", kText, kScalar, kOrigin, false, "Form that was filled in"},
    {"click_id", kText, kScalar, kOrigin, false, "Click in the advertising system: gclid, fbclid"},
    {"acquisition_cost", kMoney, kScalar, kOrigin, false, "What it cost to get the lead"},
    {"priority", kChoice, kScalar, kWork, false, "How soon to work on the lead", kLevels},
    {"rating", kText, kScalar, kWork, false, "Rating as another system gave it"},
    {"tags", kText, kList, kWork, false, "Free labels"},
    {"topic", kText, kScalar, kWork, false, "The enquiry in one line"},
    {"description", kText, kScalar, kWork, false, "The enquiry or notes at length"},
    {"bant.budget_confirmed", kBoolean, kScalar, kBant, false, "Budget has been set aside"},
    {"bant.budget_low", kMoney, kScalar, kBant, false, "Lower end of the budget"},
    {"bant.budget_high", kMoney, kScalar, kBant, false, "Upper end of the budget"},
    {"bant.budget_owner", kText, kScalar, kBant, false, "Who controls the budget"},
    {"bant.decision_maker", kBoolean, kScalar, kBant, false, "The contact decides"},
    {"bant.others_involved", kText, kScalar, kBant, false, "Who else has a say"},
    {"bant.approval_process", kText, kScalar, kBant, false, "How a purchase gets approved"},
    {"bant.need_confirmed", kBoolean, kScalar, kBant, false, "There is a clear business need"},
    {"bant.need", kText, kScalar, kBant, false, "The need in words"},
    {"bant.urgency", kChoice, kScalar, kBant, false, "How pressing the need is", kLevels},
    {"bant.impact", kText, kScalar, kBant, false, "What happens if it stays unsolved"},
    {"bant.implement_by", kDate, kScalar, kBant, false, "Day by which it should be in use"},
    {"bant.deadline", kDate, kScalar, kBant, false, "Day behind the urgency"},
    {"bant.delay_risk", kText, kScalar, kBant, false, "What could hold it up"},
    {"bant.next_steps", kText, kScalar, kBant, false, "Next steps agreed on"},
    {"stakeholders",
     kRecord,
     kList,
     kBant,
     false,
     "People with a part in the decision; role: decision_maker, influencer, user, blocker",
     {},
     kStakeholderMembers},
    {"consent.do_not_email", kBoolean, kScalar, kConsent, false, "Must not be e-mailed"},
    {"consent.do_not_call", kBoolean, kScalar, kConsent, false, "Must not be called"},
    {"consent.opted_out", kBoolean, kScalar, kConsent, false, "Has opted out of marketing"},
    {"consent.time", kTime, kScalar, kConsent, false, "When consent was given or taken back"},
    {"consent.source", kText, kScalar, kConsent, false, "Where consent was given or taken back"},
    {"birthday", kDate, kScalar, kDates, false, "Birthday, perhaps without a year"},
    {"customer_since", kDate, kScalar, kDates, false, "First day as a customer"},
    {"data_issues",
     kRecord,
     kList,
     kState,
     false,
     "What could not be read or normalised, and why",
     {},
     kIssueMembers},
    {"status", kChoice, kScalar, kState, true, "State of the model's lifecycle"},
    {"stage", kChoice, kScalar, kState, false, "Place in the funnel", kStages},
    {"unqualified_reason", kChoice, kScalar, kState, false, "Reason code of the model"},
    {"owner", kText, kScalar, kState, true, "Id of the member who works on it"},
    {"pool", kText, kScalar, kState, false, "Pool it was assigned from"},
    {"territory", kText, kScalar, kState, false, "Territory it belongs to"},
    {"create_time", kTime, kScalar, kState, true, "When it was created"},
    {"update_time", kTime, kScalar, kState, true, "When it was last edited"},
    {"assign_time", kTime, kScalar, kState, false, "When the owner got it"},
    {"qualify_time", kTime, kScalar, kState, false, "When it was qualified"},
    {"convert_time", kTime, kScalar, kState, false, "When it was converted"},
    {"archive_time", kTime, kScalar, kState, false, "When it was archived"},
    {"next_action", kText, kScalar, kState, false, "What to do next"},
    {"next_action_due", kTime, kScalar, kState, true, "When to do it"},
    {"score", kReal, kScalar, kDerived, true, "Total score as of its evaluation"},
    {"band", kChoice, kScalar, kDerived, true, "Band of the score"},
    {"scores.demographic", kReal, kScalar, kDerived, false, "Score of the group demographic"},
    {"scores.behavioral", kReal, kScalar, kDerived, false, "Score of the group behavioral"},
    {"scores.firmographic", kReal, kScalar, kDerived, false, "Score of the group firmographic"},
    {"first_response_time", kTime, kScalar, kDerived, false, "First time a person reached out"},
    {"last_activity_time", kTime, kScalar, kDerived, true, "Latest activity"},
    {"score_valid_until", kTime, kScalar, kDerived, true,
     "First moment at which the score can change by time alone"},
    {"status_time", kTime, kScalar, kState, false, "When it came to be in its status"},
}};

bool IsLowerWord(std::string_view name) {
  const auto inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), inner);
}

// Words of the expression language, and the first parts of dotted names.
bool IsReserved(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      "as",      "bant",      "break",  "const",  "consent", "continue", "else", "false",
      "for",     "function",  "if",     "import", "in",      "let",      "loop", "null",
      "package", "namespace", "return", "scores", "true",    "var",      "void", "while"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

// Columns and members write '_' for '.': bant_need is bant.need.
std::string Underscored(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '.', '_');
  return out;
}

// Collects what is wrong with the fields that somebody else declares.
class FieldCheck {
 public:
  FieldCheck(std::string_view root, Faults* faults) : root_(root), faults_(faults) {}

  template <typename... Pieces>
  void Fail(size_t index, std::string_view member, const Pieces&... message) {
    Fault fault;
    fault.path = Cat(root_, '[', index, "].", member);
    fault.message = Cat(message...);
    faults_->push_back(std::move(fault));
    failed_ = true;
  }

  void CheckName(size_t index, std::string_view name, std::span<const Field> taken) {
    if (!IsLowerWord(name)) {
      return Fail(index, "name", "'", name,
                  "' is not a field name: lower-case letters, digits and '_', a letter first");
    }
    if (name.size() > kLongestName) {
      return Fail(index, "name", "the name has ", name.size(), " characters; at most ",
                  kLongestName, " are allowed");
    }
    if (IsReserved(name)) return Fail(index, "name", "'", name, "' is a reserved word");
    for (const Field& field : taken) {
      if (field.name == name) return Fail(index, "name", "there is already a field '", name, "'");
      if (Underscored(field.name) == name) {
        return Fail(index, "name", "'", name, "' would be mistaken for the field '", field.name,
                    "'");
      }
    }
  }

  void CheckChoices(size_t index, const CustomField& custom) {
    if (custom.type != kChoice) {
      if (custom.choices.empty()) return;
      return Fail(index, "choices", "only a field of type choice has choices; this one is ",
                  TypeName(custom.type));
    }
    if (custom.choices.empty()) {
      return Fail(index, "choices", "a choice needs the texts that can be chosen");
    }
    std::vector<std::string_view> sorted(custom.choices.begin(), custom.choices.end());
    std::sort(sorted.begin(), sorted.end());
    if (sorted.front().empty()) Fail(index, "choices", "a choice cannot be empty");
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) Fail(index, "choices", "'", *twice, "' is there twice");
  }

  void CheckShape(size_t index, const CustomField& custom) {
    if (custom.type == kRecord) {
      Fail(index, "type", "a field of one's own cannot hold records");
    } else if (custom.shape == kList && custom.type != kText) {
      Fail(index, "shape", "only text can be a list; this field is ", TypeName(custom.type));
    } else if (custom.indexed && (custom.name == "body" || custom.name == "workspace")) {
      // Columns that every table of a store has.
      Fail(index, "indexed", "a field named '", custom.name,
           "' cannot be indexed; give it another name, or leave out \"indexed\"");
    } else if (custom.shape == kList && custom.indexed) {
      Fail(index, "indexed", "a list cannot be indexed");
    }
  }

  void CheckCount(size_t count) {
    if (count <= kMostCustomFields) return;
    faults_->push_back(
        {std::string(root_), -1,
         Cat(count, " fields are declared; at most ", kMostCustomFields, " are allowed"), 0, 0});
    failed_ = true;
  }

  bool failed() const { return failed_; }

 private:
  std::string_view root_;
  Faults* faults_;
  bool failed_ = false;
};

std::vector<std::string_view> SplitWords(std::string_view words, std::string_view separators) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const size_t end = std::min(words.find_first_of(separators), words.size());
    if (end > 0) out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

}  // namespace

std::string_view FieldGroupName(FieldGroup group) {
  constexpr std::string_view kNames[] = {"identity", "person",  "contact", "company", "address",
                                         "origin",   "work",    "bant",    "consent", "dates",
                                         "state",    "derived", "custom"};
  return kNames[static_cast<size_t>(group)];
}

const std::shared_ptr<const Schema>& Schema::BuiltIn() {
  static const auto& schema = *new std::shared_ptr<const Schema>([] {
    Faults faults;
    return Create({}, {}, &faults);
  }());
  return schema;
}

std::shared_ptr<const Schema> Schema::Create(std::span<const CustomField> custom,
                                             std::span<const std::string> score_groups,
                                             Faults* faults) {
  std::shared_ptr<Schema> schema(new Schema);
  for (const Row& row : kRows) {
    schema->Add({0, row.name, row.type, row.shape, row.group, row.promoted, row.choices,
                 row.members, row.meaning});
  }
  FieldCheck check("fields", faults);
  check.CheckCount(custom.size());
  if (check.failed()) return nullptr;
  for (size_t i = 0; i < custom.size(); ++i) {
    check.CheckName(i, custom[i].name, schema->fields_);
    check.CheckShape(i, custom[i]);
    check.CheckChoices(i, custom[i]);
    schema->AddCustom(custom[i]);
  }
  if (check.failed()) return nullptr;
  schema->Index();
  for (const std::string& group : score_groups) {
    // The same group twice is a fault of the scoring, which reports it.
    if (!IsLowerWord(group) || schema->ScoreGroup(group) != nullptr) continue;
    Field field;
    field.name = schema->Keep(Cat("scores.", group));
    field.type = kReal;
    field.group = kDerived;
    field.meaning = schema->Keep(Cat("Score of the group ", group));
    schema->Add(field);
    schema->Index();
  }
  return schema;
}

std::shared_ptr<const Schema> Schema::ForActivity(std::span<const CustomField> attributes,
                                                  Faults* faults) {
  std::shared_ptr<Schema> schema(new Schema);
  schema->Add({0, "kind", kChoice, kScalar, kWork, false, {}, {}, "Kind of the activity"});
  schema->Add({0, "actor", kText, kScalar, kWork, false, {}, {}, "Who did it"});
  schema->Add({0, "time", kTime, kScalar, kWork, false, {}, {}, "When it happened"});
  schema->Add({0, "outcome", kText, kScalar, kWork, false, {}, {}, "What came of it"});
  schema->Add({0, "next_step", kText, kScalar, kWork, false, {}, {}, "What follows"});
  schema->Add({0, "due", kTime, kScalar, kWork, false, {}, {}, "When that is due"});
  schema->Add({0, "tags", kText, kList, kWork, false, {}, {}, "Free labels"});
  FieldCheck check("attributes", faults);
  check.CheckCount(attributes.size());
  if (check.failed()) return nullptr;
  for (size_t i = 0; i < attributes.size(); ++i) {
    const CustomField& attribute = attributes[i];
    check.CheckName(i, attribute.name, schema->fields_);
    check.CheckChoices(i, attribute);
    const Type type = attribute.type;
    if (type != kText && type != kInteger && type != kReal && type != kBoolean && type != kChoice) {
      check.Fail(i, "type", "an attribute is text, integer, real, boolean or choice, not ",
                 TypeName(type));
    }
    if (attribute.shape == kList) check.Fail(i, "shape", "an attribute cannot be a list");
    schema->AddCustom(attribute);
  }
  if (check.failed()) return nullptr;
  schema->Index();
  return schema;
}

const Field* Schema::Find(std::string_view name) const {
  const auto at = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [this](FieldId id, std::string_view wanted) { return fields_[id].name < wanted; });
  if (at == by_name_.end() || fields_[*at].name != name) return nullptr;
  return &fields_[*at];
}

std::string_view Schema::Suggest(std::string_view word) const {
  std::vector<std::string_view> names;
  for (const Field& field : fields_) names.push_back(field.name);
  const std::string_view whole = ClosestName(word, names.data(), names.size());
  if (!whole.empty()) return whole;
  // A part counts when one field alone has it.
  std::vector<std::string_view> parts;
  std::vector<std::string_view> owners;
  for (std::string_view name : names) {
    for (std::string_view part : SplitWords(name, "_.")) {
      const auto at = std::find(parts.begin(), parts.end(), part);
      if (at != parts.end()) {
        owners[static_cast<size_t>(at - parts.begin())] = {};
      } else {
        parts.push_back(part);
        owners.push_back(name);
      }
    }
  }
  const std::string_view part = ClosestName(word, parts.data(), parts.size());
  if (part.empty()) return {};
  return owners[static_cast<size_t>(std::find(parts.begin(), parts.end(), part) - parts.begin())];
}

std::vector<std::string_view> Schema::Choices(FieldId id) const {
  for (const auto& [owner, choices] : choices_) {
    if (owner == id) return choices;
  }
  return SplitWords(fields_[id].choices, " ");
}

const Field* Schema::ScoreGroup(std::string_view group) const {
  const Field* field = Find(Cat("scores.", group));
  return field != nullptr && field->derived() ? field : nullptr;
}

std::string_view Schema::Keep(std::string_view text) {
  texts_.push_back(std::make_unique<std::string>(text));
  return *texts_.back();
}

void Schema::Add(Field field) {
  field.id = static_cast<FieldId>(fields_.size());
  fields_.push_back(field);
}

void Schema::AddCustom(const CustomField& custom) {
  Field field;
  field.name = Keep(custom.name);
  field.type = custom.type;
  field.shape = custom.shape;
  field.promoted = custom.indexed;
  field.meaning = Keep(custom.meaning);
  Add(field);
  if (custom.choices.empty()) return;
  std::vector<std::string_view> choices;
  for (const std::string& choice : custom.choices) choices.push_back(Keep(choice));
  choices_.emplace_back(fields_.back().id, std::move(choices));
}

void Schema::Index() {
  by_name_.resize(fields_.size());
  for (size_t i = 0; i < fields_.size(); ++i) by_name_[i] = static_cast<FieldId>(i);
  std::sort(by_name_.begin(), by_name_.end(),
            [this](FieldId a, FieldId b) { return fields_[a].name < fields_[b].name; });
}

}  // namespace leadcore
