// SPDX-License-Identifier: Apache-2.0
//
// The normal forms of a lead that comparing needs, made once.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "leadcore/normalize.h"
#include "matching/nicknames.h"
#include "matching/similarity.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kTail = 7;  // digits of a phone number behind country and area
constexpr size_t kDateDigits = 8;
// A lead with more addresses than that is a mailing list.
constexpr size_t kMostForms = 16;

struct Word {
  std::string_view written;
  std::string_view meant;
};

// US Postal Service, Publication 28, appendix C1, and what is usual elsewhere.
constexpr Word kStreetWords[] = {
    {"ave", "avenue"},  {"av", "avenue"},       {"blvd", "boulevard"}, {"cir", "circle"},
    {"cl", "close"},    {"cres", "crescent"},   {"ct", "court"},       {"dr", "drive"},
    {"e", "east"},      {"expy", "expressway"}, {"ft", "fort"},        {"gdns", "gardens"},
    {"hts", "heights"}, {"hwy", "highway"},     {"ln", "lane"},        {"mt", "mount"},
    {"n", "north"},     {"pde", "parade"},      {"pkwy", "parkway"},   {"pky", "parkway"},
    {"pl", "place"},    {"plz", "plaza"},       {"rd", "road"},        {"s", "south"},
    {"sq", "square"},   {"st", "street"},       {"str", "street"},     {"strasse", "street"},
    {"ter", "terrace"}, {"tce", "terrace"},     {"trl", "trail"},      {"w", "west"},
};
constexpr Word kPlaceWords[] = {
    {"ft", "fort"}, {"mt", "mount"}, {"st", "saint"}, {"ste", "sainte"}};
constexpr Word kTitleWords[] = {
    {"ceo", "chief executive officer"},
    {"cfo", "chief financial officer"},
    {"cto", "chief technology officer"},
    {"coo", "chief operating officer"},
    {"cmo", "chief marketing officer"},
    {"cio", "chief information officer"},
    {"vp", "vice president"},
    {"svp", "senior vice president"},
    {"hr", "human resources"},
    {"it", "information technology"},
    {"mgr", "manager"},
    {"dir", "director"},
    {"asst", "assistant"},
    {"sr", "senior"},
    {"jr", "junior"},
    {"eng", "engineer"},
    {"exec", "executive"},
    {"acct", "account"},
    {"rep", "representative"},
};
// What follows is a part of the building.
constexpr std::string_view kUnitWords[] = {"apt", "apartment", "suite", "ste", "unit", "flat",
                                           "fl",  "floor",     "room",  "rm",  "level"};
// Local parts that people type where they have to type something.
constexpr std::string_view kNobody[] = {"abc",  "asdf",    "dummy",    "email",   "fake",
                                        "na",   "no",      "nobody",   "noemail", "nomail",
                                        "none", "noreply", "no-reply", "nospam",  "null",
                                        "test", "unknown", "user",     "xxx",     "donotreply"};

std::vector<std::string_view> Tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) tokens.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

std::string Expanded(std::span<const std::string_view> tokens, std::span<const Word> words) {
  std::string out;
  for (const std::string_view token : tokens) {
    const auto at = std::ranges::find(words, token, &Word::written);
    out += Cat(out.empty() ? "" : " ", at == words.end() ? token : at->meant);
  }
  return out;
}

std::string Digits(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits),
                       [](char c) { return IsAsciiDigit(static_cast<unsigned char>(c)); });
  return digits;
}

// 0000000, 1234567, 7654321: typed to fill a box.
bool IsFiller(std::string_view text) {
  if (text.size() < 3) return false;
  const int step = text[1] - text[0];
  if (step < -1 || step > 1) return false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] - text[i - 1] != step) return false;
  }
  return true;
}

bool IsHouseNumber(std::string_view token) {
  const size_t digits = Digits(token).size();
  return digits > 0 && IsAsciiDigit(static_cast<unsigned char>(token[0])) &&
         token.size() - digits <= 1;
}

// "https://www.linkedin.com/in/ada/?x=y" and "linkedin.com/in/Ada" are one.
std::string IdText(std::string_view text) {
  std::string id = CaseFold(NormalizeText(text));
  const bool address = id.find('/') != std::string::npos;
  if (address) {
    if (const size_t scheme = id.find("://"); scheme != std::string::npos) id.erase(0, scheme + 3);
    if (id.starts_with("www.")) id.erase(0, 4);
    id.erase(std::min(id.find_first_of("?#"), id.size()));
    while (id.ends_with('/')) id.pop_back();
    return id;
  }
  std::erase_if(id, [](char c) { return c == ' ' || c == '-' || c == '.'; });
  return IsFiller(id) ? std::string() : id;
}

