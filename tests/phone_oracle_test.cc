// SPDX-License-Identifier: Apache-2.0
//
// The phone table against libphonenumber itself, of the release that the table was made from:
// numbers made from its own examples, then damaged and written in many ways.
//
// Links: phonenumber
#include <gtest/gtest.h>
#include <phonenumbers/phonenumberutil.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/normalize.h"
#include "test_util.h"

namespace leadcore {
namespace {

using i18n::phonenumbers::PhoneNumberUtil;
using Oracle = i18n::phonenumbers::PhoneNumber;

constexpr size_t kNumbersPerRegion = 4400;
constexpr size_t kTexts = 100'000;

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  int Below(int n) { return static_cast<int>(Next() % static_cast<uint64_t>(n)); }
  char Digit() { return static_cast<char>('0' + Below(10)); }
  const std::string& OneOf(const std::vector<std::string>& texts) {
    return texts[static_cast<size_t>(Below(static_cast<int>(texts.size())))];
  }

 private:
  uint64_t state_;
};

// What one region's numbers look like: the national numbers of the oracle's examples.
std::vector<std::string> Examples(const PhoneNumberUtil& util, const std::string& region) {
  std::vector<std::string> examples;
  for (int type = PhoneNumberUtil::FIXED_LINE; type <= PhoneNumberUtil::VOICEMAIL; ++type) {
    Oracle number;
    if (!util.GetExampleNumberForType(region, static_cast<PhoneNumberUtil::PhoneNumberType>(type),
                                      &number)) {
      continue;
    }
    std::string national;
    util.GetNationalSignificantNumber(number, &national);
    examples.push_back(national);
  }
  return examples;
}

// Four bytes at most; `code` is no surrogate.
void AppendUtf8(int32_t code, std::string* out) {
  if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | code >> 6));
  } else {
    if (code < 0x10000) {
      out->push_back(static_cast<char>(0xe0 | code >> 12));
    } else {
      out->push_back(static_cast<char>(0xf0 | code >> 18));
      out->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    }
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
  }
  out->push_back(static_cast<char>(0x80 | (code & 0x3f)));
}

class Maker {
 public:
  Maker(const PhoneNumberUtil& util, std::string region, uint64_t seed)
      : util_(util),
        region_(std::move(region)),
        code_(util.GetCountryCodeForRegion(region_)),
        examples_(Examples(util, region_)),
        random_(seed) {
    util_.GetNddPrefixForRegion(region_, true, &trunk_);
  }

  std::string Next() { return Write(National()); }

  // Most keep their start and change their end: those are valid. The others are damaged.
  std::string National() {
    std::string number = random_.OneOf(examples_);
    const int way = random_.Below(10);
    const size_t keep = way < 7 ? number.size() * 2 / 3 : way < 9 ? 1 : 0;
    for (size_t i = keep; i < number.size(); ++i) {
      if (random_.Below(3) != 0) number[i] = random_.Digit();
    }
    if (random_.Below(24) == 0) number.push_back(random_.Digit());
    if (random_.Below(24) == 0) number.pop_back();
    if (random_.Below(60) == 0) number.insert(number.begin(), '0');
    return number;
  }

 private:
  std::string Group(const std::string& digits) {
    constexpr const char* kSeparators[] = {" ", "-", ".", "/", " - ", "\xc2\xa0", "\xe2\x80\x93"};
    std::string out;
    const char* separator = kSeparators[random_.Below(7)];
    for (size_t i = 0; i < digits.size(); ++i) {
      if (i > 0 && i % 3 == 0 && i + 1 < digits.size()) out += separator;
      out.push_back(digits[i]);
    }
    return out;
  }

  // "8003569377" as "800FLOWERS": the last digits as letters that share their keys.
  static std::string Spelled(std::string digits) {
    for (size_t i = digits.size() / 2; i < digits.size(); ++i) {
      if (digits[i] >= '2') digits[i] = "ADGJMPTW"[digits[i] - '2'];
    }
    return digits;
  }

  std::string Write(const std::string& national) {
    const std::string code = std::to_string(code_);
    std::string out;
    switch (random_.Below(13)) {
      case 0:
      case 1:
      case 2:
        out = "+" + code + national;
        break;
      case 3:
        out = "+" + code + " " + Group(national);
        break;
      case 4:
        out = "+" + code + " (" + trunk_ + ") " + Group(national);
        break;
      case 5:
        out = "00" + code + national;
        break;
      case 6:
        out = code + national;
        break;
      case 7:
        out = trunk_ + Group(national);
        break;
      case 8:
        out = "(" + trunk_ + national.substr(0, 2) + ") " + national.substr(2);
        break;
      case 9:
        out = "tel:+" + code + "-" + Group(national);
        break;
      case 10:
        out = "+" + code + "-" + Spelled(national);
        break;
      default:
        out = national;
    }
    switch (random_.Below(25)) {
      case 0:
        return out + " x" + std::to_string(random_.Below(10000));
      case 1:
        return out + " ext. " + std::to_string(random_.Below(1000));
      case 2:
        return "Tel: " + out;
      case 3:
        return out + ";ext=" + std::to_string(random_.Below(100));
      case 4:
        return out + "#" + std::to_string(random_.Below(100));
      default:
        return out;
    }
  }

