// SPDX-License-Identifier: Apache-2.0
#include "leadcore/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "text.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kNow = 1'795'000'000 * kSecond;  // 2026-11-18T11:06:40Z

ExpressionScope LeadScope() {
  ExpressionScope scope;
  scope.schema = Schema::BuiltIn().get();
  return scope;
}

std::shared_ptr<const Expression> MustCompile(
    std::string_view source, std::optional<ExpressionType> type = ExpressionType::kBool,
    const ExpressionScope& scope = LeadScope()) {
  Faults faults;
  auto expression = Expression::Compile(source, scope, type, "when", &faults);
  for (const Fault& fault : faults) {
    ADD_FAILURE() << source << ": " << fault.offset << ": " << fault.message;
  }
  return expression;
}

// "offset: message" of each fault.
std::vector<std::string> FaultsOf(std::string_view source,
                                  std::optional<ExpressionType> type = ExpressionType::kBool,
                                  const ExpressionScope& scope = LeadScope(),
                                  const ExpressionLimits& limits = {}) {
  Faults faults;
  const auto expression = Expression::Compile(source, scope, type, "when", &faults, limits);
  EXPECT_EQ(expression == nullptr, !faults.empty()) << source;
  std::vector<std::string> out;
  for (const Fault& fault : faults) {
    EXPECT_EQ(fault.path, "when");
    out.push_back(std::to_string(fault.offset) + ": " + fault.message);
  }
  return out;
}

Lead SampleLead() {
  Lead lead(Schema::BuiltIn());
  lead.SetText(field::kIndustry, "Software");
  lead.SetText(field::kJobTitle, "VP of Sales");
  lead.SetText(field::kSeniority, "vp");
  lead.Set(field::kEmployeeCount, Value::Integer(250));
  lead.Set(field::kAnnualRevenue, Value::OfMoney({1'234'550, Currency{}}));
  lead.Set(field::kCompanyGrowthPercent, Value::Real(12.5));
  lead.Set(field::kOptedOut, Value::Boolean(false));
  lead.Set(field::kDeadline, Value::OfDate({2026, 12, 31}));
  lead.Set(field::kBirthday, Value::OfDate({0, 3, 9}));
  lead.Set(field::kCreateTime, Value::Time(kNow - 2 * kDay));
  lead.AppendText(field::kTags, "vip");
  lead.AppendText(field::kTags, "eu");
  lead.AppendRecord(field::kStakeholders, {"Ann", std::nullopt, "ann@x.com", "blocker"});
  lead.AppendRecord(field::kStakeholders, {"Bob", "CFO", std::nullopt, std::nullopt});
  return lead;
}

Truth TestOn(std::string_view source, const Lead& lead) {
  const auto expression = MustCompile(source);
  if (expression == nullptr) return Truth::kUndetermined;
  return expression->Test(lead.view(), FromMicros(kNow)).truth;
}

void ExpectTrue(std::string_view source) {
  EXPECT_EQ(TestOn(source, SampleLead()), Truth::kTrue) << source;
}
void ExpectFalse(std::string_view source) {
  EXPECT_EQ(TestOn(source, SampleLead()), Truth::kFalse) << source;
}
void ExpectUndetermined(std::string_view source) {
  EXPECT_EQ(TestOn(source, SampleLead()), Truth::kUndetermined) << source;
}

// ---- What it means

TEST(ExpressionTest, ReadsFieldsOfEveryKind) {
  ExpectTrue("lead.employee_count >= 200 && lead.industry in [\"Software\", \"FinTech\"]");
  ExpectTrue("lead.job_title.lowerAscii().contains(\"sales\")");
  ExpectTrue("lead.job_title.matches(\"^VP\\\\b\") && lead.seniority == \"vp\"");
  ExpectTrue("!lead.consent.opted_out");
  ExpectTrue("lead.company_growth_percent > 12 && lead.company_growth_percent / 2 == 6.25");
  ExpectTrue("\"vip\" in lead.tags && size(lead.tags) == 2 && lead.tags[1] == \"eu\"");
  ExpectTrue("lead.tags.exists(t, t.startsWith(\"v\")) && !lead.tags.all(t, t == \"vip\")");
  ExpectTrue("lead.tags.filter(t, t != \"vip\") == [\"eu\"]");
  ExpectFalse("lead.employee_count < 200 || lead.industry == \"Retail\"");
}

