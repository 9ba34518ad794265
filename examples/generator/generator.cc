// SPDX-License-Identifier: Apache-2.0
#include "generator/generator.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace generator {
namespace {

using Text = std::string_view;

// Where companies are: what a number, a postal code and a region look like there. In patterns 9 is
// any digit and A any letter.
struct Place {
  Text country, region, city, postal;
  Text phone;   // national number, with the digits that its plan asks for
  Text code;    // country code
  Text suffix;  // of web sites
};
constexpr Place kPlaces[] = {
    {"USA", "California", "San Francisco", "94199", "415 299 9999", "1", "com"},
    {"United States", "NY", "New York", "10019", "212 299 9999", "1", "com"},
    {"US", "Texas", "Austin", "78799", "512 299 9999", "1", "com"},
    {"USA", "IL", "Chicago", "60699", "312 299 9999", "1", "com"},
    {"USA", "WA", "Seattle", "98199", "206 299 9999", "1", "io"},
    {"US", "Massachusetts", "Boston", "02199", "617 299 9999", "1", "com"},
    {"Canada", "Ontario", "Toronto", "M5V 9A9", "416 299 9999", "1", "ca"},
    {"UK", "England", "London", "EC1A 9BB", "20 7999 9999", "44", "co.uk"},
    {"Germany", "Bayern", "München", "80399", "89 2999 9999", "49", "de"},
    {"Deutschland", "Berlin", "Berlin", "10999", "30 2999 9999", "49", "de"},
    {"France", "Île-de-France", "Paris", "75009", "1 42 99 99 99", "33", "fr"},
    {"Netherlands", "Noord-Holland", "Amsterdam", "1099 AA", "20 699 9999", "31", "nl"},
    {"Spain", "Madrid", "Madrid", "28099", "91 499 99 99", "34", "es"},
    {"Switzerland", "Zürich", "Zürich", "8099", "44 299 99 99", "41", "ch"},
    {"Australia", "NSW", "Sydney", "2099", "2 9299 9999", "61", "com.au"},
    {"India", "Karnataka", "Bengaluru", "560099", "80 2599 9999", "91", "in"},
};

constexpr Text kFirst[] = {
    "James",  "Mary",   "Robert", "Linda", "Michael", "Susan",  "David",  "Karen", "Daniel",
    "Laura",  "Priya",  "Arjun",  "Mei",   "Wei",     "Fatima", "Omar",   "José",  "María",
    "Jürgen", "Anneke", "Søren",  "Zoë",   "Chloé",   "Pierre", "Giulia", "Marco", "Katarzyna",
    "Piotr",  "Olena",  "Ivan",   "Yuki",  "Hiroshi", "Aisha",  "Kwame",  "Sofia"};
constexpr Text kLast[] = {
    "Smith",        "Johnson",  "Williams",  "Brown",    "Garcia",  "Miller",   "Davis",
    "Martinez",     "Lopez",    "Wilson",    "Anderson", "O'Brien", "McDonald", "Patel",
    "Sharma",       "Chen",     "Wang",      "Nguyen",   "Kim",     "Müller",   "Schmidt",
    "van der Berg", "de Vries", "Dubois",    "Lefèvre",  "Rossi",   "Ferrari",  "Kowalska",
    "Nowak",        "Hansen",   "Lindqvist", "Okafor",   "Haddad",  "Tanaka",   "Silva"};
constexpr Text kTitles[] = {"CEO",
                            "CTO",
                            "CFO",
                            "Founder",
                            "Chief Marketing Officer",
                            "VP Sales",
                            "Vice President Engineering",
                            "Director of Operations",
                            "Head of IT",
                            "Marketing Manager",
                            "Sales Manager",
                            "Product Manager",
                            "Team Lead",
                            "Software Engineer",
                            "Data Analyst",
                            "Accountant",
                            "Consultant",
                            "Office Assistant",
                            "Student",
                            "Intern",
                            ""};
constexpr Text kRoots[] = {"Acme",   "Nova",  "Blue",   "Red",   "Quantum", "Bright", "North",
                           "Silver", "Green", "Iron",   "Cloud", "Data",    "Solar",  "Ocean",
                           "Alpine", "Urban", "Summit", "Prime", "Vertex",  "Lumen"};
constexpr Text kTails[] = {"Systems", "Labs",      "Logistics", "Foods",    "Energy",
                           "Health",  "Analytics", "Capital",   "Robotics", "Media",
                           "Motors",  "Textiles",  "Partners",  "Works",    "Networks",
                           "Finance", "Pharma",    "Retail",    "Studios",  "Bank"};
constexpr Text kForms[] = {"Inc.", "LLC", "Ltd", "Corp.", "GmbH", "AG", "S.A.", "B.V.", ""};
constexpr Text kIndustries[] = {"Software",   "Technology",    "FinTech",     "Financial Services",
                                "Healthcare", "Manufacturing", "Logistics",   "Retail",
                                "Education",  "Construction",  "Hospitality", "Agriculture"};
constexpr Text kSources[] = {
    "Website",  "Web",        "Email Campaign", "Newsletter",    "Social Media", "LinkedIn",
    "Referral", "Trade Show", "Cold Call",      "Advertisement", "Google Ads",   "Direct Mail",
    ""};
constexpr Text kTechnologies[] = {"Salesforce", "HubSpot", "AWS",   "Snowflake",
                                  "SAP",        "Oracle",  "Azure", "Kubernetes"};
constexpr Text kProducts[] = {"Analytics", "Automation", "Support", "Platform"};
constexpr Text kFree[] = {"gmail.com", "yahoo.com", "outlook.com", "gmx.de"};

// Leads that another system had worked on already.
constexpr Text kStatuses[] = {"Contacted", "Contacted", "Contacted",   "Qualified",
                              "Qualified", "Nurture",   "Unqualified", "Converted"};
constexpr Text kColumns[] = {"Lead ID",
                             "First Name",
                             "Last Name",
                             "Job Title",
                             "Email",
                             "Phone",
                             "Company",
                             "Website",
                             "Industry",
                             "Employee Count",
                             "Annual Revenue",
                             "Company Growth Percent",
                             "Technologies",
                             "City",
                             "State",
                             "Postal Code",
                             "Country",
                             "Lead Source",
                             "Product Interest",
                             "bant.budget_confirmed",
                             "bant.decision_maker",
                             "Lead Status",
                             "create_time"};
enum Column : size_t { kId, kFirstName, kLastName, kTitle, kEmail, kPhone, kCompany };

// What doubles are made of.
constexpr size_t kRemembered = 4000;

// ASCII letters and digits of a name, in lower case; letters with accents lose their place.
std::string Plain(Text name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') out.push_back(static_cast<char>(c - 'A' + 'a'));
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out.push_back(c);
  }
  return out.empty() ? "x" : out;
}

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string Digits(Text text) {
  std::string out;
  for (const char c : text) {
    if (c >= '0' && c <= '9') out.push_back(c);
  }
  return out;
}