  const PhoneNumberUtil& util_;
  const std::string region_;
  const int code_;
  const std::vector<std::string> examples_;
  std::string trunk_;
  Random random_;
};

struct Answer {
  bool parsed = false;
  bool valid = false;
  std::string e164;
  std::string extension;
  std::string region;
};

Answer Ask(const PhoneNumberUtil& util, const std::string& text, const std::string& region) {
  Answer answer;
  Oracle number;
  answer.parsed = util.Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR;
  if (!answer.parsed) return answer;
  util.Format(number, PhoneNumberUtil::E164, &answer.e164);
  answer.valid = util.IsValidNumber(number);
  answer.extension = number.extension();
  util.NormalizeDigitsOnly(&answer.extension);  // ours are ASCII, whatever was written
  util.GetRegionCodeForNumber(number, &answer.region);
  return answer;
}

Answer Ours(const std::string& text, const std::string& region) {
  const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, region);
  if (!phone.ok()) return {};
  return {true, phone->valid, phone->e164, phone->extension, phone->region};
}

// "" when both say the same. "ZZ" is the oracle's word for no region: there ours is that of the
// country code.
std::string Difference(const Answer& wanted, const Answer& got) {
  if (wanted.parsed != got.parsed) return wanted.parsed ? "refused by us only" : "taken by us only";
  if (wanted.e164 != got.e164) return "another E.164";
  if (wanted.valid != got.valid) return wanted.valid ? "valid there only" : "valid here only";
  if (wanted.extension != got.extension) return "another extension";
  return wanted.region == got.region || wanted.region == "ZZ" ? "" : "another region";
}

// Asks both, counts what is the same and keeps one sample of each kind of difference.
class Judge {
 public:
  explicit Judge(const PhoneNumberUtil& util) : util_(util) {}

  bool Same(const std::string& text, const std::string& region) {
    const Answer wanted = Ask(util_, text, region);
    const Answer got = Ours(text, region);
    const std::string difference = Difference(wanted, got);
    ++asked_;
    parsed_ += wanted.parsed;
    valid_ += wanted.valid;
    if (difference.empty()) return true;
    ++kinds_[difference];
    samples_.emplace(difference,
                     region + " '" + text + "': " + Shown(wanted) + ", we say " + Shown(got));
    return false;
  }

  void Print() const {
    for (const auto& [kind, count] : kinds_) {
      std::cout << count << " " << kind << ", such as " << samples_.at(kind) << "\n";
    }
    std::cout << asked_ - differences() << " of " << asked_ << " the same, " << parsed_
              << " taken and " << valid_ << " valid by libphonenumber\n";
  }

  size_t asked() const { return asked_; }
  size_t parsed() const { return parsed_; }
  size_t valid() const { return valid_; }
  size_t differences() const {
    size_t sum = 0;
    for (const auto& [kind, count] : kinds_) sum += count;
    return sum;
  }

 private:
  static std::string Shown(const Answer& answer) {
    if (!answer.parsed) return "refused";
    return answer.e164 + " x" + answer.extension + " " + answer.region +
           (answer.valid ? " valid" : " not valid");
  }

  const PhoneNumberUtil& util_;
  size_t asked_ = 0;
  size_t parsed_ = 0;
  size_t valid_ = 0;
  std::map<std::string, size_t> kinds_;
  std::map<std::string, std::string> samples_;
};

class PhoneOracle : public ::testing::Test {
 protected:
  PhoneOracle() {
    std::cout << "seed " << seed_ << " (LEADCORE_SEED sets another)\n";
    std::set<std::string> regions;
    util_.GetSupportedRegions(&regions);
    regions_.assign(regions.begin(), regions.end());
  }
  ~PhoneOracle() override { judge_.Print(); }

  const uint64_t seed_ = testing::Seed();
  const PhoneNumberUtil& util_ = *PhoneNumberUtil::GetInstance();
  std::vector<std::string> regions_;  // in order
  Judge judge_{util_};
};

TEST_F(PhoneOracle, AgreesOnNumbersOfEveryRegion) {
  ASSERT_GE(regions_.size(), 60u);
  const size_t each = testing::Scaled(kNumbersPerRegion);
  Random random(seed_);
  for (const std::string& region : regions_) {
    Maker maker(util_, region, random.Next());
    size_t same = 0;
    for (size_t i = 0; i < each; ++i) {
      // One in eight is read by somebody in another country.
      const bool abroad = random.Below(8) == 0;
      same += judge_.Same(maker.Next(), abroad ? random.OneOf(regions_) : region);
    }
    EXPECT_GE(same * 100, each * 99) << region;
  }
  EXPECT_GE(judge_.asked(), testing::Scaled(1'000'000));
  EXPECT_GE(judge_.valid() * 2, judge_.asked()) << "too few are valid to say anything";
  EXPECT_LE(judge_.differences() * 1000, judge_.asked());
}