TEST(ExpressionTest, ComparesMoneyAsANumberOfTheModelsCurrency) {
  ExpectTrue("lead.annual_revenue > 12345 && lead.annual_revenue == 12345.5");
  ExpectTrue("12345.51 > lead.annual_revenue && double(lead.annual_revenue) / 2 == 6172.75");
  ExpectTrue("string(lead.annual_revenue) == \"12345.50 USD\"");
  ExpectTrue("lead.annual_revenue == lead.annual_revenue");
  Lead lead = SampleLead();
  lead.Set(field::kAnnualRevenue, Value::OfMoney({100, *ParseCurrency("EUR")}));
  EXPECT_EQ(TestOn("lead.annual_revenue > 1", lead), Truth::kUndetermined);
  EXPECT_EQ(TestOn("lead.annual_revenue > 1 || true", lead), Truth::kTrue);
}

TEST(ExpressionTest, ComparesDatesWithTextsDatesAndDays) {
  ExpectTrue("lead.bant.deadline == \"2026-12-31\" && lead.bant.deadline < date(\"2027-01-01\")");
  ExpectTrue("\"2026-12-30\" < lead.bant.deadline");
  ExpectTrue("lead.bant.deadline in [\"2026-12-31\", \"2027-12-31\"]");
  ExpectTrue("timestamp(lead.bant.deadline) - now < days(60)");
  ExpectTrue("timestamp(lead.bant.deadline, \"+02:00\") == timestamp(\"2026-12-30T22:00:00Z\")");
  ExpectTrue("lead.birthday.getMonth() == 2 && lead.birthday == \"--03-09\"");
  ExpectUndetermined("lead.birthday < \"2000-01-01\"");
  ExpectUndetermined("lead.birthday.getFullYear() > 1990");
  ExpectTrue("date(lead.create_time) == \"2026-11-16\"");
}

TEST(ExpressionTest, ReadsMembersOfRecords) {
  ExpectTrue("lead.stakeholders.exists(s, s.role == \"blocker\")");
  ExpectTrue("lead.stakeholders[0].name == \"Ann\" && has(lead.stakeholders)");
  ExpectTrue("lead.stakeholders.exists(s, has(s.title) && s.title == \"CFO\")");
  ExpectTrue("size(lead.stakeholders.filter(s, has(s.email))) == 1");
  ExpectUndetermined("lead.stakeholders.all(s, s.email.endsWith(\"@x.com\"))");
}

TEST(ExpressionTest, TimesHavePartsInAnyZone) {
  ExpectTrue("lead.create_time.getHours() == 11 && lead.create_time.getHours(\"+02:30\") == 13");
  ExpectTrue("lead.create_time.getHours(\"Europe/Berlin\") == 12");
  ExpectTrue("lead.create_time + hours(24) == timestamp(\"2026-11-17T11:06:40Z\")");
  ExpectTrue("duration(\"36h\") == days(1) + hours(12) && weeks(1) == days(7)");
}

TEST(ExpressionTest, MissingFieldsFollowKleene) {
  ExpectUndetermined("lead.country == \"DE\"");
  ExpectUndetermined("!(lead.country == \"DE\")");
  ExpectUndetermined("lead.country == \"DE\" && true");
  ExpectFalse("lead.country == \"DE\" && false");
  ExpectFalse("false && lead.country == \"DE\"");
  ExpectTrue("lead.country == \"DE\" || lead.employee_count == 250");
  ExpectUndetermined("lead.country == \"DE\" || false");
  ExpectTrue("has(lead.country) ? lead.country == \"DE\" : true");
  ExpectUndetermined("lead.country == \"DE\" ? true : true");
  ExpectFalse("has(lead.country)");
  // A list that is absent is an empty list.
  ExpectTrue("size(lead.technologies) == 0 && !has(lead.technologies)");
  ExpectFalse("\"x\" in lead.technologies");
}

