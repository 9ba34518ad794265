// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/normalize.h"
#include "normalize_random.h"
#include "test_util.h"
#include "text.h"

namespace leadcore {
namespace {

#include "normalize/name_words.inc"

using testing::RandomText;

struct NameCase {
  std::string_view text, salutation, first, middle, last, suffix, full;
};

constexpr NameCase kNames[] = {
    {"Ann Lee", "", "Ann", "", "Lee", "", "Ann Lee"},
    {"DR. JAN VAN DER BERG jr", "Dr.", "Jan", "", "van der Berg", "Jr.", "Jan van der Berg Jr."},
    {"van der Berg, Jan, Jr.", "", "Jan", "", "van der Berg", "Jr.", "Jan van der Berg Jr."},
    {"Berg, Jan van der", "", "Jan", "", "van der Berg", "", "Jan van der Berg"},
    {"smith, john paul", "", "John", "Paul", "Smith", "", "John Paul Smith"},
    {"Smith, Dr. John", "Dr.", "John", "", "Smith", "", "John Smith"},
    {"JOHN MCDONALD III", "", "John", "", "McDonald", "III", "John McDonald III"},
    {"Jane Doe, PhD, MBA", "", "Jane", "", "Doe", "PhD, MBA", "Jane Doe, PhD, MBA"},
    {"Jane Doe Ph.D.", "", "Jane", "", "Doe", "PhD", "Jane Doe, PhD"},
    {"Jane Doe, MA", "", "Jane", "", "Doe", "MA", "Jane Doe, MA"},
    {"Jack Ma", "", "Jack", "", "Ma", "", "Jack Ma"},
    {"Nguyen, Ma", "", "Ma", "", "Nguyen", "", "Ma Nguyen"},
    {"Md Rahman", "", "Md", "", "Rahman", "", "Md Rahman"},
    {"O'BRIEN, PATRICK", "", "Patrick", "", "O'Brien", "", "Patrick O'Brien"},
    {"jean-luc d'arcy", "", "Jean-Luc", "", "D'Arcy", "", "Jean-Luc D'Arcy"},
    {"Mr. Smith", "Mr.", "", "", "Smith", "", "Smith"},
    {"Sir Elton", "Sir", "Elton", "", "", "", "Elton"},
    {"Mr. and Mrs. John Smith", "Mr. and Mrs.", "John", "", "Smith", "", "John Smith"},
    {"Dr.Smith", "Dr.", "", "", "Smith", "", "Smith"},
    {"M. Dupont", "M.", "", "", "Dupont", "", "Dupont"},
    {"M. Night Shyamalan", "", "M.", "Night", "Shyamalan", "", "M. Night Shyamalan"},
    {"Prof. Dr. med. Hans von und zu Stein", "Prof. Dr. med.", "Hans", "", "von und zu Stein", "",
     "Hans von und zu Stein"},
    {"Frau Müller", "Frau", "", "", "Müller", "", "Müller"},
    {"José Ortega y Gasset", "", "José", "", "Ortega y Gasset", "", "José Ortega y Gasset"},
    {"Madonna", "", "Madonna", "", "", "", "Madonna"},
    {"山田太郎", "", "", "", "", "", "山田太郎"},
    {"Robert (Bob) Smith", "", "Robert", "", "Smith", "", "Robert Smith (Bob)"},
    {"Marine LE PEN", "", "Marine", "", "Le Pen", "", "Marine Le Pen"},
    {"John Le Carré", "", "John", "Le", "Carré", "", "John Le Carré"},
    {"Omar bin Said", "", "Omar", "", "bin Said", "", "Omar bin Said"},
    {"ΓΙΩΡΓΟΣ ΠΑΠΑΣ", "", "Γιωργος", "", "Παπας", "", "Γιωργος Παπας"},
    {"  Ann\u00a0 Lee ", "", "Ann", "", "Lee", "", "Ann Lee"},
};

TEST(NormalizePersonNameTest, Splits) {
  for (const NameCase& expected : kNames) {
    SCOPED_TRACE(expected.text);
    const absl::StatusOr<PersonName> name = NormalizePersonName(expected.text);
    ASSERT_TRUE(name.ok()) << Message(name.status());
    EXPECT_EQ(name->salutation, expected.salutation);
    EXPECT_EQ(name->first, expected.first);
    EXPECT_EQ(name->middle, expected.middle);
    EXPECT_EQ(name->last, expected.last);
    EXPECT_EQ(name->suffix, expected.suffix);
    EXPECT_EQ(name->full, expected.full);
  }
}

TEST(NormalizePersonNameTest, RefusesWhatIsNoName) {
  for (const std::string_view text : {"", "  ", "n/a", "N.A.", "NULL", "none", "Unknown", "-", "--",
                                      "12345", "ann@example.com", "?", "\xff", "(unknown)"}) {
    const absl::StatusOr<PersonName> name = NormalizePersonName(text);
    ASSERT_FALSE(name.ok()) << text;
    EXPECT_EQ(name.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(Message(name.status()).empty());
  }
  EXPECT_TRUE(NormalizePersonName("Christopher Null").ok());
  EXPECT_TRUE(NormalizePersonName("Test").ok());
}

TEST(NormalizeNamePartTest, CasesOnlyWhatIsAllUpperOrAllLower) {
  EXPECT_EQ(NormalizeNamePart("VAN DER BERG"), "van der Berg");
  EXPECT_EQ(NormalizeNamePart("van der berg"), "van der Berg");
  EXPECT_EQ(NormalizeNamePart("McDonald"), "McDonald");
  EXPECT_EQ(NormalizeNamePart("de Souza"), "de Souza");
  EXPECT_EQ(NormalizeNamePart("MCDONALD"), "McDonald");
  EXPECT_EQ(NormalizeNamePart("MACDONALD"), "MacDonald");
  EXPECT_EQ(NormalizeNamePart("MACEY"), "Macey");
  EXPECT_EQ(NormalizeNamePart("LE"), "Le");
  EXPECT_EQ(NormalizeNamePart("VAN"), "Van");
  EXPECT_EQ(NormalizeNamePart("ann-marie"), "Ann-Marie");
  EXPECT_EQ(NormalizeNamePart("j.r.r."), "J.R.R.");
  EXPECT_EQ(NormalizeNamePart("JJ"), "JJ");
  EXPECT_EQ(NormalizeNamePart("JO"), "Jo");
  EXPECT_EQ(NormalizeNamePart("ja'far"), "Ja'far");
  EXPECT_EQ(NormalizeNamePart("al-rashid"), "al-Rashid");
  EXPECT_EQ(NormalizeNamePart("ÉLODIE"), "Élodie");
  EXPECT_EQ(NormalizeNamePart("  x  "), "X");
  EXPECT_EQ(NormalizeNamePart(""), "");
  EXPECT_EQ(NormalizeNamePart("王"), "王");
}

TEST(NormalizeNamePropertyTest, FullNamesAndPartsAreIdempotent) {
  SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
  constexpr std::string_view kWords[] = {
      "Ann",     "Lee",      "van",   "der",     "Mr.", "Dr",  "Jr.", "PhD", "III",
      "O'Brien", "McDonald", "y",     "Smith",   ",",   ", ",  "MA",  "bin", "al-Ali",
      "de",      "la",       "(Bob)", "\"Bob\"", "J.",  "St.", "M."};
  RandomText random(kWords);
  size_t accepted = 0;
  for (size_t i = 0; i < testing::Scaled(100'000); ++i) {
    const std::string text = random.Next();
    const std::string part = NormalizeNamePart(text);
    ASSERT_EQ(NormalizeNamePart(part), part) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(part));
    const absl::StatusOr<PersonName> once = NormalizePersonName(text);
    if (!once.ok()) continue;
    ++accepted;
    ASSERT_FALSE(once->full.empty()) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(once->full));
    const absl::StatusOr<PersonName> twice = NormalizePersonName(once->full);
    ASSERT_TRUE(twice.ok()) << ::testing::PrintToString(text) << " -> " << once->full;
    ASSERT_EQ(twice->full, once->full) << ::testing::PrintToString(text);
  }
  EXPECT_GT(accepted, testing::Scaled(100'000) / 2);
}

// Two plain words take a short way; with more space between they do not.
TEST(NormalizeNamePropertyTest, TheShortWayReadsWhatTheLongOneDoes) {
  std::vector<std::string> words = {"Ann",  "Smith", "Name", "Not", "Available", "First", "Last",
                                    "Dipl", "Ing",   "Test", "Aa",  "St",        "No",    "Mac"};
  const auto add = [&words](std::string_view folded) {
    std::string word(folded);
    word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
    words.push_back(std::move(word));
  };
  for (const NameWord& word : kHonorifics) add(word.folded);
  for (const NameWord& word : kSuffixes) add(word.folded);
  for (const NameWord& word : kCommaSuffixes) add(word.folded);
  for (const std::string_view word : kParticles) add(word);
  for (const std::string& first : words) {
    for (const std::string& last : words) {
      const auto plain = NormalizePersonName(first + " " + last);
      const auto spaced = NormalizePersonName(first + "  " + last);
      ASSERT_EQ(plain.ok(), spaced.ok()) << first << " " << last;
      if (!plain.ok()) continue;
      ASSERT_EQ(plain->full, spaced->full);
      ASSERT_EQ(plain->salutation, spaced->salutation) << plain->full;
      ASSERT_EQ(plain->first, spaced->first) << plain->full;
      ASSERT_EQ(plain->middle, spaced->middle) << plain->full;
      ASSERT_EQ(plain->last, spaced->last) << plain->full;
      ASSERT_EQ(plain->suffix, spaced->suffix) << plain->full;
    }
  }
}

}  // namespace
}  // namespace leadcore
