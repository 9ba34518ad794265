// SPDX-License-Identifier: Apache-2.0
//
// NormalizeEmail and EmailLists; the isemail test set as judge of what is an address.
//
// Links: pugixml
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <map>
#include <pugixml.hpp>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/normalize.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::HasSubstr;

std::string Reason(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

class NormalizeEmailTest : public ::testing::Test {
 protected:
  EmailAddress Read(std::string_view text) {
    const absl::StatusOr<EmailAddress> address = NormalizeEmail(text, lists_);
    EXPECT_TRUE(address.ok()) << "'" << text << "': " << Reason(address.status());
    return address.ok() ? *address : EmailAddress();
  }
  std::string Canonical(std::string_view text) { return Read(text).canonical; }
  std::string Refusal(std::string_view text) {
    const absl::StatusOr<EmailAddress> address = NormalizeEmail(text, lists_);
    if (address.ok()) return "accepted as " + address->address;
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
    return Reason(address.status());
  }

  EmailLists lists_;
};

TEST_F(NormalizeEmailTest, KeepsTheLocalPartAndLowersTheDomain) {
  const EmailAddress address = Read("Ada.Lovelace@Mail.Example.COM");
  EXPECT_EQ(address.address, "Ada.Lovelace@mail.example.com");
  EXPECT_EQ(address.canonical, "ada.lovelace@mail.example.com");
  EXPECT_EQ(address.domain, "mail.example.com");
  EXPECT_EQ(address.kind, EmailKind::kBusiness);
}

TEST_F(NormalizeEmailTest, FindsTheAddressWithinWhatPeoplePaste) {
  for (const std::string_view text :
       {" ada@example.com\t", "<ada@example.com>", "Ada Lovelace <ada@example.com>",
        "\"Lovelace, Ada <the first>\" <ada@example.com>", "mailto:ada@example.com",
        "MAILTO:ada@example.com?subject=Hello%20there", "mailto:ada%40example.com",
        "<mailto:ada@example.com>", "\u00a0ada@example.com\u200b"}) {
    EXPECT_EQ(Read(text).address, "ada@example.com") << text;
  }
}

TEST_F(NormalizeEmailTest, SpellingsOfOneMailboxHaveOneCanonicalForm) {
  for (const std::string_view text :
       {"adalovelace@gmail.com", "Ada.Lovelace@GMail.com", "a.d.a.lovelace+news@googlemail.com",
        "\"ada.lovelace\"@gmail.com"}) {
    EXPECT_EQ(Canonical(text), "adalovelace@gmail.com") << text;
  }
  EXPECT_EQ(Canonical("ada+crm+test@example.com"), "ada@example.com");
  EXPECT_EQ(Canonical("\"ada\"@example.com"), "ada@example.com");
  EXPECT_EQ(Canonical("\"a\\da\"@example.com"), "ada@example.com");
  EXPECT_EQ(Canonical("JÖRG@example.com"), "jörg@example.com");
  EXPECT_EQ(Canonical("ada@me.com"), Canonical("ada@icloud.com"));
}

TEST_F(NormalizeEmailTest, OtherMailboxesStayApart) {
  EXPECT_EQ(Canonical("ada.lovelace@example.com"), "ada.lovelace@example.com");
  EXPECT_NE(Canonical("ada.lovelace@example.com"), Canonical("adalovelace@example.com"));
  EXPECT_EQ(Canonical("ann-marie@yahoo.com"), "ann-marie@yahoo.com");
  EXPECT_EQ(Canonical("+news@example.com"), "+news@example.com");
  EXPECT_EQ(Canonical("\"a b\"@example.com"), "\"a b\"@example.com");
  EXPECT_NE(Canonical("\"a.\"@example.com"), Canonical("a@example.com"));
}

TEST_F(NormalizeEmailTest, ReadsInternationalAddresses) {
  EXPECT_EQ(Read("用户@例え.jp").address, "用户@xn--r8jz45g.jp");
  EXPECT_EQ(Read("info@MÜNCHEN.de").domain, "xn--mnchen-3ya.de");
  EXPECT_EQ(Read("x@straße.de").domain, "xn--strae-oqa.de") << "IDNA 2008 keeps the ß";
  EXPECT_EQ(Read("x@xn--mnchen-3ya.de").domain, "xn--mnchen-3ya.de");
  EXPECT_EQ(Canonical("jo\u0308rg@example.com"), Canonical("j\u00f6rg@example.com"));
}

TEST_F(NormalizeEmailTest, ReadsAddressLiterals) {
  EXPECT_EQ(Read("x@[192.0.2.1]").domain, "[192.0.2.1]");
  EXPECT_EQ(Read("x@[ipv6:2001:DB8::1]").domain, "[IPv6:2001:db8::1]");
  EXPECT_EQ(Read("x@[IPv6:::ffff:192.0.2.1]").domain, "[IPv6:::ffff:192.0.2.1]");
  EXPECT_THAT(Refusal("x@[192.0.2.256]"), HasSubstr("no IP address"));
  EXPECT_THAT(Refusal("x@[192.0.2.1"), HasSubstr("']'"));
  EXPECT_THAT(Refusal("x@[IPv6:1::2::3]"), HasSubstr("no IPv6 address"));
  EXPECT_THAT(Refusal("x@192.0.2.1"), HasSubstr("[brackets]"));
}

TEST_F(NormalizeEmailTest, KeepsToTheLengthsOfTheRfc) {
  const std::string local(64, 'a');
  EXPECT_EQ(Read(local + "@example.com").address, local + "@example.com");
  EXPECT_THAT(Refusal(local + "a@example.com"), HasSubstr("64 characters"));
  const std::string label(63, 'b');
  EXPECT_EQ(Read("a@" + label + ".com").domain, label + ".com");
  EXPECT_THAT(Refusal("a@b" + label + ".com"), HasSubstr("63 characters"));
  const std::string three = label + "." + label + "." + label;  // 191 characters
  EXPECT_EQ(Read(std::string(58, 'a') + "@" + three + ".com").address.size(), 254u);
  EXPECT_THAT(Refusal(std::string(59, 'a') + "@" + three + ".com"), HasSubstr("254 characters"));
  EXPECT_THAT(Refusal("a@" + three + "." + label), HasSubstr("253 characters"));
}

TEST_F(NormalizeEmailTest, SaysWhatIsWrong) {
  const std::map<std::string, std::string> reasons = {
      {"", "empty"},
      {"  ", "empty"},
      {"ada", "no '@'"},
      {"@example.com", "nothing before"},
      {"ada@", "nothing after"},
      {"ada@b@example.com", "more than one '@'"},
      {".ada@example.com", "dot at the start"},
      {"ada.@example.com", "dot right before"},
      {"a..b@example.com", "two dots"},
      {"ada@example..com", "two dots"},
      {"ada@example.com.", "dot at an end"},
      {"ada lovelace@example.com", "space"},
      {"ada@exam ple.com", "space"},
      {"ada@example.com, bob@example.com", "more than one address"},
      {"ada@example.com; bob@example.com", "more than one address"},
      {"ada(work)@example.com", "comment"},
      {"ada@example.com\nBcc: x@example.com", "line break"},
      {"ada@-example.com", "hyphen"},
      {"ada@exa_mple.com", "'_'"},
      {"bob@gmail", "incomplete"},
      {"\"ada@example.com", "quotation mark"},
      {"\"ada\"x@example.com", "quoted part"},
      {"ada@example.com>", "'<'"},
      {std::string("ada\0@example.com", 16), "invisible"},
      {"ada\xff@example.com", "UTF-8"},
      {"mailto:ada%4", "hexadecimal"},
  };
  for (const auto& [text, reason] : reasons) {
    EXPECT_THAT(Refusal(text), HasSubstr(reason)) << "'" << text << "'";
  }
}

TEST_F(NormalizeEmailTest, KnowsItsKinds) {
  EXPECT_EQ(Read("ada@example.com").kind, EmailKind::kBusiness);
  EXPECT_EQ(Read("ada@gmail.com").kind, EmailKind::kFree);
  EXPECT_EQ(Read("ada@mail.yahoo.co.uk").kind, EmailKind::kFree);
  EXPECT_EQ(Read("ada@mailinator.com").kind, EmailKind::kDisposable);
  EXPECT_EQ(Read("Info@example.com").kind, EmailKind::kRole);
  EXPECT_EQ(Read("sales+eu@example.com").kind, EmailKind::kRole);
  EXPECT_EQ(Read("info@gmail.com").kind, EmailKind::kRole) << "role beats free";
  EXPECT_EQ(Read("info@mailinator.com").kind, EmailKind::kRole) << "role beats disposable";
  EXPECT_EQ(Read("ada@[192.0.2.1]").kind, EmailKind::kBusiness);
  EXPECT_EQ(EmailKindName(EmailKind::kBusiness), "business");
  EXPECT_EQ(EmailKindName(EmailKind::kFree), "free");
  EXPECT_EQ(EmailKindName(EmailKind::kRole), "role");
  EXPECT_EQ(EmailKindName(EmailKind::kDisposable), "disposable");
}

TEST_F(NormalizeEmailTest, TakesLongerLists) {
  EXPECT_FALSE(lists_.IsFree("freemail.example"));
  const std::vector<std::string> domains = {"FreeMail.example", "münchen-mail.de"};
  ASSERT_TRUE(lists_.Add(EmailKind::kFree, domains).ok());
  ASSERT_TRUE(lists_.Add(EmailKind::kDisposable, std::vector<std::string>{"gone.example"}).ok());
  ASSERT_TRUE(lists_.Add(EmailKind::kRole, std::vector<std::string>{"Front.Office"}).ok());
  EXPECT_TRUE(lists_.IsFree("sub.freemail.example"));
  EXPECT_TRUE(lists_.IsFree("GMAIL.com")) << "the built-in list stays";
  EXPECT_EQ(Read("ada@münchen-mail.de").kind, EmailKind::kFree);
  EXPECT_EQ(Read("ada@gone.example").kind, EmailKind::kDisposable);
  EXPECT_EQ(Read("front.office@gone.example").kind, EmailKind::kRole);
  EXPECT_FALSE(lists_.IsFree(""));
  EXPECT_FALSE(lists_.IsRole(""));
}

TEST_F(NormalizeEmailTest, RefusesAListAsAWhole) {
  const std::vector<std::string> half = {"good.example", "no domain"};
  EXPECT_EQ(lists_.Add(EmailKind::kFree, half).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(lists_.IsFree("good.example"));
  EXPECT_FALSE(lists_.Add(EmailKind::kRole, std::vector<std::string>{"a@b"}).ok());
  EXPECT_FALSE(lists_.Add(EmailKind::kBusiness, std::vector<std::string>{"a.example"}).ok());
}

// ---- Properties ---------------------------------------------------------------------------------

TEST_F(NormalizeEmailTest, AnswersAreFixedPoints) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const std::vector<std::string> pieces = {
      "a",           "B",          "ö",       ".",       "..",        "+",         "-",
      "@",           "\"",         "\\",      " ",       "(",         ")",         "<",
      ">",           "[",          "]",       ":",       ",",         "%40",       "gmail.com",
      "example.com", "münchen.de", "mailto:", "1.2.3.4", "IPv6:",     "\xff",      "\n",
      "İ",           "ß",          "用",      "info",    "proton.me", "yandex.com"};
  size_t accepted = 0;
  for (size_t i = 0; i < testing::Scaled(60'000); ++i) {
    std::string text;
    for (unsigned n = random() % 5; n > 0; --n) text += pieces[random() % pieces.size()];
    if (random() % 2 == 0) text += "@" + pieces[20 + random() % 3];
    const absl::StatusOr<EmailAddress> first = NormalizeEmail(text, lists_);
    if (!first.ok()) {
      EXPECT_FALSE(first.status().message().empty());
      continue;
    }
    ++accepted;
    for (const std::string& again : {first->address, first->canonical}) {
      const absl::StatusOr<EmailAddress> second = NormalizeEmail(again, lists_);
      ASSERT_TRUE(second.ok()) << "seed " << seed << ": '" << text << "' -> '" << again << "'";
      EXPECT_EQ(second->address, again) << "seed " << seed << ": '" << text << "'";
      EXPECT_EQ(second->canonical, first->canonical) << "seed " << seed << ": '" << text << "'";
      EXPECT_EQ(second->kind, first->kind) << "seed " << seed << ": '" << text << "'";
    }
  }
  EXPECT_GT(accepted, testing::Scaled(5'000)) << "seed " << seed;
}

// ---- The isemail test set -----------------------------------------------------------------------
//
// Its categories are the answers of RFC 5321 and 5322 together. A lead's address has to be one that
// a mail server takes as it is typed, so those that RFC 5321 knows are to be accepted (also those
// whose domain has no mail server today), those that only a message header may hold (comments,
// folding white space, obsolete forms, RFC 5322 beyond RFC 5321) are to be refused.

bool ShouldAccept(const std::string& category) {
  return category == "ISEMAIL_VALID_CATEGORY" || category == "ISEMAIL_RFC5321" ||
         category == "ISEMAIL_DNSWARN";
}

// The set writes control characters as the pictures that Unicode has of them.
std::string WithControls(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view picture = text.substr(i, 3);
    if (picture.size() == 3 && picture.starts_with("\xe2\x90") && picture[2] < '\xa0') {
      out.push_back(static_cast<char>(picture[2] - '\x80'));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Number of the test -> why we differ.
std::map<int, std::string> KnownDifferences() {
  std::map<int, std::string> known;
  std::istringstream lines(testing::ReadFile(testing::SourcePath("tests/isemail_differences.txt")));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    int id = 0;
    std::string reason;
    words >> id;
    std::getline(words >> std::ws, reason);
    EXPECT_FALSE(reason.empty()) << "no reason in the line '" << line << "'";
    EXPECT_TRUE(known.emplace(id, reason).second) << "test " << id << " is listed twice";
  }
  return known;
}

TEST_F(NormalizeEmailTest, AgreesWithIsemail) {
  const auto path = testing::SharedPath("data/isemail/tests.xml");
  LEADCORE_SKIP_WITHOUT(path, "data/isemail/tests.xml");
  pugi::xml_document document;
  ASSERT_TRUE(document.load_file(path->c_str(), pugi::parse_default | pugi::parse_ws_pcdata));
  std::map<int, std::string> known = KnownDifferences();
  const size_t listed = known.size();
  size_t count = 0;
  for (const pugi::xml_node test : document.child("tests").children("test")) {
    ++count;
    const int id = test.attribute("id").as_int();
    const std::string address = WithControls(test.child_value("address"));
    const std::string category = test.child_value("category");
    const absl::StatusOr<EmailAddress> answer = NormalizeEmail(address, lists_);
    const bool agrees = answer.ok() == ShouldAccept(category);
    const bool expected = known.erase(id) == 0;
    EXPECT_EQ(agrees, expected) << "test " << id << " '" << address << "' " << category << " "
                                << test.child_value("diagnosis") << ": "
                                << (answer.ok() ? answer->address : Reason(answer.status()));
  }
  EXPECT_GE(count, 150u) << "the test set is incomplete";
  EXPECT_GE((count - listed) * 100, count * 95) << listed << " of " << count << " differ";
  for (const auto& [id, reason] : known) ADD_FAILURE() << "there is no test " << id;
}

}  // namespace
}  // namespace leadcore