TEST(ExpressionTest, NamesWhatWasMissingAndOnlyThat) {
  const Lead lead = SampleLead();
  const auto missing = [&](std::string_view source) {
    std::vector<std::string> names;
    MustCompile(source)->Test(lead.view(), FromMicros(kNow), &names);
    return names;
  };
  EXPECT_THAT(missing("lead.country == \"DE\" && lead.city == \"Bonn\""),
              ElementsAre("lead.country", "lead.city"));
  EXPECT_THAT(missing("(lead.country == \"DE\" || true) && lead.city == \"Bonn\""),
              ElementsAre("lead.city"));
  EXPECT_THAT(missing("lead.country == \"DE\" && false"), IsEmpty());
  EXPECT_THAT(missing("lead.bant.need == \"x\" || lead.bant.need == \"y\""),
              ElementsAre("lead.bant.need"));
  EXPECT_THAT(missing("lead.stakeholders.all(s, s.role == \"blocker\")"),
              ElementsAre("lead.stakeholders.role"));
}

TEST(ExpressionTest, TellsWhyAValueIsUndetermined) {
  const Lead lead = SampleLead();
  const auto why = [&](std::string_view source) {
    std::string reason;
    const auto datum =
        MustCompile(source, std::nullopt)->Evaluate(lead.view(), FromMicros(kNow), &reason);
    EXPECT_FALSE(datum.has_value()) << source;
    return reason;
  };
  EXPECT_EQ(why("lead.country"), "lead.country is missing");
  EXPECT_EQ(why("lead.employee_count / 0"), "division by zero");
  EXPECT_EQ(why("lead.employee_count * 9223372036854775807"), "the number is too large");
  EXPECT_EQ(why("int(lead.industry)"), "the value cannot be converted");
  EXPECT_EQ(why("lead.tags[7]"), "the list has no such item");
}

