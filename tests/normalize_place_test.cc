// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "normalize_random.h"
#include "test_util.h"
#include "text.h"

namespace leadcore {
namespace {

using testing::RandomText;

std::string Domain(std::string_view text) {
  const absl::StatusOr<std::string> domain = RegistrableDomain(text);
  return domain.ok() ? *domain : "refused";
}

TEST(RegistrableDomainTest, FromAddressesHostsAndMail) {
  EXPECT_EQ(Domain("https://www.Shop.example.co.uk:443/x?y"), "example.co.uk");
  EXPECT_EQ(Domain("www.example.com"), "example.com");
  EXPECT_EQ(Domain("example.com."), "example.com");
  EXPECT_EQ(Domain("//cdn.example.com/a"), "example.com");
  EXPECT_EQ(Domain("http://user:pw@example.com:8080#x"), "example.com");
  EXPECT_EQ(Domain("ann@mail.example.com"), "example.com");
  EXPECT_EQ(Domain("mailto:ann@mail.example.com"), "example.com");
  EXPECT_EQ(Domain("MÜNCHEN.de"), "xn--mnchen-3ya.de");
  EXPECT_EQ(Domain("www.a.個人.hk"), "a.xn--gmqw5a.hk") << "the suffix is known in A-labels too";
  EXPECT_EQ(Domain("ann.github.io"), "ann.github.io");
  EXPECT_EQ(Domain("my_shop.example.com"), "example.com");
}

TEST(RegistrableDomainTest, RefusesWhatHasNone) {
  for (const std::string_view text :
       {"", "com", "co.uk", "localhost", "192.0.2.1", "http://192.0.2.1:80/", "http://[::1]/",
        "::1", "a b.com", "-a.com", "exa_mple.com", "https://", "\xff.com", "a..com"}) {
    const absl::StatusOr<std::string> domain = RegistrableDomain(text);
    ASSERT_FALSE(domain.ok()) << text << " -> " << *domain;
    EXPECT_EQ(domain.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(Message(domain.status()).empty());
  }
}

std::string Country(std::string_view text) {
  const absl::StatusOr<std::string> country = NormalizeCountry(text);
  return country.ok() ? *country : "refused";
}

TEST(NormalizeCountryTest, CommonSpellings) {
  constexpr std::string_view kSpellings[][2] = {
      {"USA", "US"},
      {"U.S.", "US"},
      {"U. S. A.", "US"},
      {"us", "US"},
      {"America", "US"},
      {"the United States of America", "US"},
      {"UK", "GB"},
      {"U.K.", "GB"},
      {"England", "GB"},
      {"United Kingdom", "GB"},
      {"GBR", "GB"},
      {"Deutschland", "DE"},
      {"ALLEMAGNE", "DE"},
      {"España", "ES"},
      {"espana", "ES"},
      {"Brasil", "BR"},
      {"Viet Nam", "VN"},
      {"Vietnam", "VN"},
      {"Ivory Coast", "CI"},
      {"Côte d’Ivoire", "CI"},
      {"South Korea", "KR"},
      {"Korea, Republic of", "KR"},
      {"Republic of Korea", "KR"},
      {"North Korea", "KP"},
      {"Russia", "RU"},
      {"Turkey", "TR"},
      {"Türkiye", "TR"},
      {"Czech Republic", "CZ"},
      {"Holland", "NL"},
      {"The Netherlands", "NL"},
      {"AND", "AD"},
      {"St. Lucia", "LC"},
      {"Bosnia & Herzegovina", "BA"},
      {"日本", "JP"},
      {"中国", "CN"},
      {"Swaziland", "SZ"},
      {"Macedonia", "MK"},
      {"Hong Kong", "HK"},
      {"Taiwan", "TW"},
      {"UAE", "AE"},
      {"Congo", "CG"},
      {"DR Congo", "CD"},
      {"Guinea", "GN"},
      {"Niger", "NE"},
      {"Georgia", "GE"},
  };
  for (const auto& [text, code] : kSpellings) EXPECT_EQ(Country(text), code) << text;
  for (const std::string_view text : {"", "Atlantis", "ZZ", "??", "\xff", "1", "of"}) {
    EXPECT_EQ(Country(text), "refused") << text;
  }
}

TEST(NormalizeCountryTest, AllCodesHaveNamesThatLeadBack) {
  size_t countries = 0;
  std::set<std::string_view> names;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      const std::string code = {a, b};
      const std::string_view name = CountryName(code);
      if (name.empty()) continue;
      ++countries;
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(Country(code), code);
      EXPECT_EQ(Country(name), code) << name;
      EXPECT_EQ(Country(std::string{static_cast<char>(std::tolower(a)), b}), code);
    }
  }
  EXPECT_EQ(countries, 249u);
  EXPECT_EQ(CountryName("DE"), "Germany");
  EXPECT_EQ(CountryName("de"), "Germany");
  EXPECT_EQ(CountryName("XX"), "");
  EXPECT_EQ(CountryName(""), "");
}

TEST(NormalizeRegionTest, KnownRegions) {
  constexpr std::string_view kRegions[][3] = {
      {"US", "Calif.", "CA"},
      {"US", "california", "CA"},
      {"US", "ca", "CA"},
      {"US", "US-CA", "CA"},
      {"US", "D.C.", "DC"},
      {"US", "N.Y.", "NY"},
      {"US", "Puerto Rico", "PR"},
      {"CA", "Québec", "QC"},
      {"CA", "Ont.", "ON"},
      {"AU", "New South Wales", "NSW"},
      {"GB", "Scotland", "SCT"},
      {"GB", "Wales", "WLS"},
      {"GB", "England", "ENG"},
      {"GB", "Northern Ireland", "NIR"},
      {"DE", "Bayern", "BY"},
      {"DE", "Bavaria", "BY"},
      {"DE", "Sachsen-Anhalt", "ST"},
      {"DE", "ST", "ST"},
      {"FR", "Île-de-France", "IDF"},
      {"IT", "Toscana", "52"},
      {"IT", "Lombardy", "25"},
      {"ES", "Cataluña", "CT"},
      {"ES", "Madrid", "MD"},
      {"BR", "São Paulo", "SP"},
      {"IN", "Karnataka", "KA"},
      {"IN", "Tamil Nadu", "TN"},
      {"MX", "Jalisco", "JAL"},
      {"MX", "CDMX", "CMX"},
      {"JP", "Tōkyō", "13"},
      {"JP", "大阪府", "27"},
      {"CH", "Zürich", "ZH"},
      {"CH", "St. Gallen", "SG"},
      {"AT", "Wien", "9"},
      {"CN", "Guangdong", "GD"},
      {"SE", "Skåne", "M"},
      {"us", "Texas", "TX"},
  };
  for (const auto& [country, text, code] : kRegions) {
    EXPECT_EQ(NormalizeRegion(text, country), code) << country << " " << text;
  }
}

TEST(NormalizeRegionTest, OthersAreTrimmedOnly) {
  EXPECT_EQ(NormalizeRegion("  Nowhere  Land ", "US"), "Nowhere Land");
  EXPECT_EQ(NormalizeRegion(" California ", ""), "California");
  EXPECT_EQ(NormalizeRegion("California", "DE"), "California");
  EXPECT_EQ(NormalizeRegion("", "US"), "");
  EXPECT_EQ(NormalizeRegion("\xff", "US"), "\ufffd");
}

std::string Postal(std::string_view text, std::string_view country) {
  const absl::StatusOr<std::string> code = NormalizePostalCode(text, country);
  return code.ok() ? *code : "refused";
}

TEST(NormalizePostalCodeTest, WrittenAsTheCountryDoes) {
  constexpr std::string_view kCodes[][3] = {
      {"GB", "sw1a1aa", "SW1A 1AA"},
      {"GB", "M1 1AE", "M1 1AE"},
      {"GB", "gir0aa", "GIR 0AA"},
      {"CA", "K1A0B1", "K1A 0B1"},
      {"US", "02134", "02134"},
      {"US", "2134", "02134"},
      {"US", "501", "00501"},
      {"US", "021341234", "02134-1234"},
      {"US", "2134-1234", "02134-1234"},
      {"DE", "D-10115", "10115"},
      {"DE", "DE 10115", "10115"},
      {"FR", "F-75001", "75001"},
      {"SE", "SE-11120", "111 20"},
      {"NL", "1234ab", "1234 AB"},
      {"NL", "NL-1234 AB", "1234 AB"},
      {"PL", "00950", "00-950"},
      {"PT", "1000001", "1000-001"},
      {"BR", "01310100", "01310-100"},
      {"JP", "〒１００－０００１", "100-0001"},
      {"IN", "560 001", "560001"},
      {"IE", "d6wxy12", "D6W XY12"},
      {"LV", "1010", "LV-1010"},
      {"LV", "lv1010", "LV-1010"},
      {"CZ", "11000", "110 00"},
      {"AU", " 2000 ", "2000"},
      {"CH", "CH-8001", "8001"},
      {"MT", "VLT1117", "VLT 1117"},
      {"AR", "c1425dkp", "C1425DKP"},
      {"GI", "GX111AA", "GX11 1AA"},
      {"KY", "ky1 1001", "KY1-1001"},
      {"ZZ", " ab  12 ", "AB 12"},
      {"", "ab 1", "AB 1"},
      {"us", "2134", "02134"},
  };
  for (const auto& [country, text, code] : kCodes) {
    EXPECT_EQ(Postal(text, country), code) << country << " " << text;
  }
}

TEST(NormalizePostalCodeTest, RefusesWhatDoesNotFit) {
  constexpr std::string_view kWrong[][2] = {
      {"US", "ABCDE"},  {"US", "123456"},  {"US", "12"},      {"DE", "1067"},
      {"DE", "123456"}, {"CA", "D1A 0B1"}, {"CA", "W1A 0B1"}, {"GB", "12345"},
      {"GB", "SW1A1A"}, {"JP", "123"},     {"NL", "1234"},    {"", ""},
      {"US", ""},       {"US", "-"},       {"US", "\xff"},    {"GI", "GX12 1AA"},
  };
  for (const auto& [country, text] : kWrong) {
    const absl::StatusOr<std::string> code = NormalizePostalCode(text, country);
    ASSERT_FALSE(code.ok()) << country << " " << text << " -> " << *code;
    EXPECT_EQ(code.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(NormalizePlacePropertyTest, AllAreIdempotent) {
  SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
  constexpr std::string_view kWords[] = {
      "www.", "example", ".com",   ".co.uk", "https://", "/x",    "12345", "1A",    "AB",
      "-",    "Calif.",  "Bayern", "of",     "USA",      "Korea", "the",   "90210", "."};
  constexpr std::string_view kCountries[] = {"US", "GB", "DE", "CA", "JP", "LV", "AZ", "", "ZZ"};
  RandomText random(kWords);
  for (size_t i = 0; i < testing::Scaled(100'000); ++i) {
    const std::string text = random.Next();
    const std::string_view country = kCountries[random.Below(std::size(kCountries))];
    SCOPED_TRACE(::testing::PrintToString(text));
    const std::string region = NormalizeRegion(text, country);
    ASSERT_EQ(NormalizeRegion(region, country), region);
    const absl::StatusOr<std::string> postal = NormalizePostalCode(text, country);
    if (postal.ok()) {
      ASSERT_EQ(Postal(*postal, country), *postal);
    }
    const absl::StatusOr<std::string> code = NormalizeCountry(text);
    if (code.ok()) {
      ASSERT_EQ(Country(*code), *code);
    }
    const absl::StatusOr<std::string> domain = RegistrableDomain(text);
    if (domain.ok()) {
      ASSERT_EQ(Domain(*domain), *domain);
    }
  }
}

}  // namespace
}  // namespace leadcore
