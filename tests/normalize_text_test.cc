// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "normalize_random.h"
#include "test_util.h"
#include "text.h"

namespace leadcore {
namespace {

using testing::RandomText;

TEST(NormalizeTextTest, TrimsAndCollapsesWhiteSpaceOfAllScripts) {
  EXPECT_EQ(NormalizeText("  a \t\r\n b  "), "a b");
  EXPECT_EQ(NormalizeText("\u00a0a\u2003\u3000b\u200b"), "a b");
  EXPECT_EQ(NormalizeText(" \u200b "), "");
  EXPECT_EQ(NormalizeText(""), "");
}

TEST(NormalizeTextTest, DropsControlsAndDirectionMarks) {
  EXPECT_EQ(NormalizeText(std::string_view("a\0b\x7f\x01", 5)), "ab");
  EXPECT_EQ(NormalizeText("\ufeffid"), "id");
  EXPECT_EQ(NormalizeText("\u202a+1 415\u202c"), "+1 415");
  EXPECT_EQ(NormalizeText("a\u0085b"), "a b") << "next line is white space";
}

TEST(NormalizeTextTest, ComposesToNfc) {
  EXPECT_EQ(NormalizeText("Jose\u0301"), "José");
  EXPECT_EQ(NormalizeText("ﬁ"), "ﬁ") << "NFC keeps ligatures";
}

TEST(NormalizeTextTest, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(NormalizeText("a\xff z"), "a\ufffd z");
  EXPECT_EQ(NormalizeText("\xc3"), "\ufffd");
}

TEST(FoldTextTest, RemovesCaseAccentsAndPunctuation) {
  EXPECT_EQ(FoldText("Strauß-Müller"), "strauss muller");
  EXPECT_EQ(FoldText("  O'Brien  &  Co. "), "obrien co");
  EXPECT_EQ(FoldText("O’Brien"), FoldText("O´Brien"));
  EXPECT_EQ(FoldText("ŁÓDŹ"), "lodz");
  EXPECT_EQ(FoldText("Ærøskøbing"), "aeroskobing");
  EXPECT_EQ(FoldText("ＡＢＣ１２３"), "abc123");
  EXPECT_EQ(FoldText("-!?"), "");
}

TEST(FoldTextTest, InitialsAreOneWordOtherStopsPartWords) {
  EXPECT_EQ(FoldText("U.S.A."), "usa");
  EXPECT_EQ(FoldText("S.p.A."), "spa");
  EXPECT_EQ(FoldText("St.Gallen"), "st gallen");
  EXPECT_EQ(FoldText("J. Smith"), "j smith");
}

TEST(FoldTextTest, KeepsMarksThatMakeAnotherLetter) {
  EXPECT_EQ(FoldText("ガ"), "ガ");
  EXPECT_EQ(FoldText("ｶﾞ"), "ガ");
  EXPECT_NE(FoldText("कि"), FoldText("क"));
  EXPECT_EQ(FoldText("한국"), "한국");
}

TEST(FoldTextTest, DottedAndDotlessIAreOne) {
  EXPECT_EQ(FoldText("İstanbul"), "istanbul");
  EXPECT_EQ(FoldText("Diyarbakır"), "diyarbakir");
}

TEST(IsValidUtf8Test, RefusesNulAndIllFormedText) {
  EXPECT_TRUE(IsValidUtf8("añ漢🙂"));
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_FALSE(IsValidUtf8(std::string_view("a\0b", 3)));
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));
}

TEST(NormalizePropertyTest, TextAndFoldAreIdempotentAndReadable) {
  SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
  constexpr std::string_view kWords[] = {"Straße", "U.S.A.", "O'Brien", "a.b", "x", "Ångström"};
  RandomText random(kWords);
  for (size_t i = 0; i < testing::Scaled(50'000); ++i) {
    const std::string text = random.Next();
    const std::string normal = NormalizeText(text);
    ASSERT_EQ(NormalizeText(normal), normal) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(normal)) << ::testing::PrintToString(text);
    const std::string folded = FoldText(text);
    ASSERT_EQ(FoldText(folded), folded) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(folded)) << ::testing::PrintToString(text);
    ASSERT_EQ(FoldText(normal), FoldText(NormalizeText(normal)));
  }
}

// Most text takes a short cut, which one letter that is not ASCII bars.
TEST(NormalizePropertyTest, TheShortCutForAsciiFoldsAlike) {
  std::mt19937_64 random(testing::Seed());
  SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
  for (size_t i = 0; i < testing::Scaled(50'000); ++i) {
    std::string text;
    for (uint64_t size = random() % 12; size > 0; --size) {
      constexpr std::string_view kOften = "aZ9.'` -";
      text.push_back(random() % 2 == 0 ? kOften[random() % kOften.size()]
                                       : static_cast<char>(random() % 128));
    }
    const std::string folded = FoldText(text);
    ASSERT_EQ(FoldText(text + " é"), folded.empty() ? "e" : folded + " e")
        << ::testing::PrintToString(text);
  }
}

TEST(NormalizePropertyTest, EveryCodePointFoldsToItsOwnFold) {
  for (char32_t point = 1; point < 0x110000; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;
    std::string text;
    if (point < 0x80) {
      text = static_cast<char>(point);
    } else if (point < 0x800) {
      text = {static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 63))};
    } else if (point < 0x10000) {
      text = {static_cast<char>(0xe0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 63)),
              static_cast<char>(0x80 | (point & 63))};
    } else {
      text = {static_cast<char>(0xf0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 63)),
              static_cast<char>(0x80 | (point >> 6 & 63)), static_cast<char>(0x80 | (point & 63))};
    }
    const std::string folded = FoldText(text);
    ASSERT_EQ(FoldText(folded), folded) << std::hex << static_cast<uint32_t>(point);
    const std::string normal = NormalizeText(text);
    ASSERT_EQ(NormalizeText(normal), normal) << std::hex << static_cast<uint32_t>(point);
  }
}

}  // namespace
}  // namespace leadcore