class Preparer {
 public:
  Preparer(const Similarity::Parts& parts, LeadView view, const EmailLists& lists)
      : parts_(parts), view_(view), lists_(lists), data_(std::make_shared<PreparedLead::Data>()) {
    const absl::StatusOr<std::string> country = NormalizeCountry(view.text(field::kCountry));
    country_ = country.ok() ? *country : parts.country;
  }

  std::shared_ptr<const PreparedLead::Data> Run() {
    Names();
    for (const Slot& slot : parts_.slots) {
      data_->slots.emplace_back();
      if (slot.kind == SimilarityKind::kEmail) {
        Emails(slot.field);
      } else if (slot.kind == SimilarityKind::kPhone) {
        Phones(slot.field);
      } else if (slot.kind == SimilarityKind::kDomain) {
        Domain(slot.field);
      } else {
        const std::string text = TextOf(slot.field);
        if (!text.empty()) Single(slot, text);
      }
    }
    Finish();
    return std::move(data_);
  }

 private:
  // A date that is one, as digits; all else as it stands.
  std::string TextOf(FieldId id) const {
    if (!view_.has(id)) return {};
    const Value& value = view_[id];
    if (value.kind() == Value::Kind::kText) return std::string(value.text());
    return FormatValue(value);
  }

  void Add(std::string text, std::string part = {}, bool shared = false) {
    const SimilarityKind kind = parts_.slots[data_->slots.size() - 1].kind;
    std::vector<Form>& forms = data_->slots.back();
    if (text.empty() || forms.size() == kMostForms) return;
    if (std::ranges::find(forms, text, &Form::text) != forms.end()) return;
    // Of a street the house counts, not all that have its name.
    const uint64_t hash =
        kind == SimilarityKind::kStreet ? HashOf(Cat(text, '\x1f', part)) : HashOf(text);
    forms.push_back({std::move(text), std::move(part), shared, hash});
  }

  std::string NameOf(SimilarityKind kind) const {
    for (const Slot& slot : parts_.slots) {
      if (slot.kind != kind) continue;
      std::string text = TextOf(slot.field);
      if (!text.empty()) return text;
    }
    return {};
  }

  static PreparedName Name(std::string_view text) {
    PreparedName name;
    name.text = FoldText(text);
    if (IsPlaceholder(name.text) || (name.text.size() > 2 && IsFiller(name.text)))
      name.text.clear();
    if (!name.text.empty()) name.hash = HashOf(name.text);
    return name;
  }

  void Names() {
    data_->first = Name(NameOf(SimilarityKind::kFirstName));
    data_->last = Name(NameOf(SimilarityKind::kLastName));
    if (data_->first.text.empty() || data_->last.text.empty()) {
      const absl::StatusOr<PersonName> name =
          NormalizePersonName(NameOf(SimilarityKind::kFullName));
      if (name.ok() && data_->first.text.empty() && data_->last.text.empty()) {
        data_->first = Name(name->first);
        data_->last = Name(name->last);
      }
    }
    data_->first.groups = NameGroups(data_->first.text.substr(0, data_->first.text.find(' ')));
    data_->last.groups = NameGroups(data_->last.text.substr(0, data_->last.text.find(' ')));
  }

  void Email(std::string_view text) {
    const absl::StatusOr<EmailAddress> email = NormalizeEmail(text, lists_);
    if (!email.ok()) return;
    std::string local = email->canonical.substr(0, email->canonical.rfind('@'));
    if (std::ranges::find(kNobody, local) != std::end(kNobody) || IsFiller(local)) return;
    Add(email->canonical, std::move(local), email->kind == EmailKind::kRole);
  }
  void Emails(FieldId id) {
    Email(TextOf(id));
    if (id != field::kEmail || !view_.has(field::kOtherEmails)) return;
    for (const std::string& text : view_[field::kOtherEmails].texts()) Email(text);
  }

