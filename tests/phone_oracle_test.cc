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
#include <map>
#include <set>
#include <string>
#include <vector>

#include "leadcore/normalize.h"

namespace leadcore {
namespace {

using i18n::phonenumbers::PhoneNumberUtil;
using Oracle = i18n::phonenumbers::PhoneNumber;

constexpr int kNumbersPerRegion = 4400;

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

 private:
  uint64_t state_;
};

uint64_t Seed() {
  const char* seed = std::getenv("LEADCORE_SEED");
  return seed == nullptr ? 20'261'123 : std::strtoull(seed, nullptr, 10);
}

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

 private:
  // Most keep their start and change their end: those are valid. The others are damaged.
  std::string National() {
    std::string number =
        examples_[static_cast<size_t>(random_.Below(static_cast<int>(examples_.size())))];
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

  std::string Write(const std::string& national) {
    const std::string code = std::to_string(code_);
    std::string out;
    switch (random_.Below(12)) {
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
};

Answer Ask(const PhoneNumberUtil& util, const std::string& text, const std::string& region) {
  Answer answer;
  Oracle number;
  answer.parsed = util.Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR;
  if (!answer.parsed) return answer;
  util.Format(number, PhoneNumberUtil::E164, &answer.e164);
  answer.valid = util.IsValidNumber(number);
  answer.extension = number.extension();
  return answer;
}

Answer Ours(const std::string& text, const std::string& region) {
  const absl::StatusOr<PhoneNumber> phone = NormalizePhone(text, region);
  if (!phone.ok()) return {};
  return {true, phone->valid, phone->e164, phone->extension};
}

// "" when both say the same.
std::string Difference(const Answer& wanted, const Answer& got) {
  if (wanted.parsed != got.parsed) return wanted.parsed ? "refused by us only" : "taken by us only";
  if (wanted.e164 != got.e164) return "another E.164";
  if (wanted.valid != got.valid) return wanted.valid ? "valid there only" : "valid here only";
  return wanted.extension == got.extension ? "" : "another extension";
}

TEST(PhoneOracle, SaysTheSameAsLibphonenumber) {
  const uint64_t seed = Seed();
  std::cout << "seed " << seed << " (LEADCORE_SEED sets another)\n";
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  std::set<std::string> regions;
  util.GetSupportedRegions(&regions);
  ASSERT_GE(regions.size(), 60u);
  int64_t asked = 0, same = 0, valid = 0;
  std::map<std::string, int64_t> kinds;
  std::map<std::string, std::string> sample;
  uint64_t next_seed = seed;
  for (const std::string& region : regions) {
    Maker maker(util, region, ++next_seed * 0x9e3779b9);
    int64_t same_here = 0;
    for (int i = 0; i < kNumbersPerRegion; ++i) {
      const std::string text = maker.Next();
      const Answer wanted = Ask(util, text, region);
      const Answer got = Ours(text, region);
      const std::string difference = Difference(wanted, got);
      valid += wanted.valid;
      same_here += difference.empty();
      if (difference.empty()) continue;
      ++kinds[difference];
      sample.emplace(difference, region + " '" + text + "': " + wanted.e164 + " x" +
                                     wanted.extension + ", we say " + got.e164 + " x" +
                                     got.extension);
    }
    EXPECT_GE(same_here, kNumbersPerRegion * 99 / 100) << region;
    asked += kNumbersPerRegion;
    same += same_here;
  }
  for (const auto& [kind, count] : kinds) {
    std::cout << count << " " << kind << ", such as " << sample[kind] << "\n";
  }
  std::cout << same << " of " << asked << " the same in " << regions.size() << " regions, " << valid
            << " valid\n";
  EXPECT_GE(asked, 1'000'000);
  EXPECT_GE(valid * 2, asked) << "too few of the numbers are valid to say anything";
  EXPECT_GE(static_cast<double>(same), 0.999 * static_cast<double>(asked));
}

}  // namespace
}  // namespace leadcore