// The way a web form, a badge scanner or a hurried colleague writes a number.
std::string WritePhone(Random& random, const Place& place, Text national) {
  const bool home = place.code == "1";
  const std::string code(place.code);
  switch (random.Below(5)) {
    case 0:
      return "+" + code + Digits(national);
    case 1:
      return "+" + code + " " + std::string(national);
    case 2:
      return home
                 ? "(" + std::string(national.substr(0, 3)) + ") " + std::string(national.substr(4))
                 : "+" + code + " (0) " + std::string(national);
    case 3:
      return home ? "1-" + std::string(national) : "00" + code + " " + std::string(national);
    default:
      return "+" + code + "." + std::string(national);
  }
}

}  // namespace

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
size_t Random::Below(size_t n) { return static_cast<size_t>(Next() % n); }
bool Random::Chance(int in_a_hundred) { return Below(100) < static_cast<size_t>(in_a_hundred); }
int64_t Random::Skewed(int64_t middle) {
  // A product of three fractions leans to the low end; the power of two gives the long tail.
  int64_t value = middle;
  for (int i = 0; i < 3; ++i) value = value * static_cast<int64_t>(40 + Below(160)) / 100;
  return std::max<int64_t>(1, value << (Chance(12) ? Below(7) : 0));
}

std::string_view RowKindName(RowKind kind) {
  constexpr Text kNames[] = {"original",   "same_email", "same_phone", "same_company",
                             "no_contact", "no_name",    "bad_email"};
  return kNames[static_cast<size_t>(kind)];
}

