// SPDX-License-Identifier: Apache-2.0
//
// What NormalizePhone makes of the ways people write numbers, and what it says of what it refuses.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "test_util.h"
#include "text.h"

namespace leadcore {
namespace {

// "+14155550100", "+14155550100 x12", with " not valid" behind it; "refused: " and the reason.
std::string Read(std::string_view text, std::string_view region) {
  const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, region);
  if (!phone.ok()) return Cat("refused: ", Message(phone.status()));
  std::string out = phone->e164;
  if (!phone->extension.empty()) out += " x" + phone->extension;
  return phone->valid ? out : out + " not valid";
}

std::string RegionOf(std::string_view text) {
  const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, "");
  return phone.ok() ? phone->region : "refused";
}

TEST(Phone, ReadsNationalNumbersByTheDefaultRegion) {
  EXPECT_EQ(Read("(650) 253-0000", "US"), "+16502530000");
  EXPECT_EQ(Read("(650) 253-0000", "us"), "+16502530000");
  EXPECT_EQ(Read("1-650-253-0000", "US"), "+16502530000");
  EXPECT_EQ(Read("020 7031 3000", "GB"), "+442070313000");
  EXPECT_EQ(Read("030/123456", "DE"), "+4930123456");
  EXPECT_EQ(Read("01 23 45 67 89", "FR"), "+33123456789");
  EXPECT_EQ(Read("03-3224-9999", "JP"), "+81332249999");
}

TEST(Phone, ReadsInternationalNumbersAnywhere) {
  for (const std::string_view region : {"", "US", "FR", "ZZ", "nowhere"}) {
    EXPECT_EQ(Read("+44 20 7031 3000", region), "+442070313000") << region;
  }
  EXPECT_EQ(Read("0044 20 7031 3000", "FR"), "+442070313000");
  EXPECT_EQ(Read("011 44 20 7031 3000", "US"), "+442070313000");
  EXPECT_EQ(Read("44 20 7031 3000", "GB"), "+442070313000");
  EXPECT_EQ(Read("+44 (0) 20 7031 3000", ""), "+442070313000");
  EXPECT_EQ(Read("++1 650 253 0000", ""), "+16502530000");
  EXPECT_EQ(Read("+011 44 20 7031 3000", "US"), "+442070313000") << "a plus sign too many";
}

TEST(Phone, KnowsTheHabitsOfCountries) {
  EXPECT_EQ(Read("02 3661 8300", "IT"), "+390236618300") << "the zero is part of the number";
  EXPECT_EQ(Read("345 678 901", "IT"), "+39345678901");
  EXPECT_EQ(Read("011 15 3876-5432", "AR"), "+5491138765432") << "15 becomes 9 before the area";
  EXPECT_EQ(Read("0 15 11 2345 6789", "BR"), "+551123456789") << "15 chooses who carries the call";
  EXPECT_EQ(Read("8 (912) 345-67-89", "RU"), "+79123456789");
  EXPECT_EQ(Read("253-0000", "US"), "+12530000 not valid") << "without the area";
}

TEST(Phone, KeepsExtensionsApart) {
  for (const std::string_view ending : {" x123",
                                        "x123",
                                        " ext. 123",
                                        " ext 123",
                                        " Ext:123",
                                        " extension 123",
                                        " extn 123",
                                        ";ext=123",
                                        "#123",
                                        " - 123#",
                                        " int 123",
                                        " anexo 123",
                                        " доб. 123",
                                        "～123",
                                        ",123",
                                        ",,123#",
                                        ";123",
                                        " ｅｘｔ １２３",
                                        " extensi\u00f3n 123",
                                        " extensio\u0301n 123",
                                        " X１２３"}) {
    EXPECT_EQ(Read(Cat("650-253-0000", ending), "US"), "+16502530000 x123") << ending;
  }
  EXPECT_EQ(Read("(530) 583-6985 x302/x2303", "US"), "+15305836985 x302");
  EXPECT_EQ(Read("650-253-0000 ext 12345678901234567890", "US"),
            "+16502530000 x12345678901234567890");
  EXPECT_EQ(Read("650-253-0000 x1234567890", "US").substr(0, 8), "refused:")
      << "an x alone is too vague for ten digits";
}

TEST(Phone, ReadsUrisLettersAndOtherScripts) {
  EXPECT_EQ(Read("tel:+1-650-253-0000", ""), "+16502530000");
  EXPECT_EQ(Read("tel:253-0000;phone-context=+1-650", ""), "+16502530000");
  EXPECT_EQ(Read("tel:650-253-0000;phone-context=+1;ext=9", ""), "+16502530000");
  EXPECT_EQ(Read("tel:650-253-0000;phone-context=www.example.com", "US"), "+16502530000");
  EXPECT_EQ(Read("tel:650-253-0000;isub=12345", "US"), "+16502530000");
  EXPECT_EQ(Read("1-800-FLOWERS", "US"), "+18003569377");
  EXPECT_EQ(Read("1 800 six-flag", "US"), "+18007493524");
  EXPECT_EQ(Read("＋１（６５０）２５３－００００", ""), "+16502530000");
  EXPECT_EQ(Read("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", ""), "+966501234567");
  EXPECT_EQ(Read("०१ 23 45 67 89", "FR"), "+33123456789");
  EXPECT_EQ(Read("１-800-FLOWERS", "US"), "+18003569377") << "no digit is lost beside letters";
}