// Country codes of services that are in no country: +800, +870, +883 …
TEST_F(PhoneOracle, AgreesOnNumbersOfNoCountry) {
  std::set<int> codes;
  util_.GetSupportedGlobalNetworkCallingCodes(&codes);
  ASSERT_FALSE(codes.empty());
  Random random(seed_);
  for (const int code : codes) {
    Oracle example;
    ASSERT_TRUE(util_.GetExampleNumberForNonGeoEntity(code, &example)) << code;
    for (size_t i = 0; i < testing::Scaled(2000); ++i) {
      std::string number;
      util_.GetNationalSignificantNumber(example, &number);
      for (size_t at = static_cast<size_t>(random.Below(6)); at < number.size(); ++at) {
        if (random.Below(2) == 0) number[at] = random.Digit();
      }
      if (random.Below(6) == 0) number.push_back(random.Digit());
      if (random.Below(6) == 0) number.pop_back();
      judge_.Same("+" + std::to_string(code) + " " + number, random.OneOf(regions_));
    }
  }
  EXPECT_GE(judge_.valid() * 4, judge_.asked());
  EXPECT_EQ(judge_.differences(), 0u);
}

// Digits of many scripts, in numbers and extensions. Letters stay away: among three letters
// libphonenumber loses all digits that are not ASCII, and we do not.
TEST_F(PhoneOracle, AgreesOnDigitsOfOtherScripts) {
  constexpr int32_t kZeros[] = {0xff10, 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x1d7ce, 0x1d7ec};
  Random random(seed_);
  for (const std::string& region : regions_) {
    Maker maker(util_, region, random.Next());
    for (size_t i = 0; i < testing::Scaled(300); ++i) {
      const int32_t zero = kZeros[random.Below(8)];
      std::string text;
      for (const char c : maker.National() + (random.Below(2) == 0 ? "" : " x12")) {
        if (c < '0' || c > '9') {
          text.push_back(c);
        } else {
          AppendUtf8(zero + c - '0', &text);
        }
      }
      judge_.Same(text, region);
    }
  }
  EXPECT_GE(judge_.valid() * 4, judge_.asked());
  EXPECT_EQ(judge_.differences(), 0u);
}

// clang-format off
constexpr std::string_view kPieces[] = {
    "+", "＋", "0", "1", "00", "011", "15", "7", "8", "(", ")", " ", "-", ".", "/", "\\", "x",
    "X", "/x", "/ x", "\\ x2", " x", "ext", "ext.", "EXTN", "extension", "extensi\u00f3n",
    "extensio\u0301n", "anexo", "int", "INT", ";ext=", ";phone-context=", ";phone-context=+44",
    ";phone-context=+", "tel:", ";isub=1", ";", ",", ",,", "#", "＃", "~", "～", "ｅｘｔ", "ｘ",
    "ＸＴｎ", "ｉｎｔ", "доб", "ДОБ", "доб.", "д", "\u212a", "\u017f", "é", "²", "Ⅷ", "\n", "\r",
    "\u2028", "\u00a0", "\u200b", "–", "ー", "−", "．", "［", "\u00ad", "*", "**", "\t", ":",
    "a", "FLOWERS", "ab", "abc", "o", "n", "\xff", "\x01", "\u0301", "😀", "Tel: ", "中", "415",
    "20", "555", "0100", "650 253 0000", "123456", "12345678", "+1", "+44", "+800", "+883",
    "+390", "99999999999999999999"};
// clang-format on

// What could be taken for part of a number, in any order, and damaged numbers with it in them.
TEST_F(PhoneOracle, AgreesOnWhatIsHardlyANumber) {
  Random random(seed_);
  for (size_t i = 0; i < testing::Scaled(kTexts); ++i) {
    const std::string& region = random.OneOf(regions_);
    std::string text;
    if (i % 3 != 0) text = Maker(util_, region, random.Next()).Next();
    for (int n = random.Below(text.empty() ? 9 : 2); n >= 0; --n) {
      const size_t at = random.Below(2) == 0
                            ? text.size()
                            : static_cast<size_t>(random.Below(static_cast<int>(text.size()) + 1));
      text.insert(at, kPieces[random.Below(static_cast<int>(std::size(kPieces)))]);
    }
    judge_.Same(text, random.Below(9) == 0 ? "" : region);
  }
  EXPECT_GE(judge_.parsed() * 3, judge_.asked());
  EXPECT_EQ(judge_.differences(), 0u);
}

}  // namespace
}  // namespace leadcore