std::span<const std::string_view> Columns() { return kColumns; }

std::string Leads::MakePhone(size_t place) {
  std::string number(kPlaces[place].phone);
  for (char& c : number) {
    if (c == '9') c = static_cast<char>('0' + random_.Below(10));
  }
  return number;
}

Leads::Person Leads::MakePerson() {
  Person person;
  person.number = ++people_;
  person.row = rows_;
  person.place = random_.Below(std::size(kPlaces));
  const Place& place = kPlaces[person.place];
  person.first = random_.Of(kFirst);
  person.last = random_.Of(kLast);
  person.title = random_.Of(kTitles);
  const std::string root(random_.Of(kRoots));
  const std::string tail(random_.Of(kTails));
  const Text form = random_.Of(kForms);
  person.company = root + " " + tail + (form.empty() ? "" : " " + std::string(form));
  const std::string site = Plain(root) + Plain(tail) + std::to_string(random_.Below(400)) + "." +
                           std::string(place.suffix);
  person.website = "https://www." + site + "/";
  // A number keeps the many people of one name apart, as companies do.
  const bool free = random_.Chance(18);
  const std::string number = free || random_.Chance(30) ? std::to_string(people_) : "";
  person.email = Plain(person.first) + "." + Plain(person.last) + number + "@" +
                 (free ? std::string(random_.Of(kFree)) : site);
  person.phone = MakePhone(person.place);
  person.industry = random_.Of(kIndustries);
  person.employees = random_.Skewed(180);
  person.revenue = person.employees * static_cast<int64_t>(60 + random_.Below(240)) * 1000;
  person.growth = static_cast<int64_t>(random_.Below(60)) - 15;
  person.city = place.city;
  person.region = place.region;
  person.country = place.country;
  person.postal = place.postal;
  for (char& c : person.postal) {
    if (c == '9') c = static_cast<char>('0' + random_.Below(10));
  }
  char day[32];
  std::snprintf(day, sizeof(day), "2026-0%zu-%02zuT%02zu:15:00Z", 3 + random_.Below(3),
                1 + random_.Below(30), 6 + random_.Below(14));
  person.created = day;
  return person;
}