TEST(Phone, SkipsWhatStandsAround) {
  EXPECT_EQ(Read("Tel. office: (650) 253-0000.", "US"), "+16502530000");
  EXPECT_EQ(Read("📞 +33 1 23 45 67 89 😀", ""), "+33123456789");
  EXPECT_EQ(Read("650\u2013253\u00a00000", "US"), "+16502530000");
  EXPECT_EQ(Read("\t650 253 0000\n", "US"), "+16502530000");
}

TEST(Phone, NamesTheRegionOfTheNumber) {
  EXPECT_EQ(RegionOf("+1 650 253 0000"), "US");
  EXPECT_EQ(RegionOf("+1 416 555 0123"), "CA");
  EXPECT_EQ(RegionOf("+1 242 365 1234"), "BS");
  EXPECT_EQ(RegionOf("+44 1481 960 194"), "GG");
  EXPECT_EQ(RegionOf("+7 701 234 5678"), "KZ");
  EXPECT_EQ(RegionOf("+39 02 3661 8300"), "IT");
  EXPECT_EQ(RegionOf("+39 06 6981 2345"), "VA");
  EXPECT_EQ(RegionOf("+800 1234 5678"), "001");
  EXPECT_EQ(RegionOf("+1 253 0000"), "US") << "in no plan: the main region of the code";
}

TEST(Phone, SaysWhyItRefuses) {
  EXPECT_EQ(Read("", "US"), "refused: no digits");
  EXPECT_EQ(Read("call me", "US"), "refused: no digits");
  EXPECT_EQ(Read("1", "US"), "refused: too few digits for a phone number");
  EXPECT_EQ(Read("2 of 5", "US"), "refused: too few digits for a phone number");
  EXPECT_EQ(Read("650@253@0000", "US"),
            "refused: not written as one phone number: it has letters or signs among its digits "
            "that phone numbers do not have");
  EXPECT_EQ(Read("650 253 0000", ""),
            "refused: no country code, and no country to read it by; write the number with + and "
            "its country code");
  EXPECT_EQ(Read("650 253 0000", "XX"),
            "refused: 'XX' is no country with phone numbers; write the number with + and its "
            "country code");
  EXPECT_EQ(Read("+999 12345678", ""), "refused: no country has the code that +999 starts with");
  EXPECT_EQ(Read("+33 1", "FR"), "refused: too short for a number in France: 1 digit after +33");
  EXPECT_EQ(Read("+33 1234567890 1234567890", ""),
            "refused: too long for a number in France: 20 digits after +33");
  EXPECT_EQ(Read("011 44", "US"), "refused: too short: 2 digits with the country code");
  EXPECT_EQ(Read("+\x80 123", ""),
            "refused: not readable: broken UTF-8 or control characters in it");
}

TEST(Phone, ReadsUpTo250Bytes) {
  EXPECT_EQ(Read("+16502530000" + std::string(238, ' '), ""), "+16502530000");
  EXPECT_EQ(Read("+16502530000" + std::string(239, ' '), ""),
            "refused: too long for a phone number: 251 bytes, 250 are read");
}

TEST(Phone, IsItsOwnNormalForm) {
  for (const std::string_view text : {"+1 650 253 0000", "+39 02 3661 8300", "+54 9 11 3876 5432",
                                      "+800 1234 5678", "+1 253 0000", "+49 30 123456"}) {
    const absl::StatusOr<PhoneNumber> once = NormalizePhone(text, "");
    ASSERT_TRUE(once.ok()) << text;
    const absl::StatusOr<PhoneNumber> twice = NormalizePhone(once->e164, "");
    ASSERT_TRUE(twice.ok()) << text;
    EXPECT_EQ(twice->e164, once->e164);
    EXPECT_EQ(twice->valid, once->valid);
    EXPECT_EQ(twice->region, once->region);
  }
}

// Whatever comes in: an answer made of digits, or a reason.
TEST(Phone, AnswersToAnyBytes) {
  constexpr uint32_t kSeed = 20261123;
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  constexpr std::string_view kLikely = "0123456789+-() x#,;.~/\\ext=tel:\xef\xbc\x8b\xd9\xa3\n";
  size_t taken = 0;
  for (size_t i = 0; i < testing::Scaled(200'000); ++i) {
    std::string text(random() % (i % 16 == 0 ? 260 : 24), ' ');
    const bool wild = i % 4 == 0;
    for (char& c : text)
      c = wild ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, i % 2 == 0 ? "BR" : "AR");
    if (!phone.ok()) {
      EXPECT_FALSE(phone.status().message().empty());
      continue;
    }
    ++taken;
    EXPECT_EQ(phone->e164.find_first_not_of("0123456789", 1), std::string::npos) << phone->e164;
    EXPECT_GE(phone->e164.size(), 4u);
    EXPECT_EQ(phone->extension.find_first_not_of("0123456789"), std::string::npos);
    EXPECT_FALSE(phone->region.empty());
  }
  EXPECT_GT(taken, testing::Scaled(3'000));
}

TEST(Phone, NamesTheReleaseOfItsTable) { EXPECT_EQ(PhoneTableRelease(), "8.12.57"); }

}  // namespace
}  // namespace leadcore