TEST(ExpressionTest, EvaluatesToValuesOfEveryType) {
  const Lead lead = SampleLead();
  const auto value = [&](std::string_view source) {
    const auto datum = MustCompile(source, std::nullopt)->Evaluate(lead.view(), FromMicros(kNow));
    EXPECT_TRUE(datum.has_value()) << source;
    return datum.value_or(Datum());
  };
  EXPECT_EQ(value("lead.employee_count + 1").integer, 251);
  EXPECT_EQ(value("lead.annual_revenue").text, "USD");
  EXPECT_EQ(value("lead.annual_revenue").integer, 1'234'550);
  EXPECT_EQ(value("now + days(3)").integer, kNow / kSecond + 3 * 86'400);
  EXPECT_EQ(value("-duration(\"1.5s\")").integer, -2);
  EXPECT_EQ(value("-duration(\"1.5s\")").nanos, 500'000'000);
  const Datum tags = value("lead.tags + [\"new\"]");
  ASSERT_EQ(tags.items.size(), 3u);
  EXPECT_EQ(tags.items[2].text, "new");
  EXPECT_EQ(value("string(lead.bant.deadline)").text, "2026-12-31");
  EXPECT_EQ(value("\"  a b \".trim() + lead.industry.upperAscii()").text, "a bSOFTWARE");
}

TEST(ExpressionTest, PromotesIntConstantsBesideDoublesOnly) {
  ExpectTrue("lead.company_growth_percent * 2 == 25");
  ExpectTrue("lead.company_growth_percent in [1, 12.5]");
  ExpectTrue("(true ? 1 : 2.5) == 1.0");
  EXPECT_THAT(
      FaultsOf("lead.employee_count * lead.company_growth_percent > 1"),
      ElementsAre("20: '*' is not defined for an int and a double; double(…) makes an int a "
                  "double"));
  // Comparisons are exact, however large the numbers.
  ExpectTrue("9007199254740993 > 9007199254740992.0");
}

// ---- Mistakes

TEST(ExpressionTest, FaultsSayWhatWhereAndWhatWouldMendIt) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"lead.emplyees >= 200", "5: unknown field 'emplyees', did you mean 'employee_count'?"},
      {"lead.bant.ned == \"x\"", "5: unknown field 'bant.ned', did you mean 'bant.need'?"},
      {"lead.bant == \"x\"", "5: 'bant' is a group of fields, name one of them"},
      {"industry == \"x\"", "0: unknown name 'industry', did you mean 'lead.industry'?"},
      {"led.industry == \"x\"", "0: unknown name 'led', did you mean 'lead'?"},
      {"lead.industry == Software",
       "17: unknown name 'Software'; fields are written lead.NAME and texts in quotes: "
       "\"Software\""},
      {"lead.seniority == \"directr\"",
       "18: 'seniority' is never 'directr', did you mean 'director'?"},
      {"lead.seniority in [\"vp\", \"boss\"]",
       "25: 'seniority' is never 'boss'; its choices are owner, executive, vp, director, manager, "
       "senior, entry, intern"},
      {"lead.industry.beginsWith(\"x\")", "14: unknown function 'beginsWith'"},
      {"lead.industry.startWith(\"x\")",
       "14: unknown function 'startWith', did you mean 'startsWith'?"},
      {"startsWith(lead.industry, \"x\")",
       "0: 'startsWith' is written behind its value: VALUE.startsWith(…)"},
      {"lead.industry = \"x\"", "14: a single '=' is not a comparison, write '=='"},
      {"lead.industry == \"x\" and true", "21: 'and' is written '&&'"},
      {"lead.industry == \"x", "17: the text has no closing quote"},
      {"lead.industry == \u201cx\u201d", "17: a text is put in straight quotes: \"like this\""},
      {"lead.employee_count <> 3", "20: '<>' is written '!='"},
      {"lead.employee_count > \"3\"", "20: '>' cannot compare an int with a string"},
      {"lead.employee_count", "0: the result has to be true or false, this is an int"},
      {"lead.country == null",
       "13: '==' cannot compare a string with a null; has(FIELD) asks whether a field has a value"},
      {"lead.industry && true", "0: expected true or false here, found a string"},
      {"lead.tags == \"vip\"",
       "10: '==' cannot compare a list of string with a string; 'in' asks whether a list holds a "
       "value"},
      {"\"a\" in lead.industry",
       "4: 'in' needs a list on its right, found a string; a part of a text is found with "
       "contains"},
      {"lead.industry.matches(\"(\")", "22: the pattern cannot be used: missing ): ("},
      {"lead.create_time.getHours(\"Mars/Base\") > 1",
       "26: unknown zone 'Mars/Base'; write a name such as Europe/Berlin or an offset such as "
       "+02:00"},
      {"lead.bant.deadline < \"tomorrow\"",
       "21: 'tomorrow' is not a date; write 2026-11-23, or --11-23 without a year"},
      {"timestamp(\"2026-13-01T00:00:00Z\") < now",
       "10: '2026-13-01T00:00:00Z' is not a time in the years 1 to 9999 such as "
       "2026-11-23T09:30:00Z"},
      {"count(\"page_view\") > 1", "0: 'count' cannot be used here"},
      {"lead.tags.map(t, t) == []", "10: 'map' is not part of the language"},
      {"{\"a\": 1} == {}", "0: maps are not part of the language"},
      {"lead.stakeholders.exists(s, s.rol == \"x\")",
       "30: 'stakeholders' has no member 'rol', did you mean 'role'?"},
      {"(lead.employee_count > 3", "24: expected ')' to close the bracket, found the end"},
      {"lead.employee_count > 3)", "23: ')' closes nothing"},
      {"  ", "0: the expression is empty"},
      {"true &&", "7: expected a value, found the end"},
      {"2u > 1", "0: unsigned numbers are not part of the language, leave out the 'u'"},
      {"lead.industry == \"\xff\"", "18: this byte is not UTF-8"},
  };
  for (const auto& [source, expected] : cases) {
    EXPECT_THAT(FaultsOf(source), ElementsAre(expected)) << source;
  }
}

TEST(ExpressionTest, FindsSeveralMistakesInOneGo) {
  EXPECT_THAT(
      FaultsOf("lead.emplyees > 1 && lead.industri == \"x\" && lead.tags > 1"),
      ElementsAre(HasSubstr("5: unknown field 'emplyees'"),
                  HasSubstr("26: unknown field 'industri'"), HasSubstr("'>' cannot compare")));
  EXPECT_THAT(FaultsOf("lead.employee_count > && (lead.industry ==) && lead. == 1"),
              ElementsAre("22: expected a value, found '&&'", "42: expected a value, found ')'",
                          "53: expected a name after '.', found '=='"));
  EXPECT_THAT(FaultsOf("'\\q' == '\\u12' && 3x > 1").size(), 3u);
}