  // Of other_phones a fax number names a machine.
  void Phone(std::string_view text) {
    const size_t start = std::min(text.find_first_of("+0123456789("), text.size());
    if (FoldText(text.substr(0, start)) == "fax") return;
    const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text.substr(start), country_);
    if (!phone.ok() || phone->e164.size() <= kTail) return;
    std::string tail = phone->e164.substr(phone->e164.size() - kTail);
    if (!IsFiller(tail)) Add(phone->e164, std::move(tail));
  }
  void Phones(FieldId id) {
    Phone(TextOf(id));
    if (id != field::kPhone) return;
    Phone(TextOf(field::kMobilePhone));
    if (!view_.has(field::kOtherPhones)) return;
    for (const std::string& text : view_[field::kOtherPhones].texts()) Phone(text);
  }

  void Domain(FieldId id) {
    std::vector<std::string> candidates = {TextOf(id)};
    if (id == field::kDomain) {
      candidates.push_back(TextOf(field::kWebsite));
      const absl::StatusOr<EmailAddress> email = NormalizeEmail(TextOf(field::kEmail), lists_);
      const bool company =
          email.ok() && (email->kind == EmailKind::kBusiness || email->kind == EmailKind::kRole);
      if (company) candidates.push_back(email->domain);
    }
    for (const std::string& text : candidates) {
      const absl::StatusOr<std::string> domain = RegistrableDomain(text);
      if (!domain.ok() || lists_.IsFree(*domain) || lists_.IsDisposable(*domain)) continue;
      return Add(*domain);
    }
  }

  // Files about consumers name the person again where a company stands: told twice it says no more.
  void Company(std::string_view text) {
    const absl::StatusOr<CompanyName> company = NormalizeCompany(text);
    if (!company.ok()) return;
    const std::string core = company->core.empty() ? FoldText(company->name) : company->core;
    const std::string &first = data_->first.text, &last = data_->last.text;
    if (core != Cat(first, " ", last) && core != Cat(last, " ", first)) Add(core);
  }

  void Street(std::string_view text) {
    const std::string folded = FoldText(text);
    std::string number;
    std::vector<std::string_view> name;
    bool unit = false;
    for (const std::string_view token : Tokens(folded)) {
      if (std::exchange(unit, std::ranges::find(kUnitWords, token) != std::end(kUnitWords))) {
        unit = false;
        continue;
      }
      if (unit) continue;
      if (number.empty() && IsHouseNumber(token)) {
        number = token;
      } else {
        name.push_back(token);
      }
    }
    if (!IsPlaceholder(folded)) Add(Expanded(name, kStreetWords), std::move(number));
  }

  void Date(FieldId id, std::string_view text) {
    std::string digits = Digits(text);
    const bool plain = digits.size() == kDateDigits && digits == text;
    if (!plain) {
      absl::StatusOr<Value> date = ParseValue(Type::kDate, text, {});
      if (view_[id].kind() == Value::Kind::kDate) date = view_[id];
      if (date.ok()) {
        const leadcore::Date day = date->date();
        digits = std::to_string(day.year * 10'000 + day.month * 100 + day.day);
        digits.insert(0, kDateDigits - std::min(kDateDigits, digits.size()), '0');
      }
    }
    if (digits.size() != kDateDigits || IsFiller(digits) || digits == "19000101") return;
    Add(std::move(digits));
  }

  void PostalCode(std::string_view text) {
    const absl::StatusOr<std::string> code = NormalizePostalCode(text, country_);
    std::string plain = code.ok() ? *code : NormalizeText(text);
    // The building behind a US ZIP code.
    if (plain.size() == 10 && plain[5] == '-') plain.resize(5);
    plain = FoldText(plain);
    std::erase(plain, ' ');
    if (!IsPlaceholder(plain) && !IsFiller(plain)) Add(std::move(plain));
  }

  void Single(const Slot& slot, const std::string& text) {
    switch (slot.kind) {
      case SimilarityKind::kCompany:
        return Company(text);
      case SimilarityKind::kStreet:
        return Street(text);
      case SimilarityKind::kPlace: {
        const bool region = slot.field == field::kRegion;
        const std::string folded = FoldText(region ? NormalizeRegion(text, country_) : text);
        if (!IsPlaceholder(folded)) Add(Expanded(Tokens(folded), kPlaceWords));
        return;
      }
      case SimilarityKind::kPostalCode:
        return PostalCode(text);
      case SimilarityKind::kTitle: {
        const std::string folded = FoldText(text);
        if (!IsPlaceholder(folded)) Add(Expanded(Tokens(folded), kTitleWords));
        return;
      }
      case SimilarityKind::kDate:
        return Date(slot.field, text);
      case SimilarityKind::kId:
        if (!IsPlaceholder(FoldText(text))) Add(IdText(text));
        return;
      case SimilarityKind::kHouseNumber:
      case SimilarityKind::kText: {
        std::string folded = FoldText(text);
        if (!IsPlaceholder(folded)) Add(std::move(folded));
        return;
      }
      default:
        return;  // the others are read above
    }
  }

  void Finish() {
    std::string all = Cat(data_->first.text, '\x1e', data_->last.text);
    for (const std::vector<Form>& forms : data_->slots) {
      all += '\x1e';
      for (const Form& form : forms) all += Cat('\x1f', form.text, '\x1d', form.part);
    }
    const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
    data_->content = {hash.high64, hash.low64};
  }

  const Similarity::Parts& parts_;
  const LeadView view_;
  const EmailLists& lists_;
  std::string country_;
  std::shared_ptr<PreparedLead::Data> data_;
};

}  // namespace

uint64_t HashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

PreparedLead Similarity::Prepare(LeadView view, const EmailLists& lists) const {
  return PreparedLead(Preparer(*parts_, view, lists).Run());
}

}  // namespace leadcore