std::vector<std::string> Leads::Write(const Person& person) {
  const auto some = [this](int in_a_hundred, std::string text) {
    return random_.Chance(in_a_hundred) ? std::move(text) : std::string();
  };
  std::string technologies;
  for (size_t i = random_.Below(4); i > 0; --i) {
    technologies += (technologies.empty() ? "" : ";") + std::string(random_.Of(kTechnologies));
  }
  std::vector<std::string> cells = {
      "L" + std::to_string(100'000 + rows_),
      person.first,
      person.last,
      person.title,
      person.email,
      some(80, WritePhone(random_, kPlaces[person.place], person.phone)),
      person.company,
      some(70, person.website),
      some(85, person.industry),
      some(75, std::to_string(person.employees)),
      some(60, "$" + std::to_string(person.revenue)),
      some(40, std::to_string(person.growth)),
      technologies,
      person.city,
      person.region,
      some(90, person.postal),
      some(95, person.country),
      std::string(random_.Of(kSources)),
      some(30, std::string(random_.Of(kProducts))),
      some(25, random_.Chance(40) ? "yes" : "no"),
      some(25, random_.Chance(50) ? "yes" : "no"),
      some(30, std::string(random_.Of(kStatuses))),
      person.created};
  if (random_.Chance(3)) cells[kLastName] = Upper(cells[kLastName]);
  if (random_.Chance(3)) cells[kFirstName] = "  " + cells[kFirstName] + " ";
  if (random_.Chance(2)) cells[kCompany] = Upper(cells[kCompany]);
  return cells;
}

// The same person once more, in a way that people find at once and machines by their keys.
Row Leads::Again(const Person& person) {
  Row row;
  row.cells = Write(person);
  row.person = person.number;
  row.original = person.row;
  const size_t at = person.email.find('@');
  switch (random_.Below(3)) {
    case 0:
      row.kind = RowKind::kSameEmail;
      row.cells[kEmail] = random_.Chance(50)
                              ? Upper(person.email)
                              : person.email.substr(0, at) + "+news" + person.email.substr(at);
      break;
    case 1:
      row.kind = RowKind::kSamePhone;
      row.cells[kEmail].clear();
      row.cells[kPhone] = WritePhone(random_, kPlaces[person.place], person.phone);
      break;
    default:
      row.kind = RowKind::kSameCompany;
      row.cells[kEmail] =
          Plain(person.last) + std::to_string(rows_) + "@" + std::string(random_.Of(kFree));
      row.cells[kPhone].clear();
  }
  return row;
}

Row Leads::Broken() {
  Row row;
  Person person = MakePerson();
  row.cells = Write(person);
  row.person = person.number;
  row.original = rows_;
  switch (random_.Below(3)) {
    case 0:
      row.kind = RowKind::kNoContact;
      row.cells[kEmail].clear();
      row.cells[kPhone].clear();
      break;
    case 1:
      row.kind = RowKind::kNoName;
      row.cells[kFirstName].clear();
      row.cells[kLastName].clear();
      break;
    default:
      row.kind = RowKind::kBadEmail;
      row.cells[kEmail] = person.first + " at work";
      row.cells[kPhone] = "n/a";
  }
  return row;
}

Row Leads::Next() {
  ++rows_;
  if (random_.Chance(2)) return Broken();
  if (!known_.empty() && random_.Chance(8)) return Again(known_[random_.Below(known_.size())]);
  Row row;
  const Person person = MakePerson();
  row.cells = Write(person);
  // Known by what its row says, or nobody could find it again.
  if (!row.cells[kPhone].empty()) {
    if (known_.size() < kRemembered) {
      known_.push_back(person);
    } else {
      known_[random_.Below(kRemembered)] = person;
    }
  }
  row.person = person.number;
  row.original = rows_;
  return row;
}

namespace {

constexpr int64_t kWeek = 7 * 24 * 3600;
constexpr Text kPaths[] = {"/",        "/pricing",      "/pricing/teams",
                           "/product", "/blog/scoring", "/about"};

Behaviour MakeOne(Random& random, size_t lead, bool keen) {
  Behaviour one;
  one.lead = lead;
  one.seconds_ago = static_cast<int64_t>(random.Below(kWeek));
  const size_t way = random.Below(100);
  if (way < 45) {
    one.kind = "page_view";
    one.attributes = {
        {"path", std::string(keen && random.Chance(50) ? kPaths[1] : random.Of(kPaths))}};
  } else if (way < 65) {
    one.kind = "email_open";
    one.attributes = {{"campaign", "spring"}};
  } else if (way < 75) {
    one.kind = "email_click";
    one.attributes = {{"campaign", "spring"}, {"url", "/pricing"}};
  } else if (way < 80) {
    one.kind = "download";
    one.attributes = {{"asset", "buyers-guide.pdf"}};
  } else if (way < 86) {
    one.kind = "form_submit";
    one.attributes = {{"form", keen ? "demo" : "newsletter"}};
  } else if (way < 90) {
    one.kind = "webinar";
    one.attributes = {{"topic", "getting started"}};
  } else if (way < 94) {
    one.kind = "call";
  } else if (way < 98) {
    one.kind = "email";
  } else {
    one.kind = "unsubscribe";
  }
  return one;
}

}  // namespace

std::vector<Behaviour> MakeWeek(size_t leads, uint64_t seed) {
  Random random(seed);
  std::vector<Behaviour> week;
  for (size_t lead = 0; lead < leads; ++lead) {
    if (!random.Chance(12)) continue;
    const bool keen = random.Chance(25);
    const size_t things = keen ? 6 + random.Below(12) : 1 + random.Below(4);
    for (size_t i = 0; i < things; ++i) week.push_back(MakeOne(random, lead, keen));
  }
  std::stable_sort(week.begin(), week.end(), [](const Behaviour& a, const Behaviour& b) {
    return a.seconds_ago > b.seconds_ago;
  });
  return week;
}

}  // namespace generator