TEST(ExpressionTest, MessagesStayShort) {
  Faults faults;
  const std::string source = "lead." + std::string(9000, 'x') + " == \"a\"";
  Expression::Compile(source, LeadScope(), ExpressionType::kBool, "when", &faults);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_LE(faults[0].message.size(), 410u);
}

TEST(ExpressionTest, LimitsAreFaultsNotCrashes) {
  ExpressionLimits limits;
  limits.depth = 10;
  limits.nodes = 50;
  limits.list_items = 3;
  limits.length_bytes = 200;
  const auto faults = [&](const std::string& source) {
    return FaultsOf(source, std::nullopt, LeadScope(), limits);
  };
  EXPECT_THAT(faults(std::string(60, '(') + "1" + std::string(60, ')')),
              ElementsAre(HasSubstr("nested too deep; at most 10 levels")));
  EXPECT_THAT(faults("1+1+1+1+1+1+1+1+1+1+1+1+1"), ElementsAre(HasSubstr("nested too deep")));
  EXPECT_THAT(faults("[1,2,3,4]"), ElementsAre(HasSubstr("has 4 items; at most 3")));
  std::string wide = "true";
  for (int i = 0; i < 30; ++i) wide += "||true";
  EXPECT_THAT(faults(wide), IsEmpty());
  for (int i = 0; i < 30; ++i) wide += "||!true";
  EXPECT_THAT(faults(wide), ElementsAre(HasSubstr("at most 200")));
  limits.length_bytes = 2000;
  EXPECT_THAT(faults(wide), ElementsAre(HasSubstr("too many parts; at most 50")));
  limits = {};
  limits.depth = 1'000'000;  // there is a bound that no caller can lift
  limits.length_bytes = limits.nodes = 1'000'000;
  for (std::string_view piece : {"(", "!-", "[", "1+(", "size(", "true?(", "[1].all(e,"}) {
    std::string nested;
    for (int i = 0; i < 20'000; ++i) nested += piece;
    EXPECT_THAT(faults(nested), Not(IsEmpty())) << piece;
  }
  // The default limits hold against the deepest text that fits.
  const std::string deep = std::string(8000, '(') + "1" + std::string(8000, ')');
  EXPECT_THAT(FaultsOf(deep), ElementsAre(HasSubstr("nested too deep")));
  EXPECT_THAT(FaultsOf("lead.industry.matches(\"((a{100}){100}){100}\")"),
              ElementsAre(HasSubstr("the pattern cannot be used")));
}

TEST(ExpressionTest, LoopsWithinLoopsEndUndetermined) {
  Lead lead(Schema::BuiltIn());
  for (int i = 0; i < 2000; ++i) lead.AppendText(field::kTags, Cat('t', i));
  EXPECT_EQ(
      TestOn("lead.tags.exists(a, lead.tags.exists(b, lead.tags.exists(c, a + b == c)))", lead),
      Truth::kUndetermined);
  EXPECT_EQ(TestOn("lead.tags.exists(a, a == \"t1999\")", lead), Truth::kTrue);
}

// ---- Time

std::optional<int64_t> ValidUntil(std::string_view source, const Lead& lead, int64_t now = kNow) {
  return MustCompile(source)->Test(lead.view(), FromMicros(now)).valid_until;
}

TEST(ExpressionTest, EachComparisonWithNowTellsItsMoment) {
  const Lead lead = SampleLead();  // made two days before now
  const int64_t created = kNow - 2 * kDay;
  EXPECT_EQ(ValidUntil("lead.employee_count > 1", lead), std::nullopt);
  EXPECT_EQ(ValidUntil("now - lead.create_time >= days(3)", lead), created + 3 * kDay);
  EXPECT_EQ(ValidUntil("now - lead.create_time > days(3)", lead), created + 3 * kDay + 1);
  EXPECT_EQ(ValidUntil("now - lead.create_time < days(3)", lead), created + 3 * kDay);
  EXPECT_EQ(ValidUntil("now - lead.create_time > days(1)", lead), std::nullopt);
  EXPECT_EQ(ValidUntil("lead.create_time + hours(49) > now", lead), created + 49 * kHour);
  EXPECT_EQ(ValidUntil("now == lead.create_time + days(4)", lead), created + 4 * kDay);
  EXPECT_EQ(ValidUntil("now == lead.create_time + days(2)", lead), kNow + 1);
  EXPECT_EQ(ValidUntil("now != lead.create_time + days(1)", lead), std::nullopt);
  EXPECT_EQ(ValidUntil("now - (now - lead.create_time) == lead.create_time", lead), std::nullopt);
  // A missing field does not come with time.
  EXPECT_EQ(ValidUntil("now - lead.assign_time > days(1)", lead), std::nullopt);
}

TEST(ExpressionTest, ValidUntilFollowsTheOperandsThatDecide) {
  const Lead lead = SampleLead();
  const int64_t created = kNow - 2 * kDay;
  const std::string in1 = "now - lead.create_time < days(3)";   // true, flips in a day
  const std::string in2 = "now - lead.create_time >= days(4)";  // false, flips in two days
  EXPECT_EQ(ValidUntil(in1 + " && " + in2, lead), created + 4 * kDay);
  EXPECT_EQ(ValidUntil(in1 + " || " + in2, lead), created + 3 * kDay);
  EXPECT_EQ(ValidUntil("!(" + in1 + ") || !(" + in2 + ")", lead), created + 4 * kDay);
  EXPECT_EQ(ValidUntil("(" + in1 + ") ? " + in2 + " : false", lead), created + 3 * kDay);
  EXPECT_EQ(ValidUntil("false && " + in1, lead), std::nullopt);
  EXPECT_EQ(ValidUntil("lead.country == \"x\" && " + in1, lead), created + 3 * kDay);
  EXPECT_EQ(ValidUntil("[1, 2].exists(i, now - lead.create_time >= days(3 + i))", lead),
            created + 4 * kDay);
}

TEST(ExpressionTest, OtherUsesOfNowAreRefusedWhereItMoves) {
  for (std::string_view source :
       {"now.getHours() > 3", "now in [lead.create_time]", "string(now) == \"x\"",
        "date(now) > \"2026-01-01\"", "int(now) > 3", "(now - lead.create_time).getHours() > 3",
        "[now] == [lead.create_time]"}) {
    EXPECT_THAT(FaultsOf(source), ElementsAre(HasSubstr("'now' may only be added to"))) << source;
    ExpressionScope scope = LeadScope();
    scope.now_moves = false;
    const auto expression = MustCompile(source, ExpressionType::kBool, scope);
    const Lead lead = SampleLead();
    const Verdict verdict = expression->Test(lead.view(), FromMicros(kNow));
    EXPECT_NE(verdict.truth, Truth::kUndetermined) << source;
    EXPECT_EQ(verdict.valid_until, kNow + 1) << source;
  }
}

TEST(ExpressionTest, NowOutsideTheCalendarIsUndetermined) {
  const Lead lead = SampleLead();
  const auto expression = MustCompile("now > lead.create_time || lead.employee_count == 250");
  for (absl::Time now :
       {absl::InfiniteFuture(), absl::InfinitePast(), absl::FromUnixSeconds(1e15)}) {
    EXPECT_EQ(expression->Test(lead.view(), now).truth, Truth::kTrue);
    EXPECT_EQ(MustCompile("now > lead.create_time")->Test(lead.view(), now).truth,
              Truth::kUndetermined);
  }
}

// Random conditions over now: the result never changes before valid_until.
TEST(ExpressionTest, ValidUntilIsNeverLate) {
  const uint64_t seed = 20261123;
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  const auto pick = [&](auto&&... options) {
    const std::vector<std::string> all = {options...};
    return all[random() % all.size()];
  };
  const auto moment = [&] {
    return pick("lead.create_time", "lead.assign_time", "lead.next_action_due");
  };
  const auto length = [&] { return Cat("seconds(", random() % 60, ')'); };
  const auto leaf = [&] {
    const std::string op = pick("<", "<=", ">", ">=", "==", "!=");
    switch (random() % 4) {
      case 0:
        return "now " + op + " " + moment() + " + " + length();
      case 1:
        return moment() + " - now " + op + " " + length();
      case 2:
        return "now + (now - " + moment() + ") " + op + " " + moment() + " + " + length();
      default:
        return Cat("(now - ", moment(), ") + (now - ", moment(), ") ", op, ' ', length());
    }
  };
  for (int round = 0; round < 300; ++round) {
    Lead lead(Schema::BuiltIn());
    for (FieldId id : {field::kCreateTime, field::kAssignTime, field::kNextActionDue}) {
      if (random() % 8 == 0) continue;
      lead.Set(id, Value::Time(kNow + static_cast<int64_t>(random() % 60) * kSecond));
    }
    std::string source = leaf();
    for (int i = random() % 4; i > 0; --i) {
      source = Cat(pick("", "!"), '(', source, ") ", pick("&&", "||"), " (", leaf(), ')');
    }
    if (random() % 4 == 0) source = Cat('(', leaf(), ") ? (", source, ") : (", leaf(), ')');
    const auto expression = MustCompile(source);
    ASSERT_NE(expression, nullptr);
    Verdict last = expression->Test(lead.view(), FromMicros(kNow));
    for (int64_t now = kNow; now < kNow + 130 * kSecond; now += kSecond / 2) {
      // Moments lie on half seconds or a microsecond after: the grid that is looked at has both.
      for (int64_t at : {now, now + 1}) {
        const Verdict verdict = expression->Test(lead.view(), FromMicros(at));
        if (verdict.truth != last.truth) {
          ASSERT_TRUE(last.valid_until && *last.valid_until <= at) << source << " at " << at - kNow;
        }
        ASSERT_GT(verdict.valid_until.value_or(at + 1), at) << source;
        last = verdict;
      }
    }
  }
}

// ---- What it tells of itself

TEST(ExpressionTest, KnowsItsFieldsTypeAndSource) {
  const std::string source = "lead.tags.exists(t, t == lead.industry) || has(lead.country)";
  const auto expression = MustCompile(source);
  EXPECT_EQ(expression->source(), source);
  EXPECT_EQ(expression->type(), ExpressionType::kBool);
  EXPECT_THAT(expression->fields(), ElementsAre(FieldId{field::kIndustry}, FieldId{field::kCountry},
                                                FieldId{field::kTags}));
  EXPECT_EQ(MustCompile("lead.tags", std::nullopt)->type(), ExpressionType::kList);
  EXPECT_EQ(MustCompile("lead.annual_revenue", std::nullopt)->type(), ExpressionType::kMoney);
}

std::string RangesOf(std::string_view source) {
  const auto expression = MustCompile(source);
  std::string out;
  for (const Expression::Range& range : expression->ranges()) {
    if (!out.empty()) out += "; ";
    out += std::string(Schema::BuiltIn()->at(range.field).name) + " " + FormatValue(range.low) +
           ".." + (range.prefix ? "*" : FormatValue(range.high));
  }
  return out;
}

TEST(ExpressionTest, RangesAreWhatTheTopLevelImplies) {
  EXPECT_EQ(RangesOf("lead.country == \"DE\" && lead.employee_count >= 200"),
            "country DE..DE; employee_count 200..");
  EXPECT_EQ(RangesOf("lead.employee_count > 5 && 100 > lead.employee_count && true"),
            "employee_count 5..100");
  EXPECT_EQ(RangesOf("lead.email.startsWith(\"ann\") && lead.industry in [\"b\", \"a\", \"c\"]"),
            "email ann..*; industry a..c");
  EXPECT_EQ(RangesOf("lead.country == \"DE\" || lead.country == \"AT\""), "");
  EXPECT_EQ(RangesOf("!(lead.country == \"DE\") && lead.country != \"AT\""), "");
  EXPECT_EQ(RangesOf("lead.consent.opted_out && !lead.bant.need_confirmed"),
            "consent.opted_out true..true; bant.need_confirmed false..false");
  EXPECT_EQ(RangesOf("lead.create_time >= timestamp(\"2026-01-01T00:00:00Z\") - days(1)"),
            "create_time 2025-12-31T00:00:00Z..");
  EXPECT_EQ(RangesOf("lead.annual_revenue >= 1000"), "annual_revenue 1000.00 USD..");
  EXPECT_EQ(RangesOf("lead.bant.deadline < \"2026-01-31\" && now > lead.create_time"),
            "bant.deadline ..2026-01-31");
  EXPECT_EQ(RangesOf("lead.score >= 70 && lead.score < 90.5"), "score 70..90.5");
}

// An index that serves the ranges loses no row for which the condition is true.
TEST(ExpressionTest, WhatMatchesLiesInTheRanges) {
  const uint64_t seed = 4;
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  const auto pick = [&](const std::vector<std::string>& all) { return all[random() % all.size()]; };
  const auto number = [&] {
    return pick({"", "-"}) + std::to_string(random() % 4) + pick({"", ".0", ".01", ".5", ".005"});
  };
  const auto condition = [&]() -> std::string {
    const std::string op = pick({"==", "!=", "<", "<=", ">", ">="});
    const std::string field = pick({"lead.employee_count", "lead.annual_revenue", "lead.score"});
    const std::string text = Cat('"', std::string(random() % 3, 'a'), pick({"", "b"}), '"');
    switch (random() % 6) {
      case 0:
        return field + " " + op + " " + number();
      case 1:
        return number() + " " + op + " " + field;
      case 2:
        return "lead.score in [" + number() + ", 0.5, " + number() + "]";
      case 3:
        return "lead.city " + op + " " + text;
      case 4:
        return "lead.city.startsWith(" + text + ")";
      default:
        return "lead.create_time " + op + " timestamp(0) + duration(\"" +
               std::to_string(random() % 4000) + "ns\")";
    }
  };
  int matched = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string source = condition();
    for (int i = random() % 3; i > 0; --i) source += " && " + condition();
    const auto expression = MustCompile(source);
    Lead lead(Schema::BuiltIn());
    const int64_t small = static_cast<int64_t>(random() % 9) - 4;
    lead.Set(field::kEmployeeCount, Value::Integer(small));
    lead.Set(field::kAnnualRevenue, Value::OfMoney({small * 100 + (random() % 2 ? 1 : 0), {}}));
    lead.Set(field::kScore, Value::Real(static_cast<double>(small) + (random() % 2 ? 0.01 : 0)));
    lead.SetText(field::kCity, std::string(random() % 3, 'a') + (random() % 2 ? "b" : ""));
    lead.Set(field::kCreateTime, Value::Time(small));
    if (expression->Test(lead.view(), FromMicros(kNow)).truth != Truth::kTrue) continue;
    ++matched;
    for (const Expression::Range& range : expression->ranges()) {
      const Value& value = lead[range.field];
      if (range.prefix) {
        EXPECT_TRUE(value.text().starts_with(range.low.text())) << source;
        continue;
      }
      EXPECT_TRUE(range.low.absent() || CompareValues(value, range.low) >= 0) << source;
      EXPECT_TRUE(range.high.absent() || CompareValues(value, range.high) <= 0) << source;
    }
  }
  EXPECT_GT(matched, 300);
}

TEST(ExpressionTest, BareNamesWithoutARoot) {
  ExpressionScope scope = LeadScope();
  scope.root = "";
  const Lead lead = SampleLead();
  const auto expression =
      MustCompile("employee_count > 3 && bant.deadline > \"2026-01-01\" && !has(country)",
                  ExpressionType::kBool, scope);
  EXPECT_EQ(expression->Test(lead.view(), FromMicros(kNow)).truth, Truth::kTrue);
  std::vector<std::string> missing;
  MustCompile("country == \"DE\"", ExpressionType::kBool, scope)
      ->Test(lead.view(), FromMicros(kNow), &missing);
  EXPECT_THAT(missing, ElementsAre("country"));
}

TEST(ExpressionTest, AShorterRowReadsAsAbsent) {
  const auto expression = MustCompile("lead.country == \"DE\"");
  EXPECT_EQ(expression->Test(LeadView{}, FromMicros(kNow)).truth, Truth::kUndetermined);
}

}  // namespace
}  // namespace leadcore
